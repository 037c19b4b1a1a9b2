"""Who hears of money that reached or left their wallet, where somebody else began the order."""

from typing import Any

import msgspec
import pytest

from bot.dialog import View
from bot.money import OrderKind, OrderState
from bot.orders.rules.follow_ups import follow_ups
from bot.runtime.timeouts import TIMES
from bot.store.base import Queue
from bot.store.records import AddressRow, MessageKind
from tests.shell.ledger import context, order
from tests.store.make import MSISDN, NOW, agreement

S = OrderState
COUNTER = "+233240000007"
PHONE = AddressRow("a2", "p2", "msisdn", MSISDN, NOW, NOW, verified_ms=NOW)
TELEGRAM = AddressRow("a3", "p2", "telegram", "42", NOW, NOW, verified_ms=NOW)
WEB = AddressRow("a4", "p2", "web", "cookie", NOW, NOW, verified_ms=NOW)
AGED = NOW - int(TIMES.lapse_s * 1000) - 1
# At the counter, by p1, about the wallet of p2 or of nobody known.
OURS = {"origin_value": COUNTER, "state": S.PENDING}
TO_WALLET = OURS | {"payer": "", "payee": MSISDN}
FROM_WALLET = OURS | {"payer": MSISDN}


def told(
    said: OrderState, owner_id: str = "p2", addresses: tuple[AddressRow, ...] = (PHONE,), **given: Any
) -> list[Queue]:
    about = {name: given.pop(name) for name in ("agreement", "refunded") if name in given}
    ctx = context(owner_id=owner_id, owner_addresses=addresses, **about)
    return [change for change in follow_ups(order(**given), said, None, ctx) if isinstance(change, Queue)]


def sentence(queued: Queue) -> str:
    return msgspec.json.decode(queued.row.view, type=View).text.id


@pytest.mark.parametrize(
    ("kind", "given", "held", "said", "hears"),
    [
        (OrderKind.REFUND, TO_WALLET, S.PENDING, S.SUCCESSFUL, "wallet.refunded"),
        (OrderKind.REFUND, TO_WALLET, S.FAILED, S.SUCCESSFUL, "wallet.refunded"),
        (OrderKind.REFUND, TO_WALLET, S.PENDING, S.FAILED, ""),
        (OrderKind.REFUND, TO_WALLET, S.PENDING, S.UNRESOLVED, ""),
        (OrderKind.REFUND, TO_WALLET, S.SUCCESSFUL, S.REVERSED, "wallet.returned"),
        (OrderKind.REFUND, TO_WALLET, S.PENDING, S.REVERSED, ""),
        (OrderKind.DEPOSIT, TO_WALLET, S.PENDING, S.SUCCESSFUL, "wallet.cash_in"),
        (OrderKind.TRANSFER, TO_WALLET, S.PENDING, S.SUCCESSFUL, "wallet.sent"),
        (OrderKind.TRANSFER, OURS | {"payer": ""}, S.PENDING, S.SUCCESSFUL, ""),
        (OrderKind.COLLECTION, FROM_WALLET, S.PENDING, S.SUCCESSFUL, ""),
        (OrderKind.COLLECTION, FROM_WALLET, S.SUCCESSFUL, S.REVERSED, "wallet.reversed"),
        (OrderKind.COLLECTION, FROM_WALLET, S.PENDING, S.REVERSED, "wallet.reversed"),
        (OrderKind.WITHDRAWAL, FROM_WALLET, S.SUCCESSFUL, S.REVERSED, "wallet.cash_out_reversed"),
        (OrderKind.AGREEMENT_CHARGE, FROM_WALLET, S.PENDING, S.SUCCESSFUL, "wallet.debited"),
        (OrderKind.AGREEMENT_CHARGE, FROM_WALLET, S.PENDING, S.FAILED, ""),
        (OrderKind.AGREEMENT_CHARGE, FROM_WALLET, S.SUCCESSFUL, S.REVERSED, "wallet.debit_reversed"),
        (OrderKind.AGREEMENT_CHARGE, FROM_WALLET, S.PENDING, S.REVERSED, ""),
    ],
)
def test_what_reached_or_left_a_wallet_is_told_to_its_owner(
    kind: OrderKind, given: dict[str, Any], held: S, said: S, hears: str
) -> None:
    due = {} if held is S.PENDING else {"due_ms": None}
    queued = told(said, kind=kind, **(given | due | {"state": held}))
    assert [sentence(one) for one in queued] == ([hears] if hears else [])
    assert all(one.row.kind is MessageKind.RESULT for one in queued)


@pytest.mark.parametrize(
    ("addresses", "where"),
    [
        ((), [MSISDN]),
        ((PHONE,), [MSISDN]),
        ((PHONE, TELEGRAM), ["42"]),
        # Nobody may have the page open.
        ((PHONE, WEB), [MSISDN, "cookie"]),
        ((PHONE, WEB, TELEGRAM), ["cookie", "42"]),
        ((PHONE, msgspec.structs.replace(TELEGRAM, seen_ms=AGED)), [MSISDN]),
        ((PHONE, msgspec.structs.replace(TELEGRAM, reachable=False)), [MSISDN]),
        ((PHONE, msgspec.structs.replace(TELEGRAM, verified_ms=None)), [MSISDN]),
        # A number that was silent so long may be somebody else's, and the chat is not theirs.
        ((msgspec.structs.replace(PHONE, seen_ms=AGED), TELEGRAM), [MSISDN]),
    ],
)
def test_it_is_told_where_they_hear_it(addresses: tuple[AddressRow, ...], where: list[str]) -> None:
    owner_id = "p2" if addresses else ""
    queued = told(S.SUCCESSFUL, owner_id, addresses, kind=OrderKind.REFUND, **TO_WALLET)
    assert [one.row.address_value for one in queued] == where
    held = bool(addresses) and addresses[0].seen_ms != AGED
    assert {one.row.person_id for one in queued} == {"p2" if held else ""}
    assert len({one.row.dedupe_key for one in queued}) == len(where)


def test_whoever_asked_for_it_themselves_hears_it_once() -> None:
    mine = {"kind": OrderKind.REFUND, **TO_WALLET}
    assert told(S.SUCCESSFUL, "p1", (PHONE, TELEGRAM), **mine) == []
    assert told(S.SUCCESSFUL, "", (), **(mine | {"origin_value": MSISDN})) == []


def test_a_debit_says_what_was_agreed_and_how_to_stop_it() -> None:
    charge = {"kind": OrderKind.AGREEMENT_CHARGE, "agreement": agreement(every=""), **FROM_WALLET}
    by_sms, by_chat = told(S.SUCCESSFUL, addresses=(PHONE, WEB), **charge)
    for queued, stop in ((by_sms, "wallet.stop_dial"), (by_chat, "wallet.stop_menu")):
        values = msgspec.json.decode(queued.row.view)["text"]["values"]
        assert (values["every"]["id"], values["stop"]["id"]) == ("every.time", stop)


def test_a_refund_names_the_payment_it_is_about() -> None:
    paid = order(code="PAIDCODE")
    (queued,) = told(S.SUCCESSFUL, kind=OrderKind.REFUND, refunded=paid, **TO_WALLET)
    assert msgspec.json.decode(queued.row.view)["text"]["values"]["paid"] == "PAIDCODE"
