"""Startbutton's calls that spend the merchant's money: transfer, refund, and what became of a refund.

Source: Startbutton documentation, transfers and refunds. What a refund looks like in its status answer is
not shown: those fields are our guess.
"""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from bot.sandbox.config import StartbuttonAccount
from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Entry, moment
from bot.sandbox.routing import Exchange
from bot.sandbox.startbutton.checks import MINOR_PER_MAJOR, Declined
from bot.sandbox.startbutton.envelope import granted
from bot.sandbox.startbutton.events import (
    CHARGE,
    PENDING,
    REFUND,
    SUCCESSFUL,
    TRANSFER,
    VERIFIED,
    build_transaction,
    to_minor,
)
from bot.sandbox.startbutton.life import Startbutton
from bot.sandbox.startbutton.payout_checks import parse_refund, parse_transfer, signature_holds
from bot.sandbox.startbutton.payouts import available, refundable, take_up
from bot.sandbox.wire import Answer, parse_object
from bot.sandbox.world import World


class Spending:
    """The operations, each for an account whose key was checked."""

    def __init__(self, startbutton: Startbutton) -> None:
        self._startbutton = startbutton

    def transfer(self, world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
        """Pay out to a wallet or a bank account. A used reference is refused or silently renewed."""
        given = ex.headers.get("x-request-id", "")
        if account.sign_key and not signature_holds(account.sign_key, given, ex.body, world.now()):
            raise Declined(401, "the request is not signed rightly")
        payout = parse_transfer(parse_object(ex.body), strict=world.config.strict)
        reference = ex.reference = payout.reference or uuid4().hex
        if world.find_entry("startbutton", account.name, reference) is not None:
            if ex.faults.duplicate_reference == "refuse":
                raise Declined(400, "duplicate reference")
            reference = uuid4().hex
        amount = Decimal(payout.amount_minor) / MINOR_PER_MAJOR
        _require_cover(world, account, payout.currency, amount)
        entry = _new_entry(
            world, account, TRANSFER, reference, amount, payout.currency, payout.party, payout.msisdn
        )
        entry.detail["recipient"] = payout.recipient
        self._begin(world, ex, entry)
        self._startbutton.tell(world, entry, PENDING)
        data = {"transaction": build_transaction(entry, ex.faults)}
        return granted(ex.faults, "Transfer initiated", data)

    def refund(self, world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
        """Give a payment back, in whole or in part. The answer names nothing to ask for it by."""
        wanted = parse_refund(parse_object(ex.body), account.refund_unit)
        charge = world.find_entry("startbutton", account.name, wanted.about)
        if charge is None or charge.kind != CHARGE:
            raise Declined(404, "transaction not found")
        ex.reference = charge.reference
        if charge.status not in (VERIFIED, SUCCESSFUL):
            raise Declined(400, "this transaction cannot be refunded")
        if wanted.amount > refundable(world, charge):
            raise Declined(400, "amount is more than is left to refund")
        _require_cover(world, account, charge.currency, wanted.amount)
        reference = uuid4().hex
        entry = _new_entry(
            world, account, REFUND, reference, wanted.amount, charge.currency, charge.party, charge.msisdn
        )
        entry.detail |= {"about": charge.seq, "reason": wanted.reason}
        self._begin(world, ex, entry)
        return granted(ex.faults, "Refund initiated successfully!", None)

    def refund_status(self, world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
        """One refund by its own reference, or all of a payment by the payment's."""
        entry = world.find_entry("startbutton", account.name, ex.params["query"])
        if entry is None or entry.kind == TRANSFER:
            raise Declined(404, "transaction not found")
        ex.reference = entry.reference
        faults = world.faults.over(entry.knobs | ex.knobs)
        found = [entry] if entry.kind == REFUND else _refunds_of(world, entry)
        shown = [_show_refund(world, refund, account, faults) for refund in found]
        as_list = entry.kind == CHARGE if faults.refund_shape == "usual" else faults.refund_shape == "list"
        if not as_list and not shown:
            raise Declined(404, "refund not found")
        return granted(faults, "refund fetched", shown if as_list else shown[-1])

    def _begin(self, world: World, ex: Exchange, entry: Entry) -> None:
        entry.knobs = ex.knobs
        take_up(world, entry)
        world.add_entry(entry)
        ex.created = entry


def _require_cover(world: World, account: StartbuttonAccount, currency: str, amount: Decimal) -> None:
    if available(world, account.name, currency) < amount:
        raise Declined(400, "User has insufficient balance.", empty_data=True)


def _new_entry(
    world: World,
    account: StartbuttonAccount,
    kind: str,
    reference: str,
    amount: Decimal,
    currency: str,
    party: str,
    msisdn: str | None,
) -> Entry:
    now = world.now()
    return Entry(
        seq=world.new_seq(),
        provider="startbutton",
        kind=kind,
        account=account.name,
        reference=reference,
        provider_reference=uuid4().hex[:12],
        external_id=None,
        amount=amount,
        currency=currency,
        party=party,
        msisdn=msisdn,
        status=PENDING,
        created_at=now,
        updated_at=now,
        direction="out",
        callback_url=account.webhook_url or None,
    )


def _refunds_of(world: World, charge: Entry) -> list[Entry]:
    return [
        entry
        for entry in world.entries.values()
        if entry.provider == "startbutton" and entry.kind == REFUND and entry.detail["about"] == charge.seq
    ]


def _show_refund(
    world: World, entry: Entry, account: StartbuttonAccount, faults: FaultValues
) -> dict[str, Any]:
    """A refund as its status tells it, the amount in the unit refunds are counted in."""
    charge = world.entries.get(entry.detail["about"])
    return {
        "_id": f"{entry.seq:024x}",
        "refundReference": entry.provider_reference,
        "transactionReference": charge.provider_reference if charge is not None else None,
        "status": faults.status_word or entry.status,
        "amount": to_minor(entry.amount) if account.refund_unit == "minor" else _plain(entry.amount),
        "currency": entry.currency,
        "reason": entry.detail["reason"],
        "createdAt": moment(entry.created_at),
        "updatedAt": moment(entry.updated_at),
    }


def _plain(amount: Decimal) -> int | Decimal:
    return int(amount) if amount == int(amount) else amount.normalize()
