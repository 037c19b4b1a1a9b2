"""What becomes of a Startbutton charge by time and by the payer, and the signed webhooks about it.

Source: Startbutton documentation, transaction statuses and webhooks. A failed collection has no
event. Signed are the raw bytes, HMAC-SHA512 with the account's secret key, in lower-case hex.
"""

import hashlib
import hmac
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec

from bot.sandbox.callbacks import Courier
from bot.sandbox.config import StartbuttonAccount
from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Delivery, Entry, Prompt, Step, moment
from bot.sandbox.startbutton_checks import FAILING_NUMBERS, MINOR_PER_MAJOR
from bot.sandbox.wire import encode_json
from bot.sandbox.world import World

SIGNATURE_HEADER = "x-startbutton-signature"
INITIATED, ONGOING, PROCESSING = "initiated", "ongoing", "processing"
VERIFIED, SUCCESSFUL, REVERSED = "verified", "successful", "reversed"
FAILED, DECLINED, EXPIRED, ABANDONED = "failed", "declined", "expired", "abandoned"
_EVENTS = {VERIFIED: "collection.verified", SUCCESSFUL: "collection.completed"}
_MERCHANT_ID = 77
_NON_ASCII = "Réglé à Café Ñandú, 5 € ✓ / “ok”"


class Startbutton:
    """Startbutton's part in the world."""

    def __init__(self, accounts: tuple[StartbuttonAccount, ...], courier: Courier) -> None:
        self.accounts = {account.name: account for account in accounts}
        self._courier = courier

    # What happens to a charge.

    def apply(self, world: World, entry: Entry, step: Step) -> None:
        """The status that was planned for this time."""
        if step.status == VERIFIED and not world.charge(entry):
            step = Step(step.at, FAILED, "insufficient funds")
        entry.status, entry.reason = step.status, step.reason
        entry.updated_at = max(step.at, entry.created_at)
        if step.status == ONGOING:
            return
        entry.final_at = entry.final_at or entry.updated_at
        world.drop_prompt(entry)
        if step.status == VERIFIED:
            settled_at = step.at + world.config.startbutton.successful_s
            entry.timeline = [Step(settled_at, SUCCESSFUL)]
            self._announce(world, entry)
        elif step.status == SUCCESSFUL:
            reverse_after_s = world.faults.over(entry.knobs).reverse_after_s
            if reverse_after_s >= 0:
                entry.timeline = [Step(step.at + reverse_after_s, REVERSED)]
            self._announce(world, entry)
        elif step.status == REVERSED:
            world.give_back(entry)

    def approve(self, world: World, entry: Entry) -> None:
        """The payer gave the PIN."""
        self._end(world, entry, VERIFIED, wait_s=world.config.startbutton.verified_s)

    def reject(self, world: World, entry: Entry) -> None:
        """The payer said no."""
        self._end(world, entry, DECLINED)

    def lock(self, world: World, entry: Entry) -> None:
        """The payer gave a wrong PIN too often."""
        self._end(world, entry, FAILED, reason="too many wrong PINs")

    def refuse_otp(self, world: World, entry: Entry) -> None:
        """The OTP was wrong once too often."""
        self._end(world, entry, FAILED, reason="too many wrong OTPs")

    def plan(self, world: World, entry: Entry, *, prompt: bool) -> None:
        """Set out what happens from now on: a prompt on the handset, or an end by itself."""
        now, times = world.now(), world.config.startbutton
        if prompt and entry.msisdn in world.handsets:
            entry.status = ONGOING
            expires_at = now + world.config.prompt_s
            entry.timeline = [Step(expires_at, EXPIRED)]
            entry.prompt = Prompt(
                id=uuid4().hex,
                msisdn=entry.msisdn,
                payee=self.accounts[entry.account].payee,
                message=f"Ref {entry.provider_reference}",
                created_at=now,
                expires_at=expires_at,
            )
            world.index_prompt(entry)
            return
        outcome: str = world.faults.over(entry.knobs).charge_outcome
        if outcome == "rule" or entry.msisdn in world.handsets:
            fails = entry.msisdn in FAILING_NUMBERS and entry.msisdn not in world.handsets
            outcome = FAILED if fails else VERIFIED
        if outcome == ABANDONED:
            entry.timeline = [Step(entry.created_at + times.abandoned_s, ABANDONED)]
            return
        entry.timeline = [Step(now + times.verified_s, outcome)]
        if times.ongoing_s < times.verified_s:
            entry.timeline.insert(0, Step(now + times.ongoing_s, ONGOING))

    def _end(
        self, world: World, entry: Entry, status: str, *, reason: str | None = None, wait_s: float = 0
    ) -> None:
        entry.status = PROCESSING
        entry.timeline = [Step(world.now() + wait_s, status, reason)]
        world.drop_prompt(entry)
        world.keep_entry(entry)
        world.schedule(entry)
        world.run_due()

    # Webhooks.

    def _announce(self, world: World, entry: Entry) -> None:
        """Queue the webhook of a status that has an event, bent by the switches."""
        account, faults = self.accounts.get(entry.account), world.faults.over(entry.knobs)
        if account is None or not account.webhook_url:
            return
        events = [entry.status]
        if faults.webhook_order == "completed_first":
            events = [] if entry.status == VERIFIED else [SUCCESSFUL, VERIFIED]
        for turn, status in enumerate(events):
            lost = world.faults.strikes("callback_lost", faults)
            for copy in range(faults.callback_duplicates + 1):
                self.send(
                    entry,
                    account,
                    faults,
                    status,
                    kind="duplicate" if copy else _EVENTS[status],
                    delay_s=faults.callback_late_s + turn,
                    state="lost" if lost else "queued",
                )

    def forge_at_once(self, world: World, entry: Entry) -> None:
        """Queue a webhook that says paid although nobody has; its signature is not ours."""
        account, faults = self.accounts[entry.account], world.faults.over(entry.knobs)
        if account.webhook_url and faults.callback_forged in ("successful", "amount"):
            body = build_event(entry, faults, VERIFIED)
            if faults.callback_forged == "amount":
                body["data"]["transaction"]["amount"] = to_minor(entry.amount) + 100
            signature = "good" if faults.callback_forged == "amount" else "wrong_key"
            self.post(entry, account, "forged", write_event(body, faults), signature)

    def send(
        self,
        entry: Entry,
        account: StartbuttonAccount,
        faults: FaultValues,
        status: str,
        *,
        kind: str,
        delay_s: float = 0,
        state: str = "queued",
    ) -> None:
        """Queue the webhook that tells `status`."""
        body = build_event(entry, faults, status)
        if faults.callback_forged == "contradicting":
            body["data"]["transaction"]["status"] = FAILED
        written = write_event(body, faults)
        self.post(entry, account, kind, written, faults.webhook_signature, delay_s=delay_s, state=state)

    def post(
        self,
        entry: Entry,
        account: StartbuttonAccount,
        kind: str,
        written: bytes,
        signature: str,
        *,
        delay_s: float = 0,
        state: str = "queued",
    ) -> Delivery:
        """Queue these bytes with this sort of signature."""
        headers = {"Content-Type": "application/json"} | sign(account.secret_key, written, signature)
        return self._courier.add(
            provider="startbutton",
            reference=entry.reference,
            kind=kind,
            method="POST",
            url=account.webhook_url,
            headers=headers,
            body=written,
            delay_s=delay_s,
            state=state,
        )


