"""An incident says who, what, how much, and the command that helps; and no number."""

import ast
from pathlib import Path
from typing import Any

import pytest

import bot
from bot.money import AgreementKind, Money, OrderKind, OrderState, Source
from bot.notifications.incidents import _WHAT, about_agreement, about_event, about_order
from bot.orders.rules import after_status
from bot.providers.base import CallbackEvent, EventTopic, StatusReport
from bot.store.base import AddIncident
from tests.shell.ledger import context, order
from tests.store import make

GHS_12 = Money(1200, "GHS")


def text_of(change: Any) -> str:
    assert isinstance(change, AddIncident)
    return change.row.text


def raised(kind: str, **given: Any) -> AddIncident:
    row = given.pop("row", make.order(code="K7QX2A9M", amount_minor=1250))
    return about_order(kind, row, "Ama's Kitchen", id="i", now_ms=1, **given)


def test_an_amount_that_differs_is_told_beside_ours() -> None:
    held = order(OrderState.PENDING)
    other = Money(held.amount_minor - 50, held.currency)
    report = StatusReport(state=OrderState.SUCCESSFUL, amount=other, provider_code="SUCCESSFUL")
    settled = after_status(held, report, Source.POLL, context())
    (told,) = [text_of(change) for change in settled.changes if isinstance(change, AddIncident)]
    assert f"order {held.code}, payment of GHS" in told
    assert ": the amount differs; the provider names GHS" in told
    assert told.endswith(f"(SUCCESSFUL). See: kasapay orders show {held.code}")


def test_a_stray_payment_names_account_reference_and_amount() -> None:
    event = CallbackEvent("collection.verified", "SB77", "", EventTopic.PAYMENT, GHS_12)
    stray = about_event("stray_payment", event, "startbutton-ghs", None, "", id="i", now_ms=1)
    assert text_of(stray) == (
        "event collection.verified, their reference SB77 of GHS 12.00 on startbutton-ghs: other money than"
        " was asked for (no order of ours is meant). See: kasapay reconcile --account startbutton-ghs"
    )
    row = make.order(code="K7QX2A9M", amount_minor=1250, account_id="startbutton-ghs")
    beside = about_event("stray_payment", event, "startbutton-ghs", row, "Kofi Books", id="i", now_ms=1)
    assert text_of(beside) == (
        "order K7QX2A9M, payment of GHS 12.50 for Kofi Books on startbutton-ghs: other money than was asked"
        " for; the provider names GHS 12.00 (collection.verified, their reference SB77)."
        " See: kasapay orders show K7QX2A9M"
    )
    assert stray.row.dedupe_key == beside.row.dedupe_key


def test_an_event_that_tells_nothing_is_named_all_the_same() -> None:
    event = CallbackEvent("something.new", reference="r1")
    told = text_of(about_event("unknown_event", event, "startbutton-ghs", None, "", id="i", now_ms=1))
    assert "something.new, our reference r1, no amount told on startbutton-ghs: unknown event" in told


@pytest.mark.parametrize(
    ("kind", "name"), [(AgreementKind.PREAPPROVAL, "auto-debit"), (AgreementKind.INVOICE, "invoice")]
)
def test_an_agreement_is_named_with_its_merchant(kind: AgreementKind, name: str) -> None:
    row = make.agreement(kind=kind, code="ABCD2345", amount_minor=2000)
    told = about_agreement("mismatch_invoice", row, "Ama", id="i", now_ms=1, theirs=GHS_12)
    assert text_of(told) == (
        f"{name} ABCD2345 of GHS 20.00 for Ama on momo-gh: paid another amount than asked;"
        " the provider names GHS 12.00. See: kasapay agreements list"
    )


@pytest.mark.parametrize(
    ("kind", "helps"),
    [
        ("misconfigured", "kasapay check"),
        ("status_refused", "kasapay check"),
        ("unresolved", "kasapay orders show K7QX2A9M"),
        ("merchant_funds", "kasapay orders show K7QX2A9M"),
        ("something_new", "kasapay orders show K7QX2A9M"),
    ],
)
def test_the_command_that_helps_is_named(kind: str, helps: str) -> None:
    assert text_of(raised(kind)).endswith(f". See: {helps}")


def test_no_number_is_in_it_whatever_a_provider_says() -> None:
    row = make.order(code="K7QX2A9M", kind=OrderKind.TRANSFER, payer="", payee="+233240000002")
    told = text_of(raised("unknown_code", row=row, said="party 233240000001 refused"))
    assert "transfer of GHS" in told
    assert "233240000001" not in told
    assert "240000002" not in told


def test_every_kind_is_built_here_and_has_its_words() -> None:
    """Nobody makes an incident by hand but the store, which says that it was put back from a copy."""
    kinds = set()
    for path in sorted(Path(bot.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert name != "Incident" or path.name == "incidents.py", f"{path.name} makes an incident itself"
            wanted = ("incident", "_incident", "about_order", "about_agreement", "_incident_kind")
            if name in wanted and node.args and isinstance(node.args[0], ast.Constant):
                kinds.add(node.args[0].value)
    assert kinds
    assert kinds <= _WHAT.keys()
