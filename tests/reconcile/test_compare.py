"""Whatever differs is found, and nothing else."""

from decimal import Decimal

import pytest

from bot.admin.reconciliation.period import home_zone, read_span
from bot.admin.reconciliation.values import TOLERANCE_MS, Kind, Source, Theirs
from bot.money import OPEN, OrderState

from .make import DAY, HOUR, NOON, SPAN, compared, kinds, line, listed, ours, status

S = OrderState


def faults(found) -> list[str]:
    assert found.not_compared == []
    return [kind for _, kind in kinds(found.findings)]


def apart(found) -> list[str]:
    assert found.findings == []
    return [kind for _, kind in kinds(found.not_compared)]


@pytest.mark.parametrize("state", [S.SUCCESSFUL, S.FAILED, S.REVERSED])
def test_what_is_true_agrees(state: S) -> None:
    order = ours(state=state)
    found = compared([(order, status(order))], [line(order), listed(order)])
    assert (faults(found), found.taken) == ([], 1)


def test_a_failed_order_needs_no_line() -> None:
    order = ours(state=S.FAILED)
    assert faults(compared([(order, status(order, state=None, not_found=True))], [])) == []


@pytest.mark.parametrize("number", range(4))
def test_a_line_is_known_by_any_reference(number: int) -> None:
    order = ours()
    assert faults(compared([(order, None)], [line(order, ids=("INV-7", order.ids[number].upper()))])) == []


def test_a_number_of_theirs_is_no_code_of_ours() -> None:
    """Both may be nine digits: a line of another payment is not claimed by whose code they happen to be."""
    mine, other = ours("482915037"), ours("733104882")
    lines = [line(mine, 2), line(other, 3, ids=(*other.ids[:1], mine.code), numbers=(mine.code,))]
    assert faults(compared([(mine, None), (other, None)], lines)) == []
    by_number = line(mine, 2, ids=mine.ids[3:], numbers=mine.ids[3:])
    assert faults(compared([(mine, None)], [by_number])) == []


def test_uuids_are_known_with_and_without_hyphens() -> None:
    order = ours(ids=("11111111-2222-4333-8444-555555555555",))
    written = line(order, ids=("11111111222243338444555555555555",))
    assert faults(compared([(order, None)], [written])) == []


@pytest.mark.parametrize(
    ("state", "word", "kind"),
    [
        (S.SUCCESSFUL, S.PENDING, "wrong_state"),
        (S.SUCCESSFUL, S.FAILED, "wrong_state"),
        (S.SUCCESSFUL, S.REVERSED, "wrong_state"),
        (S.FAILED, S.SUCCESSFUL, "extra"),
        (S.FAILED, S.PENDING, "wrong_state"),
        (S.FAILED, S.REVERSED, "wrong_state"),
        (S.REVERSED, S.SUCCESSFUL, "wrong_state"),
        (S.REVERSED, S.FAILED, "wrong_state"),
    ],
)
def test_states_that_differ(state: S, word: S, kind: str) -> None:
    order = ours(state=state)
    assert faults(compared([(order, status(order, state=word))], [], statement=False)) == [kind]


def test_what_the_provider_does_not_have_is_missing() -> None:
    order = ours()
    gone = compared([(order, status(order, state=None, not_found=True))], [], statement=False)
    assert faults(gone) == ["missing"]
    absent = compared([(order, status(order))], [])
    assert faults(absent) == ["missing"]
    assert absent.findings[0].sources == (Source.STATEMENT,)
    assert faults(compared([(order, status(order))], [], statement=False)) == []
    assert faults(compared([(order, status(order))], [listed(order)])) == ["missing"]


def test_a_reversed_order_the_provider_does_not_have_is_in_the_wrong_state() -> None:
    order = ours(state=S.REVERSED)
    gone = status(order, state=None, not_found=True)
    assert faults(compared([(order, gone)], [], statement=False)) == ["wrong_state"]


