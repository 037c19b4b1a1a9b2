"""Compares what the providers accepted and the phones were told with what our file says.

The providers' own record decides; our tables only have to agree with it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec

from tests.simulation.disk import Medium
from tests.simulation.people import Customer
from tests.simulation.providers import DOUBTED, Entry, Providers, Sms

__all__ = ["Finding", "judge"]

_FINAL: Final = ("SUCCESSFUL", "FAILED", "REVERSED")
_WORDS: Final = {"SUCCESSFUL": "Paid:", "FAILED": "Not paid:", "REVERSED": "Reversed:"}
# The pauses of the providers' own schedules; the shortest of them.
_SHORTEST_S: Final = 2.9
_ON_ITS_WAY_S: Final = 30.0
# How long after a kill or a failed flush a message may go out again: its lease, and what follows.
_REPEATED_S: Final = 1300.0
# How long an order is asked about before it is left to a person: the ends of the providers' schedules.
_ASKED_FOR_S: Final = {"momo": 3600.0, "startbutton": 4500.0}
_LONGEST_PAUSE_S: Final = 300.0


class Finding(msgspec.Struct):
    """`wrong` where it breaks a promise; else it is only counted, by its kind."""

    kind: str
    text: str
    wrong: bool = True


def judge(
    medium: Medium,
    providers: Providers,
    customers: Sequence[Customer],
    *,
    troubled_s: Sequence[float],
    began_s: Mapping[str, float],
    calm_after_s: float,
    jumps: Sequence[tuple[float, int]],
) -> list[Finding]:
    """Everything worth saying about how a run ended. `troubled_s`: when a process died or a clock jumped.
    `began_s`: when each order did, by its code; `jumps`: when the clock was set, and by how many seconds.
    """
    return _Case(medium, providers, customers, troubled_s, began_s, calm_after_s, jumps).findings()


class _Case:
    def __init__(
        self,
        medium: Medium,
        providers: Providers,
        customers: Sequence[Customer],
        troubled_s: Sequence[float],
        began_s: Mapping[str, float],
        calm_after_s: float,
        jumps: Sequence[tuple[float, int]],
    ) -> None:
        self._providers = providers
        self._customers = customers
        self._troubled_s = troubled_s
        self._began_s = began_s
        self._calm_after_s = calm_after_s
        self._jumps = jumps
        self._orders = medium.rows("SELECT * FROM orders")
        self._lines = medium.rows("SELECT * FROM transitions ORDER BY order_id, seq")
        self._incidents = {row["order_id"] for row in medium.rows("SELECT order_id FROM incidents")}
        self._messages = medium.rows("SELECT * FROM messages WHERE kind = 'result'")
        self._found: list[Finding] = []

    def findings(self) -> list[Finding]:
        by_reference = {_wire_reference(order): order for order in self._orders}
        for entry in self._providers.entries.values():
            self._check_entry(entry, by_reference.get(entry.reference))
        for reference in self._providers.refused_twice:
            # Startbutton does not say that it refuses a second one: there it may be a second charge.
            if self._providers.entries[reference].provider == "startbutton":
                self._say("asked twice", f"the charge {reference} was sent once more")
        for order in self._orders:
            self._check_order(order, self._providers.entries.get(_wire_reference(order)))
        for customer in self._customers:
            self._check_customer(customer)
        self._check_ledger()
        return self._found

    def _say(self, kind: str, text: str, *, wrong: bool = True) -> None:
        self._found.append(Finding(kind, text, wrong))

    def _check_entry(self, entry: Entry, order: dict[str, Any] | None) -> None:
        if order is None:
            self._say("lost", f"the provider holds {entry.reference}, of which we know nothing")
            return
        ours = (_wire_amount(order), order["currency"], order["payer"].lstrip("+"))
        if ours != (Decimal(entry.amount), entry.currency, entry.payer.lstrip("+")):
            self._say("other money", f"{order['code']} is {ours} here, {entry.amount} {entry.payer} there")
        for (earlier, path), (later, again) in pairwise(sorted(entry.asked)):
            # A question on its way outlives the process that sent it, and its lease ends with that.
            restarted = any(earlier - _ON_ITS_WAY_S <= at <= later for at in self._troubled_s)
            if path == again and later - earlier < _SHORTEST_S and not restarted:
                self._say("amplified", f"{order['code']} was asked about twice in {later - earlier:.2f} s")

    def _check_order(self, order: dict[str, Any], entry: Entry | None) -> None:
        code, state = order["code"], order["state"]
        charged = entry.charged if entry is not None else 0
        if state == "SUCCESSFUL" and not charged:
            self._say("misreported", f"{code} is SUCCESSFUL, and nothing was charged")
        if state in ("FAILED", "REVERSED") and charged:
            self._say("misreported", f"{code} is {state}, and it was charged")
        if state in ("NEW", "PENDING", "NEEDS_OTP"):
            self._say("not final", f"{code} is still {state}")
        if state == "UNRESOLVED":
            self._check_unresolved(order, entry)
        else:
            self._check_told(order)

    def _check_unresolved(self, order: dict[str, Any], entry: Entry | None) -> None:
        code = order["code"]
        nobody_knows = entry is None and order["connection"].startswith("startbutton")
        lied = entry is not None and entry.lied
        unheard = order["connection"].split("-")[0] not in self._providers.heard
        if not (nobody_knows or lied or unheard or self._ran_out(order, entry)):
            self._say("not final", f"{code} is UNRESOLVED without a cause")
        if order["id"] not in self._incidents:
            self._say("unseen", f"{code} is UNRESOLVED and nobody was alarmed")
        if self._providers.told(order["origin_value"], code):
            self._say("misreported", f"{code} is UNRESOLVED, and the person was told how it ended")
        if not self._providers.doubted(order["origin_value"], code) and not self._is_told_on_a_screen(order):
            self._say("never told", f"{code} is UNRESOLVED, and nobody was told to wait")
        self._say("unresolved", f"{code} is left to a person", wrong=False)

    def _ran_out(self, order: dict[str, Any], entry: Entry | None) -> bool:
        """Whether the clock leapt over so much of the order's time that its end could not be learned in it.

        Its end is to be learned at the next asking once it has come and nothing goes wrong any more; what
        never arrived is sent again then. Leaps add up: each counts as time that passed, also where the
        clock was put right later, since setting it back keeps what is left of an order's time
        (bot/DECISIONS.md, 18). Being set back is no excuse.
        """
        began_s = self._began_s[order["code"]]
        over_s = max(self._calm_after_s, entry.ends_s if entry is not None else began_s)
        known_s = over_s + _LONGEST_PAUSE_S
        leapt_s = sum(by_s for at_s, by_s in self._jumps if by_s > 0 and began_s <= at_s <= known_s)
        return known_s - began_s + leapt_s >= _ASKED_FOR_S[order["connection"].split("-")[0]]

    def _check_told(self, order: dict[str, Any]) -> None:
        code = order["code"]
        told = self._providers.told(order["origin_value"], code)
        words = {sms.text.split(":")[0] + ":" for sms in told}
        if words - {_WORDS.get(order["state"])}:
            self._say("misreported", f"{code} is {order['state']}, the person was told {sorted(words)}")
        if not told and not self._is_told_on_a_screen(order):
            self._say("never told", f"{code} ended as {order['state']}, and nobody was told")
        for earlier, later in pairwise(told):
            if self._may_repeat(earlier, later):
                self._say("told again", f"{code} was told again", wrong=False)
            else:
                self._say("told twice", f"{code} was told twice for no reason")

    def _is_told_on_a_screen(self, order: dict[str, Any]) -> bool:
        """A message nobody could bring waits, visible to operators; one read on a screen counts as sent."""
        mine = [m for m in self._messages if m["order_id"] == order["id"]]
        shown = any(
            order["code"] in text and text.startswith((*_WORDS.values(), DOUBTED))
            for customer in self._customers
            for text in customer.screens
        )
        return any(m["state"] == "dead" for m in mine) or shown

    def _may_repeat(self, earlier: Sms, later: Sms) -> bool:
        """Only where nobody can know: the answer to the first was lost, or what we noted of it was."""
        return not earlier.heard or any(
            earlier.at_s - 1 <= at <= min(later.at_s, earlier.at_s + _REPEATED_S) for at in self._troubled_s
        )

    def _check_customer(self, customer: Customer) -> None:
        for amount in customer.gave_up:
            self._say("stuck", f"a customer never came to pay {amount}")
        for wish in customer.wishes:
            made = [
                entry for entry in self._providers.entries.values() if _major(entry) == Decimal(wish.amount)
            ]
            if len(made) > 1:
                self._say("asked twice", f"{wish.amount} was asked for {len(made)} times")
            if sum(entry.charged for entry in made) > 1:
                self._say("charged twice", f"{wish.amount} was charged more than once")
            known = {order["code"] for order in self._orders if order["amount_minor"] == _minor(wish.amount)}
            for code in wish.named:
                if code not in known:
                    self._say(
                        "missing", f"a screen named {code} for {wish.amount}, and there is no such order"
                    )

    def _check_ledger(self) -> None:
        states: dict[str, str] = {}
        for line in self._lines:
            held = states.get(line["order_id"])
            if line["held"] != held:
                self._say("ledger", f"a line of {line['order_id']} holds {line['held']}, it was {held}")
            if held in _FINAL and (held, line["said"]) != ("SUCCESSFUL", "REVERSED"):
                self._say("ledger", f"{line['order_id']} left {held} for {line['said']}")
            states[line["order_id"]] = line["said"]
        for order in self._orders:
            if states.get(order["id"]) != order["state"]:
                self._say(
                    "ledger", f"{order['code']} is {order['state']}, its ledger {states.get(order['id'])}"
                )


def _wire_reference(order: dict[str, Any]) -> str:
    reference: str = order["reference"]
    return reference.replace("-", "") if order["connection"].startswith("startbutton") else reference


def _wire_amount(order: dict[str, Any]) -> Decimal:
    minor = Decimal(order["amount_minor"])
    return minor if order["connection"].startswith("startbutton") else minor / 100


def _major(entry: Entry) -> Decimal:
    return Decimal(entry.amount) / (100 if entry.provider == "startbutton" else 1)


def _minor(amount: str) -> int:
    return int(Decimal(amount) * 100)
