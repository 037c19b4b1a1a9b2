"""How a MoMo creation ends: by time or by a person, what that moves, and the callback about it.

Source: MTN MoMo developer portal (results, callbacks). What an entry looks like then is in `momo_results`.
"""

from typing import Any

from bot.sandbox.callbacks import Courier
from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Entry, Step
from bot.sandbox.momo.magic import REFUNDS
from bot.sandbox.momo.results import FAILED, SUCCESSFUL, build_result, callback_bytes, forge
from bot.sandbox.world import World


class Momo:
    """MoMo's part in the world: what time and people do to its entries."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def apply(self, world: World, entry: Entry, step: Step) -> None:
        """The end that was planned has come."""
        self.finish(world, entry, step.status, step.reason, max(step.at, entry.created_at))

    def approve(self, world: World, entry: Entry) -> None:
        """The wallet's owner gave the PIN."""
        self.finish(world, entry, SUCCESSFUL, None, world.now())

    def reject(self, world: World, entry: Entry) -> None:
        """The wallet's owner said no."""
        self.finish(world, entry, FAILED, "APPROVAL_REJECTED", world.now())

    def lock(self, world: World, entry: Entry) -> None:
        """A wrong PIN too often: the published code for "not approved" fits best."""
        self.finish(world, entry, FAILED, "PAYMENT_NOT_APPROVED", world.now())

    def finish(self, world: World, entry: Entry, status: str, reason: str | None, at: float) -> None:
        """Bring `entry` to its end, once: move the money, close the prompt, call back."""
        if entry.final_at is not None:
            return
        if status == SUCCESSFUL:
            reason = self._carry_out(world, entry, at)
            status = SUCCESSFUL if reason is None else FAILED
        entry.status, entry.reason = status, reason
        entry.final_at = entry.updated_at = at
        entry.timeline.clear()
        world.drop_prompt(entry)
        if not (entry.kind == "invoice" and status == SUCCESSFUL and _told_when_created(world, entry)):
            self.call_back(world, entry)
        world.keep_entry(entry)
        world.woken.set()

    def _carry_out(self, world: World, entry: Entry, at: float) -> str | None:
        """Do what the entry is for; the reason if that cannot be done."""
        if entry.kind == "pre_approval":
            entry.detail |= {"state": "APPROVED", "approved_at": at}
            if entry.detail["validity_s"]:
                entry.detail["expires_at"] = at + entry.detail["validity_s"]
        elif entry.kind == "invoice_cancellation":
            invoice = world.find_entry("momo", "", entry.detail["about"])
            if invoice is None or invoice.final_at is not None:
                return "NOT_ALLOWED"
            self.finish(world, invoice, FAILED, "TRANSACTION_CANCELED.", at)
        elif entry.direction == "in":
            return None if world.charge(entry) else "NOT_ENOUGH_FUNDS"
        elif entry.direction == "out":
            payment = find_refunded(world, entry)
            refusal = check_refund(entry, payment) if entry.kind == "refund" else None
            if refusal is None and not world.pay_out(entry):
                refusal = "NOT_ENOUGH_FUNDS"
            if refusal is None and payment is not None:
                payment.refunded += entry.amount
                world.keep_entry(payment)
            return refusal
        return None

    def call_back(self, world: World, entry: Entry) -> None:
        """Queue the one callback of the end, bent by the switches."""
        if entry.callback_url is None:
            return
        faults = world.faults.over(entry.knobs)
        kind, body = "final", build_result(entry, faults)
        if faults.callback_forged == "contradicting":
            kind, body = "contradicting", forge(body, entry, faults)
        lost = world.faults.strikes("callback_lost", faults)
        for copy in range(faults.callback_duplicates + 1):
            self.send(
                entry,
                faults,
                kind if copy == 0 else "duplicate",
                body,
                delay_s=faults.callback_late_s,
                state="lost" if lost else "queued",
            )

    def tell_creation(self, world: World, entry: Entry) -> None:
        """Queue what a creation sets going at once: a forged callback, or that an invoice was created."""
        faults = world.faults.over(entry.knobs)
        if entry.callback_url is not None and faults.callback_forged in ("successful", "amount"):
            self.send(entry, faults, "forged", forge(build_result(entry, faults), entry, faults))
        if entry.kind == "invoice" and _told_when_created(world, entry):
            self.call_back(world, entry)

    def send(
        self,
        entry: Entry,
        faults: FaultValues,
        kind: str,
        body: dict[str, Any],
        *,
        delay_s: float = 0,
        state: str = "queued",
    ) -> None:
        """Queue one callback with this body."""
        assert entry.callback_url is not None
        method = faults.callback_method
        self._courier.add(
            provider="momo",
            reference=entry.reference,
            kind=kind,
            method=str(entry.detail["callback_method"]) if method == "usual" else method,
            url=entry.callback_url,
            headers={"Content-Type": "application/json"},
            body=callback_bytes(body, faults, turn=entry.seq),
            delay_s=delay_s,
            state=state,
        )


def find_refunded(world: World, refund: Entry) -> Entry | None:
    """The payment a refund gives back, if the merchant has such a one."""
    payment = world.find_entry("momo", "", refund.detail.get("about", ""))
    if payment is None or payment.direction != "in":
        return None
    same = all(payment.detail.get(name) == refund.detail[name] for name in ("environment", "merchant"))
    return payment if same else None


def check_refund(refund: Entry, payment: Entry | None) -> str | None:
    """Why this refund cannot be: unknown payment, unpaid, another currency, or more than was paid."""
    if refund.detail["about"] in REFUNDS:
        return None  # a test id stands for no payment
    if payment is None:
        return "TRANSACTION_NOT_FOUND"
    if payment.status != SUCCESSFUL:
        return "TRANSACTION_NOT_COMPLETED"
    if payment.currency != refund.currency:
        return "INVALID_CURRENCY"
    return "NOT_ALLOWED" if payment.refunded + refund.amount > payment.amount else None


def _told_when_created(world: World, entry: Entry) -> bool:
    """Whether SUCCESSFUL says of an invoice that it exists, so that the callback came then."""
    return world.faults.over(entry.knobs).invoice_successful == "created"
