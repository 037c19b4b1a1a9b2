"""The order life cycle, against a table written out by hand from the design and not from the code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.money import FINAL, OPEN, OrderState, Reason, Source, Verdict, judge, proves_nothing_moved

NEW, PENDING, NEEDS_OTP, UNRESOLVED = (
    OrderState.NEW,
    OrderState.PENDING,
    OrderState.NEEDS_OTP,
    OrderState.UNRESOLVED,
)
SUCCESSFUL, FAILED, REVERSED = OrderState.SUCCESSFUL, OrderState.FAILED, OrderState.REVERSED

PROVIDER = {Source.REPLY, Source.CALLBACK, Source.WEBHOOK, Source.POLL}
US, PAYER, OPERATOR = {Source.US}, {Source.PAYER}, {Source.OPERATOR}

# Who may move an order from where to where; whatever does not stand here moves nothing.
MOVES: dict[tuple[OrderState, OrderState], set[Source]] = {
    # Nothing has left: only we can say anything.
    (NEW, PENDING): US,
    (NEW, FAILED): US,
    # Perhaps at the provider. FAILED is ours too, where the request surely never left in its time.
    (PENDING, NEEDS_OTP): PROVIDER | US | PAYER,
    (PENDING, UNRESOLVED): PROVIDER | US | PAYER,
    (PENDING, FAILED): PROVIDER | US | PAYER,
    (PENDING, SUCCESSFUL): PROVIDER,
    (PENDING, REVERSED): PROVIDER,
    # The payer typed the code, its time ran out, or the provider went on by itself.
    (NEEDS_OTP, PENDING): PROVIDER | US | PAYER,
    (NEEDS_OTP, FAILED): PROVIDER | US | PAYER,
    (NEEDS_OTP, SUCCESSFUL): PROVIDER,
    (NEEDS_OTP, REVERSED): PROVIDER,
    # By the provider's word, or an operator with reason and name.
    (UNRESOLVED, SUCCESSFUL): PROVIDER | OPERATOR,
    (UNRESOLVED, FAILED): PROVIDER | OPERATOR,
    (UNRESOLVED, REVERSED): PROVIDER | OPERATOR,
    # Final, except.
    (SUCCESSFUL, REVERSED): PROVIDER,
    (FAILED, SUCCESSFUL): OPERATOR,
}
# What the provider may not say any more: an incident, and nothing moves.
CONTRADICTIONS = {
    (SUCCESSFUL, FAILED),
    (FAILED, SUCCESSFUL),
    (FAILED, REVERSED),
    (REVERSED, SUCCESSFUL),
    (REVERSED, FAILED),
}


@pytest.mark.parametrize("held", OrderState)
@pytest.mark.parametrize("said", OrderState)
def test_an_order_moves_only_as_the_design_says(held: OrderState, said: OrderState) -> None:
    for source in Source:
        verdict = judge(held, said, source)
        if held is said:
            assert verdict is Verdict.SAME, source
        elif source in MOVES.get((held, said), set()):
            assert verdict is Verdict.MOVE, source
        elif (held, said) in CONTRADICTIONS and source in PROVIDER:
            assert verdict is Verdict.CONTRADICTION, source
        else:
            assert verdict in (Verdict.REFUSED, Verdict.CONTRADICTION), source


def test_every_state_is_open_or_final() -> None:
    assert {SUCCESSFUL, FAILED, REVERSED} == FINAL
    assert {NEW, PENDING, NEEDS_OTP, UNRESOLVED} == OPEN


@given(st.lists(st.tuples(st.sampled_from(OrderState), st.sampled_from(sorted(PROVIDER | US | PAYER)))))
def test_without_an_operator_nothing_leaves_failed_or_reversed(
    words: list[tuple[OrderState, Source]],
) -> None:
    state = NEW
    for said, source in words:
        after = said if judge(state, said, source) is Verdict.MOVE else state
        if state in (FAILED, REVERSED):
            assert after is state
        if state is SUCCESSFUL:
            assert after in (SUCCESSFUL, REVERSED)
        state = after


@given(st.lists(st.tuples(st.sampled_from(OrderState), st.sampled_from(Source))))
def test_nothing_ever_goes_back_to_new(words: list[tuple[OrderState, Source]]) -> None:
    state, left = NEW, False
    for said, source in words:
        if judge(state, said, source) is Verdict.MOVE:
            state, left = said, True
        assert (state is NEW) is not left


@given(st.sampled_from(OrderState), st.sampled_from([Source.US, Source.PAYER]))
def test_neither_we_nor_the_payer_can_say_that_money_moved(held: OrderState, source: Source) -> None:
    for said in (SUCCESSFUL, REVERSED):
        assert judge(held, said, source) is not Verdict.MOVE


def test_reasons_are_words_of_ours() -> None:
    assert all(reason.value == reason.name.lower() for reason in Reason)


def test_what_broke_under_way_does_not_prove_that_no_money_moved() -> None:
    unproved = {reason for reason in Reason if not proves_nothing_moved(reason)}
    assert unproved == {Reason.NOT_COMPLETED, Reason.OPERATOR_ERROR, Reason.SERVICE_DOWN, Reason.OTHER}
    assert not proves_nothing_moved(None)