def test_a_giving_back_may_stand_on_another_statement() -> None:
    order = ours(state=S.REVERSED)
    assert faults(compared([(order, status(order))], [line(order, state=S.SUCCESSFUL)])) == []
    both = [line(order, state=S.SUCCESSFUL), line(order, 3, state=S.REVERSED)]
    assert faults(compared([(order, status(order))], both)) == []


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (S.REVERSED, {"state": S.SUCCESSFUL}),
        (S.REVERSED, {"state": S.FAILED}),
        (S.REVERSED, {"state": S.PENDING}),
        (S.REVERSED, {"state": None, "not_found": True}),
        (S.FAILED, {"state": S.PENDING}),
        (S.FAILED, {"state": S.REVERSED}),
    ],
)
def test_what_a_person_settled_is_explained_and_no_fault(state: S, word: dict[str, object]) -> None:
    order = ours(state=state, by_hand=True)
    found = compared([(order, status(order, **word))], [line(order)])
    assert (faults(found), kinds(found.explained)) == ([], [(order.code, "settled_by_hand")])
    assert kinds(compared([(ours(state=state), status(order, **word))], []).explained) == []


@pytest.mark.parametrize(
    ("state", "word", "kind"),
    [
        (S.SUCCESSFUL, {"state": S.FAILED}, "wrong_state"),
        (S.SUCCESSFUL, {"state": S.PENDING}, "wrong_state"),
        (S.SUCCESSFUL, {"state": None, "not_found": True}, "missing"),
        (S.FAILED, {"state": S.SUCCESSFUL}, "extra"),
        (S.REVERSED, {"amount": Decimal(1)}, "wrong_amount"),
        (S.REVERSED, {"state": S.SUCCESSFUL, "amount": Decimal(1)}, "wrong_amount"),
    ],
)
def test_no_word_of_a_person_stands_for_money(state: S, word: dict[str, object], kind: str) -> None:
    order = ours(state=state, by_hand=True)
    assert faults(compared([(order, status(order, **word))], [line(order)])) == [kind]


def test_of_a_payout_money_that_left_is_the_success() -> None:
    order = ours(goes_out=True)
    left = line(order, out=True)
    assert faults(compared([(order, status(order))], [left])) == []
    assert faults(compared([(order, None)], [line(order, amount=Decimal(1), out=True)])) == ["wrong_amount"]
    assert faults(compared([(order, None)], [left, line(order, 3, out=True)])) == ["double"]
    failed = ours(state=S.FAILED, goes_out=True)
    assert faults(compared([(failed, None)], [line(failed, state=S.SUCCESSFUL, out=True)])) == ["extra"]
    # The word is what it says, with a minus and without: the payout came back.
    assert faults(compared([(order, None)], [line(order, state=S.REVERSED, out=True)])) == ["wrong_state"]
    assert faults(compared([(order, None)], [line(order, state=S.REVERSED)])) == ["wrong_state"]


def test_our_own_refunds_explain_a_payment_given_back() -> None:
    refund = ours("R0000000", amount=Decimal("5.00"), goes_out=True)
    order = ours(refunds=(refund.part,))
    back = line(order, 3, state=S.REVERSED, amount=Decimal("5.00"), out=True)
    assert faults(compared([(order, status(order))], [line(order), back])) == []
    more = line(order, 3, state=S.REVERSED, amount=Decimal("5.01"), out=True)
    assert faults(compared([(order, status(order))], [line(order), more])) == ["wrong_amount"]
    assert faults(compared([(ours(), status(ours()))], [line(order), back])) == ["wrong_state"]


def test_amounts_and_currencies_are_told_apart() -> None:
    order = ours()
    assert faults(compared([(order, None)], [line(order, amount=Decimal("12.500"))])) == []
    assert faults(compared([(order, None)], [line(order, amount=Decimal("12.505"))])) == ["wrong_amount"]
    assert faults(compared([(order, None)], [line(order, currency="JPY")])) == ["wrong_currency"]
    both = compared([(order, status(order, amount=Decimal(1), currency="KES"))], [], statement=False)
    assert faults(both) == ["wrong_amount", "wrong_currency"]
    assert faults(compared([(order, None)], [line(order, amount=None, currency="")])) == []


def test_two_lines_of_money_are_double() -> None:
    order = ours()
    twice = compared([(order, None)], [line(order), line(order, 3)])
    assert faults(twice) == ["double"]
    assert twice.findings[0].lines == (2, 3)
    assert faults(compared([(order, None)], [line(order), listed(order)])) == []
    assert faults(compared([(order, None)], [line(order), line(order, 3, state=S.FAILED)])) == []


