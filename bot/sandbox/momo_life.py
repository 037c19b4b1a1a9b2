"""How a MoMo creation ends, and what is told about it: result bodies, callbacks, prompts.

Source: MTN MoMo developer portal (result of request to pay, callbacks); users' reports for the bare
reason and for which fields are absent before the end.
"""

import re
from decimal import Decimal
from typing import Any

from bot.sandbox.callbacks import Courier
from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Entry, Step, plain
from bot.sandbox.momo_access import message_of
from bot.sandbox.wire import encode_json
from bot.sandbox.world import World

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
PENDING, CREATED, SUCCESSFUL, FAILED = "PENDING", "CREATED", "SUCCESSFUL", "FAILED"
FINAL = (SUCCESSFUL, FAILED)


class Momo:
    """MoMo's part in the world: what time and the payer do to its entries."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def apply(self, world: World, entry: Entry, step: Step) -> None:
        """The end that was planned has come."""
        self.finish(world, entry, step.status, step.reason, max(step.at, entry.created_at))

    def approve(self, world: World, entry: Entry) -> None:
        """The payer gave the PIN."""
        self.finish(world, entry, SUCCESSFUL, None, world.now())

    def reject(self, world: World, entry: Entry) -> None:
        """The payer said no."""
        self.finish(world, entry, FAILED, "APPROVAL_REJECTED", world.now())

    def lock(self, world: World, entry: Entry) -> None:
        """The payer gave a wrong PIN too often: the published code for "not approved" fits best."""
        self.finish(world, entry, FAILED, "PAYMENT_NOT_APPROVED", world.now())

    def finish(self, world: World, entry: Entry, status: str, reason: str | None, at: float) -> None:
        """Bring `entry` to its end, once: move the money, close the prompt, call back."""
        if entry.final_at is not None:
            return
        if status == SUCCESSFUL and not world.charge(entry):
            status, reason = FAILED, "NOT_ENOUGH_FUNDS"
        entry.status, entry.reason = status, reason
        entry.final_at = entry.updated_at = at
        entry.timeline.clear()
        world.drop_prompt(entry)
        self.call_back(world, entry)
        world.keep_entry(entry)
        world.woken.set()

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

    def forge_at_once(self, world: World, entry: Entry) -> None:
        """Queue a callback that says SUCCESSFUL although nobody has paid."""
        faults = world.faults.over(entry.knobs)
        if entry.callback_url is not None and faults.callback_forged in ("successful", "amount"):
            self.send(entry, faults, "forged", forge(build_result(entry, faults), entry, faults))

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


def build_result(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    """What a status GET says of `entry`, bent by the switches."""
    detail = entry.detail
    body: dict[str, Any] = {}
    if entry.final_at is not None:
        body["financialTransactionId"] = entry.provider_reference
    body["externalId"] = entry.external_id
    body["amount"] = faults.echo_amount or plain(entry.amount)
    body["currency"] = faults.echo_currency or entry.currency
    body[detail["party_field"]] = {"partyIdType": detail["party_type"], "partyId": detail["party_id"]}
    body["payerMessage"], body["payeeNote"] = detail["payer_message"], detail["payee_note"]
    body["status"] = faults.status_word or _word(entry, faults)
    if entry.reason is not None and faults.reason_shape != "absent":
        body["reason"] = entry.reason
        if faults.reason_shape == "object":
            body["reason"] = {"code": entry.reason, "message": message_of(entry.reason)}
    body = {name: value for name, value in body.items() if value is not None}
    return _with_numbers(body) if faults.numeric_ids else body


def forge(body: dict[str, Any], entry: Entry, faults: FaultValues) -> dict[str, Any]:
    """`body` made untrue: paid when it is not (or the reverse), or another amount."""
    forged = {**body, "financialTransactionId": entry.provider_reference, "status": SUCCESSFUL}
    forged.pop("reason", None)
    if faults.callback_forged == "amount":
        forged["amount"] = plain(entry.amount + 1)
    elif faults.callback_forged == "contradicting" and entry.status == SUCCESSFUL:
        forged |= {"status": FAILED, "reason": "APPROVAL_REJECTED"}
    return forged


def callback_bytes(body: dict[str, Any], faults: FaultValues, *, turn: int) -> bytes:
    """The bytes of a callback; the order of fields differs from one to the next, as it may."""
    names = list(body)
    start = turn % len(names) if names else 0
    body = {name: body[name] for name in names[start:] + names[:start]}
    if faults.callback_body == "empty":
        return b""
    if faults.callback_body == "unknown_fields":
        body |= {"unheardOf": {"nested": [1, None]}, "statusChangedAt": "yesterday"}
    written = encode_json(body)
    return written[: len(written) // 2] if faults.callback_body == "invalid_json" else written


def _word(entry: Entry, faults: FaultValues) -> str:
    return CREATED if faults.created_status and entry.status == PENDING else entry.status


def _with_numbers(body: dict[str, Any]) -> dict[str, Any]:
    """Digits as JSON numbers, one level down too. Source: the published samples."""

    def number(value: object) -> object:
        if isinstance(value, dict):
            return {name: number(inner) for name, inner in value.items()}
        return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value

    return {name: number(value) for name, value in body.items()}
