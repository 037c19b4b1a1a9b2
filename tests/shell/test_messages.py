"""Who is told what about an order, where, and under which key."""

import itertools
from typing import Any

import msgspec
import pytest

from bot.dialog import Address, Number, Screen, Text, View
from bot.money import Money, OrderKind, OrderState, Reason
from bot.notifications.order_messages import (
    message_values,
    otp_prompts,
    reply_message,
    result_messages,
)
from bot.notifications.queueing import encode_view
from bot.runtime.timeouts import TIMES
from bot.store.records import AddressRow, MessageKind, MessageRow, MessageState
from flows.closing import reason_text
from tests.shell.ledger import CHAT, PAYER, order
from tests.store.make import NOW, address

OWN = address("a0", value=PAYER, verified_ms=NOW)
WEB = address("a2", kind="web", value="hash", verified_ms=NOW)
CLAIMED = address("a3", kind="telegram", value="43")
BLOCKED = address("a4", kind="telegram", value="44", verified_ms=NOW, reachable=False)
EVERYWHERE = (OWN, CHAT, WEB, CLAIMED, BLOCKED)
FROM_CHAT: dict[str, Any] = {"origin_channel": "telegram", "origin_kind": "telegram", "origin_value": "42"}


def told(said: OrderState, addresses: tuple[AddressRow, ...] = EVERYWHERE, **given: Any) -> list[MessageRow]:
    numbers = itertools.count(1)
    row = given.pop("row", order())
    made = result_messages(
        row,
        said,
        "Ama's Kitchen",
        addresses,
        now_ms=NOW,
        new_id=lambda: f"m{next(numbers)}",
        timeouts=TIMES,
        **given,
    )
    return [change.row for change in made]


def shown(row: MessageRow) -> View:
    return msgspec.json.decode(row.view, type=View)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (OrderState.SUCCESSFUL, "result.successful"),
        (OrderState.FAILED, "result.failed"),
        (OrderState.REVERSED, "result.reversed"),
        (OrderState.UNRESOLVED, "result.checking"),
    ],
)
def test_a_result_goes_where_the_order_began_and_to_the_linked_chats(said: OrderState, text: str) -> None:
    rows = told(said)
    assert [(row.address_kind, row.address_value) for row in rows] == [
        ("msisdn", PAYER),
        ("telegram", "42"),
        ("web", "hash"),
    ]
    for row in rows:
        assert shown(row).text.id == text
        assert shown(row).ends
        assert row.kind is MessageKind.RESULT
        assert row.state is MessageState.QUEUED
        assert row.order_id == shown(row).order_id == "o1"
        assert row.dedupe_key == f"result:o1:{said.value}:{row.address_kind}:{row.address_value}"
    assert len({row.id for row in rows}) == len({row.dedupe_key for row in rows}) == 3


@pytest.mark.parametrize("said", [OrderState.NEW, OrderState.PENDING, OrderState.NEEDS_OTP])
def test_nobody_waits_to_hear_of_what_is_on_its_way(said: OrderState) -> None:
    assert told(said) == []


def test_an_order_begun_in_a_chat_is_told_there_alone() -> None:
    rows = told(OrderState.SUCCESSFUL, row=order(**FROM_CHAT))
    assert [row.address_kind for row in rows] == ["telegram"]


def test_who_is_about_to_read_it_is_told_a_moment_later() -> None:
    chat = Address("telegram", "42")
    (row,) = told(OrderState.FAILED, row=order(**FROM_CHAT), told=chat)
    assert row.due_ms == NOW + 5000
    rows = told(OrderState.FAILED, told=chat)
    assert {row.address_kind: row.due_ms - NOW for row in rows} == {"msisdn": 0, "telegram": 5000, "web": 0}


def test_a_chat_silent_for_half_a_year_is_nobodys_any_more() -> None:
    lapsed = int(TIMES.lapse_s * 1000)
    for silent_ms, reached in ((lapsed, True), (lapsed + 1, False)):
        seen = msgspec.structs.replace(CHAT, seen_ms=NOW - silent_ms)
        rows = told(OrderState.SUCCESSFUL, (seen,))
        assert [row.address_kind for row in rows] == ["msisdn", *(["telegram"] if reached else [])]


def test_the_same_result_twice_has_the_same_key() -> None:
    first, second = told(OrderState.FAILED), told(OrderState.FAILED, reason=Reason.EXPIRED)
    assert [row.dedupe_key for row in first] == [row.dedupe_key for row in second]


def test_a_correction_says_that_it_is_one() -> None:
    rows = told(OrderState.SUCCESSFUL, row=order(OrderState.FAILED))
    assert {shown(row).text.id for row in rows} == {"result.corrected"}


@pytest.mark.parametrize(
    ("held", "said", "reason"),
    [
        (None, None, None),
        (Reason.EXPIRED, None, Reason.EXPIRED),
        (None, Reason.REJECTED, Reason.REJECTED),
        (Reason.EXPIRED, Reason.REJECTED, Reason.REJECTED),
    ],
)
def test_a_failure_names_the_newest_reason(
    held: Reason | None, said: Reason | None, reason: Reason | None
) -> None:
    rows = told(OrderState.FAILED, row=order(reason=held), reason=said)
    assert shown(rows[0]).text.values["reason"] == reason_text(reason)