def test_what_several_say_is_one_finding() -> None:
    order = ours()
    wrong = {"amount": Decimal(7)}
    found = compared([(order, status(order, **wrong))], [listed(order, **wrong), line(order, 9, **wrong)])
    assert faults(found) == ["wrong_amount"]
    (one,) = found.findings
    assert one.sources == (Source.STATUS, Source.LIST, Source.STATEMENT)
    assert (one.ours, one.theirs, one.amount, one.lines) == ("12.50", "7", "GHS 12.50", (9,))
    assert one.payer == "+233***001"


# Days


@pytest.mark.parametrize(
    ("moved", "kind"),
    [(0, []), (3 * HOUR, []), (11 * HOUR, []), (13 * HOUR, ["wrong_day"]), (-DAY, ["wrong_day"])],
)
def test_the_day_of_the_money(moved: int, kind: list[str]) -> None:
    order = ours()
    at_ms = NOON + moved
    assert faults(compared([(order, None)], [line(order, from_ms=at_ms, until_ms=at_ms)])) == kind


@pytest.mark.parametrize(("hours", "kind"), [(1, []), (3, ["wrong_day"])])
def test_around_midnight_the_day_may_differ(hours: int, kind: list[str]) -> None:
    """Approved before midnight there, learnt of after it here; a line may tell the day only."""
    midnight = SPAN.from_ms + DAY
    order = ours(created_ms=midnight - 4 * HOUR, settled_ms=midnight + hours * HOUR - 1)
    at_ms = midnight - 1
    assert faults(compared([(order, None)], [line(order, from_ms=at_ms, until_ms=at_ms)])) == kind
    whole_day = line(order, from_ms=SPAN.from_ms, until_ms=midnight - 1)
    assert faults(compared([(order, None)], [whole_day])) == kind


def test_a_list_that_tells_two_times_covers_all_between() -> None:
    order = ours(created_ms=NOON - 30 * HOUR)
    assert faults(compared([(order, None)], [line(order, from_ms=order.created_ms, until_ms=NOON)])) == []


def test_the_day_is_the_zones() -> None:
    kenya = read_span("2026-09-21", "2026-09-23", home_zone("KE"), SPAN.now_ms)
    at_ms = kenya.from_ms + DAY + 2 * HOUR  # 23:00 in Accra, 2:00 in Nairobi
    order = ours(created_ms=at_ms, settled_ms=at_ms)
    told = line(order, from_ms=at_ms - 5 * HOUR, until_ms=at_ms - 5 * HOUR)
    assert faults(compared([(order, None)], [told])) == []  # one day in Accra
    assert faults(compared([(order, None)], [told], zone=kenya.zone)) == ["wrong_day"]


# The period


def test_an_order_belongs_to_the_day_it_was_settled() -> None:
    late = ours(created_ms=SPAN.until_ms - 60_000, settled_ms=SPAN.until_ms + 60_000)
    told = line(late, from_ms=SPAN.until_ms - 1, until_ms=SPAN.until_ms - 1)
    found = compared([(late, None)], [told])
    assert (faults(found), found.taken) == ([], 0)
    assert faults(compared([(late, None)], [])) == []


def test_what_may_stand_on_the_day_beside_is_no_fault() -> None:
    for at_ms in (SPAN.from_ms + 60_000, SPAN.until_ms - 60_000):
        order = ours(created_ms=at_ms, settled_ms=at_ms)
        assert apart(compared([(order, None)], [])) == ["edge"]
        assert faults(compared([(order, None)], [line(order)])) == []
    for at_ms in (SPAN.from_ms + TOLERANCE_MS, SPAN.until_ms - TOLERANCE_MS - 1):
        order = ours(created_ms=at_ms, settled_ms=at_ms)
        assert faults(compared([(order, None)], [])) == ["missing"]


def test_what_was_paid_just_now_may_not_be_on_the_statement_yet() -> None:
    order = ours()
    assert apart(compared([(order, None)], [], now_ms=NOON + HOUR)) == ["edge"]


def test_lines_of_other_days_are_no_concern() -> None:
    stranger = line(ours("Z0000000"), from_ms=SPAN.until_ms, until_ms=SPAN.until_ms + DAY)
    assert faults(compared([], [stranger])) == []
    outside = ours(created_ms=SPAN.until_ms + HOUR, settled_ms=SPAN.until_ms + HOUR)
    wrong = line(outside, amount=Decimal(1))
    assert faults(compared([(outside, None)], [wrong])) == []


