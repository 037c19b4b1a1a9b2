"""What the provider's own record and the phones say, compared with what the customers did and saw."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from tests.torture.campaign import Batch
from tests.torture.phones import Customer
from tests.torture.stage import Sandbox, until

__all__ = ["Verdicts", "moment", "wait_until_told"]

_RESULT: Final = re.compile(
    r"(?:Kasapay: )?(Paid|Not paid|We are still checking|Correction|Reversed)[: ].*Ref (\d{9})", re.S
)
_DIAL: Final = "Dial "
_PAID: Final = frozenset({"SUCCESSFUL", "verified", "successful"})
_UNPAID: Final = frozenset({"FAILED", "failed", "declined", "expired", "abandoned"})
_DOUBT: Final = "We are still checking"
# What a kill has to fall into for a second telling: from before the message arrived, which on a busy
# machine is a while after it was sent, until the commit that notes it.
_SENT_S: Final = 1.0
_NOTED_S: Final = 5.0


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def _messages(sandboxes: Sequence[Sandbox]) -> list[dict[str, str]]:
    return [sms for sandbox in sandboxes for sms in await sandbox.sms()]


def _results(messages: Sequence[dict[str, str]]) -> dict[str, list[tuple[float, str, str]]]:
    """(when, words, code) of each result by number."""
    found: dict[str, list[tuple[float, str, str]]] = {}
    for sms in messages:
        said = _RESULT.match(sms["text"])
        if said:
            found.setdefault(sms["to"], []).append((moment(sms["at"]), said[1], said[2]))
    return found


async def wait_until_told(
    customers: Sequence[Customer], sandboxes: Sequence[Sandbox], *, patience_s: float
) -> list[str]:
    """Until everyone who confirmed has heard a result; who is asked to dial for a code does. The numbers
    of those who never heard."""
    answered: set[str] = set()
    waiting: list[Customer] = []
    beginning = [customer for customer in customers if customer.confirmed_from]

    async def look() -> bool | None:
        messages = await _messages(sandboxes)
        told = _results(messages)
        made = {
            Decimal(entry["amount"]): entry["status"] for box in sandboxes for entry in await box.entries()
        }

        def heard(customer: Customer) -> bool:
            """A doubt is no answer where the record has one: it is told within the minute."""
            words = {said for _, said, _ in told.get(_digits(customer), ())}
            ended = made.get(customer.habits.amount) in _PAID | _UNPAID
            return bool(words - {_DOUBT}) or (bool(words) and not ended)

        waiting[:] = [
            customer
            for customer in beginning
            if not heard(customer)
            and not (customer.refused or customer.gave_up)
            and (not (customer.closed or customer.unsure) or customer.habits.amount in made)
        ]
        asked = {sms["to"] for sms in messages if "waits for the SMS code" in sms["text"]}
        for customer in waiting:
            if _digits(customer) in asked - answered:
                answered.add(_digits(customer))
                await customer.dial_for_code()
        return None if waiting else True

    try:
        await until("every result", look, patience_s=patience_s, pause_s=0.5)
    except AssertionError:
        return [_digits(customer) for customer in waiting]
    return []


def _digits(customer: Customer) -> str:
    return customer.habits.msisdn.removeprefix("+")


class Verdicts:
    """One batch's customers before their judge. `kills` are the moments at which the process died, or from
    when until when it could keep nothing."""

    def __init__(self, batch: Batch, *, kills: Sequence[tuple[float, float]] = ()) -> None:
        self._batch = batch
        self._kills = kills

    async def hear(
        self,
        customers: Sequence[Customer],
        sandboxes: Sequence[Sandbox],
        *,
        lost: Callable[[dict[str, Any]], bool] = lambda entry: False,
    ) -> None:
        """`lost` says of an entry whether the reply to its creation was kept from us."""
        results = _results(await _messages(sandboxes))
        entries: dict[Decimal, list[dict[str, Any]]] = {}
        for sandbox in sandboxes:
            for entry in await sandbox.entries():
                entries.setdefault(Decimal(entry["amount"]), []).append(entry)
        for customer in customers:
            made = entries.pop(Decimal(customer.habits.amount), [])
            self._one(customer, made, sorted(results.pop(_digits(customer), [])), lost)
        for amount in entries:
            self._wrong(f"{amount} GHS", "asked for at the provider, and nobody confirmed it")
        for number in results:
            self._wrong(f"{number[:5]}***{number[-3:]}", "told of a payment that nobody made")

    def _wrong(self, who: str, what: str) -> None:
        self._batch.wrong.append(f"{who}: {what}")

    def _one(
        self,
        customer: Customer,
        made: list[dict[str, Any]],
        told: list[tuple[float, str, str]],
        lost: Callable[[dict[str, Any]], bool],
    ) -> None:
        habits = customer.habits
        who = f"payment {habits.number} ({habits.gateway}, {habits.merchant}, {habits.wallet})"

        def wrong(what: str) -> None:
            self._wrong(who, f"{what}; screens {customer.seen[-2:]}, told {told}")

        self._batch.wrong += [f"{who}: {what}" for what in customer.wrong]
        if len(made) > 1:
            wrong(f"asked for {len(made)} times at the provider")
        if sum(entry["times_charged"] for entry in made) > 1:
            wrong("charged twice")
        if customer.gave_up:
            return
        if not customer.confirmed_from:
            if made or told:
                wrong("never confirmed, and yet there is a payment")
            return
        if customer.refused:
            self._batch.saw("refused on the screen, nothing taken")
            if made or told:
                wrong("refused on the screen, and yet there is a payment")
            return
        if not told:
            if customer.closed and not made and not customer.code:
                self._batch.saw("sent away while confirming, nothing taken")
                return
            if customer.unsure and not made and not customer.code:
                self._batch.saw("told to look later whether it was begun; it was not")
                return
            wrong("LOST: confirmed, and never told what became of it")
            return
        if customer.closed:
            # Sent away by a repeat that could not see what the first delivery had begun.
            self._batch.saw("sent away while a payment was under way, told to look first")
        codes = {code for _, _, code in told}
        if len(codes) > 1:
            wrong(f"{len(codes)} payments are told")
        if customer.code and customer.code not in codes:
            wrong(f"the screen named {customer.code}: ACKNOWLEDGED AND MISSING")
        if made and made[0]["external_id"] and made[0]["external_id"] not in codes:
            wrong("the provider knows it by another code")
        # Who was told that nobody knows yet is told the end once somebody does.
        ends = [one for one in told if one[1] != _DOUBT]
        told = ends or told
        self._result(customer, made[0] if made else None, {words for _, words, _ in told}, wrong, lost)
        for earlier, later in pairwise(at for at, _, _ in told):
            if not self._cut(earlier - _SENT_S, min(later, earlier + _NOTED_S)):
                wrong("told twice, and nothing fell between sending and noting it")
            else:
                self._batch.saw("told twice, the same reference")

    def _cut(self, begin: float, end: float) -> bool:
        """Whether we were killed, or could keep nothing, at any time in between."""
        return any(begin <= until and since <= end for since, until in self._kills)

    def _result(
        self,
        customer: Customer,
        entry: dict[str, Any] | None,
        words: set[str],
        wrong: Callable[[str], None],
        lost: Callable[[dict[str, Any]], bool],
    ) -> None:
        """What was told is what the record says, and a payment is left open only where nobody can know."""
        status = entry["status"] if entry is not None else ""
        charged = entry["times_charged"] if entry is not None else 0
        if words == {_DOUBT} and customer.habits.otp:
            # The one reply that says that a code is wanted, or the charge itself, never came.
            cut = self._cut(customer.confirmed_from - 1, customer.confirmed_until + 1)
            if charged or not (cut or (entry is not None and lost(entry))):
                wrong(f"UNRESOLVED although the record says {status or 'nothing'}")
            self._batch.saw("left to a person: the charge's reply was lost")
            return
        if status in _PAID and words != {"Paid"}:
            wrong(f"the record says {status}")
        if status in _UNPAID and words != {"Not paid"}:
            wrong(f"the record says {status}")
        if entry is None and words != {"Not paid"}:
            wrong("the provider knows nothing of it")
        if entry is not None and status not in _PAID | _UNPAID:
            wrong(f"told, and the record still says {status}")
        if charged != (status in _PAID):
            wrong(f"charged {charged} times, and the record says {status}")