def sign(secret_key: str, written: bytes, sort: str) -> dict[str, str]:
    """The signature header over the raw bytes; `sort` other than "good" is a deliberate mistake."""
    if sort == "missing":
        return {}
    key = secret_key + "x" if sort == "wrong_key" else secret_key
    method = hashlib.sha256 if sort == "sha256" else hashlib.sha512
    text = hmac.new(key.encode(), written, method).hexdigest()
    return {SIGNATURE_HEADER: {"upper": text.upper(), "garbage": "not-hex"}.get(sort, text)}


def to_minor(amount: Decimal) -> int:
    """Hundredths, in every currency."""
    return int(amount * MINOR_PER_MAJOR)


def build_transaction(entry: Entry, faults: FaultValues) -> dict[str, Any]:
    """The transaction object of status answers and lists."""
    minor = to_minor(entry.amount)
    shown = Decimal(faults.echo_amount) if faults.echo_amount else Decimal(minor)
    fee = Decimal(minor) * 7 / 1000
    return {
        "_id": f"{entry.seq:024x}",
        "transType": "collection",
        "status": faults.status_word or entry.status,
        "merchantId": _MERCHANT_ID,
        "transactionReference": entry.provider_reference,
        "userTransactionReference": entry.reference,
        "gatewayReference": f"gw-{entry.seq}",
        "isRecurrent": False,
        "feeAmount": int(fee) if fee == int(fee) else fee.normalize(),
        "amount": int(shown) if shown == int(shown) else shown,
        "currency": faults.echo_currency or entry.currency,
        "createdAt": moment(entry.created_at),
        "updatedAt": moment(entry.updated_at),
    }


def build_event(entry: Entry, faults: FaultValues, status: str) -> dict[str, Any]:
    """The webhook that tells `status`."""
    transaction = build_transaction(entry, faults) | {
        "status": status,
        "customerEmail": entry.detail["email"],
        "paymentCode": None,
        "postProcess": None,
        "narration": _NON_ASCII if faults.webhook_non_ascii else "mobile money charge",
    }
    if faults.callback_body == "unknown_fields":
        transaction["unheardOf"] = {"nested": [1, None]}
    if faults.webhook_key_order == "reversed":
        transaction = dict(reversed(transaction.items()))
    event = faults.webhook_event or _EVENTS.get(status, f"collection.{status}")
    return {"event": event, "data": {"transaction": transaction, "authorizationCode": None}}


def write_event(body: dict[str, Any], faults: FaultValues) -> bytes:
    """The bytes of a webhook, as they are signed and sent."""
    if faults.callback_body == "empty":
        return b""
    written = encode_json(body)
    if faults.webhook_spacing == "spaced":
        written = msgspec.json.format(written, indent=2)
    return written[: len(written) // 2] if faults.callback_body == "invalid_json" else written