def test_an_order_of_long_ago_is_held_against_its_line() -> None:
    old = ours(created_ms=NOON - 9 * DAY, settled_ms=NOON - 9 * DAY)
    today = line(old, from_ms=NOON, until_ms=NOON)
    found = compared([(old, None)], [today])
    assert (faults(found), found.taken) == (["wrong_day"], 0)


# Money nobody knows


def test_money_nobody_knows_is_extra() -> None:
    stranger = ours("Z0000000")
    found = compared([], [line(stranger, 5)])
    assert faults(found) == ["extra"]
    (one,) = found.findings
    assert (one.code, one.reference, one.lines, one.amount) == ("", stranger.ids[0], (5,), "GHS 12.50")
    for state in (S.FAILED, S.PENDING):
        assert faults(compared([], [line(stranger, state=state)])) == []
    assert faults(compared([], [line(stranger, state=S.REVERSED)])) == ["extra"]
    assert faults(compared([], [line(stranger, amount=Decimal(0))])) == []
    assert faults(compared([], [listed(stranger, amount=None)])) == ["extra"]


def test_unknown_money_told_by_two_is_one_finding_and_twice_by_one_is_double() -> None:
    stranger = ours("Z0000000")
    assert faults(compared([], [line(stranger), listed(stranger)])) == ["extra"]
    assert faults(compared([], [line(stranger), line(stranger, 3)])) == ["double", "extra"]
    assert faults(compared([], [line(stranger), line(ours("Y0000000"), 3)])) == ["extra", "extra"]
    assert faults(compared([], [listed(stranger, ids=()), listed(stranger, ids=())])) == ["extra", "extra"]


# What cannot be said


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_open_order_is_listed_apart(state: S) -> None:
    order = ours(state=state)
    found = compared([(order, status(order, state=S.SUCCESSFUL))], [line(order, state=S.SUCCESSFUL)])
    assert apart(found) == ["open"]
    assert found.not_compared[0].theirs == "status: SUCCESSFUL; statement: SUCCESSFUL"


def test_an_open_order_may_be_charged_twice_all_the_same() -> None:
    order = ours(state=S.PENDING)
    found = compared([(order, None)], [line(order, n, state=S.SUCCESSFUL) for n in (2, 3)])
    assert [one.kind for one in found.findings] == [Kind.DOUBLE]
    assert [one.kind for one in found.not_compared] == [Kind.OPEN]


def test_an_old_open_order_whose_money_came_in_the_period_is_listed_apart() -> None:
    order = ours(state=S.UNRESOLVED, created_ms=NOON - 9 * DAY)
    paid = line(order, state=S.SUCCESSFUL, from_ms=NOON, until_ms=NOON)
    assert apart(compared([(order, None)], [paid])) == ["open"]


def test_no_answer_is_no_fault_and_the_statement_is_compared_all_the_same() -> None:
    order = ours()
    silent = Theirs(Source.STATUS, None, problem="no answer in time")
    assert apart(compared([(order, silent)], [line(order)])) == ["no_answer"]
    found = compared([(order, silent)], [line(order, amount=Decimal(1))])
    assert [one.kind for one in found.findings] == [Kind.AMOUNT]


def test_a_word_nobody_knows_says_nothing() -> None:
    order = ours()
    found = compared([(order, status(order, state=None, word="TELEPORTED"))], [line(order)])
    assert apart(found) == ["unclear"]
    assert found.not_compared[0].theirs == "TELEPORTED"


def test_a_list_read_before_the_order_became_final_says_nothing() -> None:
    order = ours()
    assert faults(compared([(order, status(order))], [listed(order, state=S.PENDING), line(order)])) == []


def test_a_line_that_fits_two_orders_is_unclear() -> None:
    first, second = ours("A0000000"), ours("B0000000")
    mixed = line(first, ids=(first.ids[0], second.ids[1]))
    found = compared([(first, None), (second, None)], [mixed])
    assert kinds(found.not_compared) == [("B0000000", "unclear")]
    assert kinds(found.findings) == [("B0000000", "missing")]


def test_another_accounts_money_is_left_aside() -> None:
    comparison = compared([], [])
    other = ours(account_id="momo-uganda")
    comparison.hear(line(other))
    comparison.leave_aside(other)
    comparison.unknown()
    assert faults(comparison) == []