@pytest.mark.parametrize("kind", [kind for kind in OrderKind if kind is not OrderKind.COLLECTION])
@pytest.mark.parametrize(
    ("held", "said", "word"),
    [
        (OrderState.PENDING, OrderState.SUCCESSFUL, "successful"),
        (OrderState.PENDING, OrderState.FAILED, "failed"),
        (OrderState.SUCCESSFUL, OrderState.REVERSED, "reversed"),
        (OrderState.PENDING, OrderState.UNRESOLVED, "checking"),
        (OrderState.FAILED, OrderState.SUCCESSFUL, "corrected"),
    ],
)
def test_every_kind_of_order_has_words_of_its_own(
    kind: OrderKind, held: OrderState, said: OrderState, word: str
) -> None:
    if kind is OrderKind.BILL and word == "failed":
        word = "failed_kept"  # its money had come before
    rows = told(said, row=order(held, kind=kind, staff_id="s1"))
    assert {shown(row).text.id for row in rows} == {f"result.{kind.value}.{word}"}


def test_whose_wallet_is_blocked_depends_on_who_began_it() -> None:
    for kind, reason in (
        (OrderKind.COLLECTION, "reason.payer_blocked"),
        (OrderKind.PREAPPROVAL, "reason.payer_blocked"),
        (OrderKind.WITHDRAWAL, "reason.wallet_blocked"),
        (OrderKind.AGREEMENT_CHARGE, "reason.wallet_blocked"),
    ):
        rows = told(OrderState.FAILED, row=order(kind=kind), reason=Reason.PAYER_BLOCKED)
        told_why = shown(rows[0]).text.values["reason"]
        assert isinstance(told_why, Text)
        assert told_why.values.get("why", told_why) == Text(reason)


def test_what_was_paid_already_was_not_cancelled() -> None:
    row = order(kind=OrderKind.INVOICE_CANCEL)
    rows = told(OrderState.FAILED, row=row, reason=Reason.NOT_COMPLETED)
    assert shown(rows[0]).text.values["reason"] == Text("reason.paid_already")


def test_who_gets_the_money_is_a_masked_number_or_an_account() -> None:
    assert message_values(order(), "Ama's Kitchen")["payee"] == Number(PAYER, masked=True)
    refund = order(kind=OrderKind.REFUND, payer="", payee=PAYER)
    assert message_values(refund, "Ama's Kitchen")["payee"] == Number(PAYER, masked=True)
    to_bank = message_values(order(payer="0123456789"), "Ama's Kitchen")
    assert to_bank["payee"] == Text("party.bank_account")


def test_a_message_masks_the_number() -> None:
    values = message_values(order(), "Ama's Kitchen")
    assert values["payer"] == Number(PAYER, masked=True)
    assert values["amount"] == Money(500, "GHS")
    assert values["code"] == order().code


# ---- the code ------------------------------------------------------------------------------------


def prompts(
    addresses: tuple[AddressRow, ...] = EVERYWHERE, *, session_open: bool = True, **given: Any
) -> list[MessageRow]:
    numbers = itertools.count(1)
    made = otp_prompts(
        order(OrderState.PENDING, **given),
        "Ama's Kitchen",
        addresses,
        now_ms=NOW,
        new_id=lambda: f"m{next(numbers)}",
        timeouts=TIMES,
        short_code="*920*10#",
        session_open=session_open,
    )
    return [change.row for change in made]


def test_linked_chats_are_asked_for_the_code_a_little_later() -> None:
    rows = prompts()
    assert [(row.address_kind, row.address_value) for row in rows] == [("telegram", "42"), ("web", "hash")]
    for row in rows:
        assert row.kind is MessageKind.PROMPT
        assert row.due_ms == NOW + 30_000
        assert shown(row).wants == "secret"
        assert row.dedupe_key == f"otp:o1:{row.address_kind}:{row.address_value}"


def test_the_chat_where_it_began_is_asked_by_its_own_turn() -> None:
    assert [row.address_kind for row in prompts(**FROM_CHAT)] == ["web"]


def test_nobody_is_sent_an_sms_while_the_session_asks() -> None:
    assert prompts((OWN,)) == []


def test_without_a_session_everyone_is_asked_at_once_and_an_sms_says_what_to_dial() -> None:
    rows = prompts(session_open=False)
    assert [(row.address_kind, shown(row).text.id) for row in rows] == [
        ("msisdn", "otp.dial"),
        ("telegram", "otp.prompt"),
        ("web", "otp.prompt"),
    ]
    assert {row.due_ms for row in rows} == {NOW}
    assert shown(rows[0]).text.values["short_code"] == "*920*10#"
    assert len({row.dedupe_key for row in rows}) == 3


def test_a_chat_where_it_began_is_asked_once() -> None:
    rows = prompts(session_open=False, **FROM_CHAT)
    assert [(row.address_kind, row.address_value) for row in rows] == [("telegram", "42"), ("web", "hash")]


# ---- answers -------------------------------------------------------------------------------------


def test_an_answer_is_queued_once_for_its_turn() -> None:
    view = View(text=Text("pay.sent_chat", {"amount": Money(500, "GHS")}), ends=True, order_id="o1")
    row = reply_message(
        view,
        address=Address("telegram", "42"),
        person_id="p1",
        conversation_id="c1",
        key="77",
        now_ms=NOW,
        new_id=lambda: "m1",
    ).row
    assert row.dedupe_key == "reply:telegram:42:77"
    assert row.kind is MessageKind.REPLY
    assert (row.order_id, row.conversation_id) == ("o1", "c1")
    assert row.due_ms == NOW
    assert shown(row) == view


def test_a_view_survives_the_store() -> None:
    view = View(
        text=Text(
            "pay.confirm", {"amount": Money(500, "GHS"), "payer": Number(PAYER), "n": 3, "why": Text("x")}
        ),
        notice=Text("choice.not_valid"),
        serial=4,
        back=True,
        page=2,
        conversation="abcd1234",
    )
    assert msgspec.json.decode(encode_view(view), type=View) == view
    assert Screen("x") == Screen("x")
