"""What becomes of a Startbutton charge by time and by the payer, and the webhooks that tell of it.

Source: Startbutton documentation, transaction statuses and webhooks. A failed collection has no
event. What becomes of a payout is in `payouts`.
"""

from uuid import uuid4

from bot.sandbox.callbacks import Courier
from bot.sandbox.config import StartbuttonAccount
from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Delivery, Entry, Prompt, Step
from bot.sandbox.startbutton import payouts
from bot.sandbox.startbutton.checks import FAILING_NUMBERS
from bot.sandbox.startbutton.events import (
    ABANDONED,
    CHARGE,
    DECLINED,
    EXPIRED,
    FAILED,
    ONGOING,
    PROCESSING,
    REVERSED,
    SUCCESSFUL,
    VERIFIED,
    build_event,
    name_event,
    sign,
    to_minor,
    write_event,
)
from bot.sandbox.world import World


class Startbutton:
    """Startbutton's part in the world."""

    def __init__(self, accounts: tuple[StartbuttonAccount, ...], courier: Courier) -> None:
        self.accounts = {account.name: account for account in accounts}
        self._courier = courier

    # What happens to a charge.

    def apply(self, world: World, entry: Entry, step: Step) -> None:
        """The status that was planned for this time."""
        if entry.kind != CHARGE:
            if payouts.apply(world, entry, step):
                self.tell(world, entry, entry.status)
            return
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
        """Queue the webhook of a charge's status, in the order the switch says."""
        events = [entry.status]
        if world.faults.over(entry.knobs).webhook_order == "completed_first":
            events = [] if entry.status == VERIFIED else [SUCCESSFUL, VERIFIED]
        self.tell(world, entry, *events)

    def tell(self, world: World, entry: Entry, *statuses: str) -> None:
        """Queue the webhooks of these statuses, a second apart, bent by the switches."""
        account, faults = self.accounts.get(entry.account), world.faults.over(entry.knobs)
        if account is None or not account.webhook_url:
            return
        for turn, status in enumerate(statuses):
            lost = world.faults.strikes("callback_lost", faults)
            for copy in range(faults.callback_duplicates + 1):
                self.send(
                    entry,
                    account,
                    faults,
                    status,
                    kind="duplicate" if copy else name_event(entry, status),
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
