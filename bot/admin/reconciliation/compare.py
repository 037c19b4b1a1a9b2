"""The rules: our orders against their words, what differs and what cannot be said.

Pure. Lines are heard first, orders taken one by one, so that only the lines are held at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import msgspec

from bot.admin.reconciliation.lines import backs, fees, is_money, seen_from
from bot.admin.reconciliation.refunds import Shares, share
from bot.admin.reconciliation.values import FAULTS, Finding, Kind, Ours, Part, Source, Span, Theirs, key_of
from bot.money import OPEN, OrderState

__all__ = ["Comparison"]


class Comparison:
    """Hears their lines, then takes our orders, then says what no order has claimed.

    `statement`: one is heard, so that an order without a line of it is missing there.
    """

    def __init__(self, span: Span, *, statement: bool) -> None:
        self.span = span
        self.taken = 0  # orders of the span
        self._statement = statement
        self._lines: list[Theirs] = []
        self._by_id: dict[str, list[int]] = {}
        self._claims: dict[int, str] = {}
        self._lent: dict[int, Part] = {}  # lines of refunds, though their payment was taken first
        self._found: dict[tuple[Kind, str], Finding] = {}

    @property
    def findings(self) -> list[Finding]:
        """Faults."""
        return [found for found in self._found.values() if found.kind in FAULTS]

    @property
    def explained(self) -> list[Finding]:
        """What differs and no money is missing or left over by it, because a person of ours said so."""
        return [found for found in self._found.values() if found.kind is Kind.BY_HAND]

    @property
    def not_compared(self) -> list[Finding]:
        known = {*FAULTS, Kind.BY_HAND}
        return [found for found in self._found.values() if found.kind not in known]

    def hear(self, line: Theirs) -> None:
        number = len(self._lines)
        self._lines.append(line)
        keys = {_number(id) if id in line.numbers else key_of(id) for id in line.ids}
        for key in keys - {""}:
            self._by_id.setdefault(key, []).append(number)

    def take(self, ours: Ours, status: Theirs | None = None) -> None:
        """Compare an order. One outside the span is held only against lines inside it."""
        inside = self.span.holds(ours.at_ms)
        lines, shares = self._claim(ours)
        self._given_back(ours, shares)
        if not inside:
            lines = [line for line in lines if self.span.meets(line)]
            if not lines:
                return
        self.taken += inside
        words = lines if status is None else [status, *lines]
        if inside and status is not None and (status.problem or _says_nothing(status)):
            kind = Kind.NO_ANSWER if status.problem else Kind.UNCLEAR
            self._add(kind, ours, [status], ours.state.value, status.problem or status.word)
        if ours.state in OPEN:
            said = "; ".join(f"{w.source.value}: {_state(w)}" for w in words if not w.problem)
            self._add(Kind.OPEN, ours, words, ours.state.value, said or "not asked")
            self._doubles(ours, words)
            # Whatever becomes of it: what they call paid is not what was asked for.
            self._terms(ours, [word for word in words if word.state is OrderState.SUCCESSFUL])
            return
        self._states(ours, words, absent=inside and ours.code not in shares.covered)
        self._doubles(ours, words)
        if ours.state is not OrderState.FAILED:
            self._terms(ours, words)

    def leave_aside(self, ours: Ours) -> None:
        """The order is ours, but of another account or not compared: its lines are known."""
        self._claim(ours)

    def strays(self) -> Iterator[Theirs]:
        """Lines of money inside the span that no order has claimed so far."""
        for number, line in enumerate(self._lines):
            free = number not in self._claims and number not in self._lent
            if free and is_money(line) and self.span.meets(line):
                yield line

    def lent(self) -> Iterator[Theirs]:
        """Lines inside the span of refunds not taken so far, each under the references of its refund."""
        for number, refund in self._lent.items():
            line = self._lines[number]
            if number not in self._claims and is_money(line) and self.span.meets(line):
                yield msgspec.structs.replace(line, ids=refund.ids)

    def unknown(self) -> None:
        """What is left unclaimed is money nobody of us knows of."""
        seen: dict[str, str] = {}
        told: set[tuple[str, Source, OrderState | None, bool]] = set()
        for line in self.strays():
            keys = [key_of(reference) for reference in line.ids]
            name = next((seen[key] for key in keys if key in seen), "") or f"{line.source.value} {len(seen)}"
            way = (name, line.source, line.state, line.out)
            if way in told:  # what came and went again is not twice the same
                self._put(name, self._stranger(Kind.DOUBLE, line))
            told.add(way)
            seen |= dict.fromkeys(keys or [name], name)
            self._put(name, self._stranger(Kind.EXTRA, line))

    # ---- the rules

    def _given_back(self, ours: Ours, shares: Shares) -> None:
        """What was given back of a payment, against the refunds of ours that gave it."""
        excess = [self._lines[number] for number in shares.excess]
        if shares.fault is None or ours.payment is not None or not any(map(self.span.meets, excess)):
            return
        mine, theirs = (f"{_shown(amount)} given back" for amount in (ours.refunded, shares.theirs))
        self._add(shares.fault, ours, excess, mine, theirs)

    def _states(self, ours: Ours, words: Sequence[Theirs], *, absent: bool) -> None:
        for source in Source:
            of = [w for w in words if w.source is source and not w.problem]
            if not of:
                if source is Source.STATEMENT and self._statement and absent:
                    self._absent(ours)
                continue
            if of[0].not_found:
                if ours.state is not OrderState.FAILED:
                    kind = Kind.MISSING if ours.state is OrderState.SUCCESSFUL else _state_kind(ours)
                    self._add(kind, ours, of, ours.state.value, "not there")
                continue
            said = _net(of)
            kind_of = _differs(ours, said, source)
            if kind_of is not None:
                self._add(kind_of, ours, of, ours.state.value, _state(_first(of, said)))

    def _absent(self, ours: Ours) -> None:
        """No line of the statement is about the order."""
        paid = ours.state is OrderState.SUCCESSFUL and ours.settled_ms is not None
        if paid or ours.state is OrderState.REVERSED:
            kind = Kind.MISSING if paid else _state_kind(ours)
            kind = Kind.EDGE if self.span.near_edge(ours.at_ms) else kind
            self._add(kind, ours, [Theirs(Source.STATEMENT, None)], ours.state.value, "not there")

    def _doubles(self, ours: Ours, words: Sequence[Theirs]) -> None:
        for source in (Source.LIST, Source.STATEMENT):
            paid = [w for w in words if w.source is source and w.state is OrderState.SUCCESSFUL]
            if len(paid) > 1:
                self._add(Kind.DOUBLE, ours, paid, "once", f"{len(paid)} times")

    def _terms(self, ours: Ours, words: Sequence[Theirs]) -> None:
        """Amount, currency and day of the money; of a giving back where we say so or nothing else tells."""
        for source in Source:
            of = [w for w in words if w.source is source]
            paid = [w for w in of if w.state is OrderState.SUCCESSFUL]
            back = backs(ours, of) if source is Source.STATEMENT else []
            self._back_terms(ours, back)
            for word in paid or [w for w in of if w.state is OrderState.REVERSED and w not in back]:
                if word.amount is not None and word.amount != ours.amount:
                    self._add(Kind.AMOUNT, ours, [word], _shown(ours.amount), _shown(word.amount))
                if word.currency and word.currency != ours.currency:
                    self._add(Kind.CURRENCY, ours, [word], ours.currency, word.currency)
            for word in paid:
                if ours.settled_ms is None or self.span.same_day(ours.settled_ms, word):
                    continue
                theirs = "" if word.until_ms is None else self.span.day(word.until_ms).isoformat()
                self._add(Kind.DAY, ours, [word], self.span.day(ours.settled_ms).isoformat(), theirs)

    def _back_terms(self, ours: Ours, back: Sequence[Theirs]) -> None:
        """All of a reversed order is given back, at once or in parts, and once."""
        amounts = [word.amount for word in back if word.amount is not None]
        if amounts and sum(amounts) != ours.amount:
            again = len(amounts) > 1 and set(amounts) == {ours.amount}
            theirs = f"{_shown(sum(amounts, Decimal(0)))} given back"
            self._add(Kind.DOUBLE if again else Kind.AMOUNT, ours, back, _shown(ours.amount), theirs)
        for word in back:
            if word.currency and word.currency != ours.currency:
                self._add(Kind.CURRENCY, ours, [word], ours.currency, word.currency)

    # ---- keeping

    def _claim(self, ours: Ours) -> tuple[list[Theirs], Shares]:
        """The lines of the order as they are meant of it, and how those of its family are shared out."""
        payment = ours.payment or ours.part
        family = (ours.part, payment, *ours.refunds)
        keys = {key_of(reference) for part in family for reference in part.ids} - {""}
        keys |= {_number(reference) for part in family for reference in part.ids if reference != part.code}
        numbers = sorted({number for key in keys for number in self._by_id.get(key, ())})
        small = fees([(number, self._lines[number]) for number in numbers])
        for number in small:
            self._claims.setdefault(number, ours.code)
        shares = share(
            payment,
            ours.refunds,
            {number: self._lines[number] for number in numbers if number not in small},
        )
        mine: list[Theirs] = []
        for number, part in shares.owner.items():
            if part.code != ours.code:
                if part.code != payment.code:
                    self._lent.setdefault(number, part)
            elif (holder := self._claims.setdefault(number, ours.code)) == ours.code:
                mine.append(self._lines[number])
            else:
                known = f"one line fits {holder} as well"
                self._add(Kind.UNCLEAR, ours, [self._lines[number]], ours.code, known)
        if ours.payment is None:
            for number in shares.excused:
                self._claims.setdefault(number, ours.code)
        return [seen_from(ours, line, mine) for line in mine], shares

    def _add(self, kind: Kind, ours: Ours, words: Iterable[Theirs], mine: str, theirs: str) -> None:
        words = list(words)
        found = Finding(
            kind=kind,
            sources=tuple(dict.fromkeys(w.source for w in words)),
            code=ours.code,
            reference=ours.ids[0] if ours.ids else "",
            day=self.span.day(ours.at_ms).isoformat(),
            amount=f"{ours.currency} {_shown(ours.amount)}",
            payer=ours.payer,
            ours=mine,
            theirs=theirs,
            lines=tuple(w.line for w in words if w.line),
        )
        self._put(ours.code, found)

    def _stranger(self, kind: Kind, line: Theirs) -> Finding:
        return Finding(
            kind=kind,
            sources=(line.source,),
            code="",
            reference=line.ids[0] if line.ids else "",
            day="" if line.from_ms is None else self.span.day(line.from_ms).isoformat(),
            amount="?" if line.amount is None else f"{line.currency} {'-' * line.out}{_shown(line.amount)}",
            payer="",
            ours="not there",
            theirs=_state(line),
            lines=(line.line,) if line.line else (),
        )

    def _put(self, name: str, found: Finding) -> None:
        """One finding per kind and order; whoever else says so is added."""
        kept = self._found.get((found.kind, name))
        if kept is not None:
            found = msgspec.structs.replace(
                kept,
                sources=tuple(dict.fromkeys((*kept.sources, *found.sources))),
                lines=tuple(dict.fromkeys((*kept.lines, *found.lines))),
            )
        self._found[found.kind, name] = found


def _number(reference: str) -> str:
    """The key of a provider's own number: its nine digits may be those of a code of ours."""
    return f"#{key_of(reference)}"


def _net(words: Sequence[Theirs]) -> OrderState | None:
    """What several words of one source come to: money given back, money, a question, none."""
    said = {word.state for word in words}
    ranked = (OrderState.REVERSED, OrderState.SUCCESSFUL, OrderState.PENDING, OrderState.FAILED)
    return next((state for state in ranked if state in said), None)


def _differs(ours: Ours, said: OrderState | None, source: Source) -> Kind | None:
    """What a final order of ours and their word make together."""
    held = ours.state
    if said is None or said is held:
        return None
    if said is OrderState.PENDING and source is Source.LIST:
        return None  # the list was read before the order: it may have become final in between
    if held is OrderState.FAILED and said is OrderState.SUCCESSFUL:
        return Kind.EXTRA
    if held is OrderState.REVERSED and said is OrderState.SUCCESSFUL and source is Source.STATEMENT:
        return None  # the giving back may stand on another day's statement
    return _state_kind(ours)


def _state_kind(ours: Ours) -> Kind:
    """Another state is explained by a person's word, since some providers never tell that money was given
    back; but that money is there has to be found with them, whoever said so."""
    return Kind.BY_HAND if ours.by_hand and ours.state is not OrderState.SUCCESSFUL else Kind.STATE


def _says_nothing(status: Theirs) -> bool:
    return status.state is None and not status.not_found


def _first(words: Sequence[Theirs], said: OrderState | None) -> Theirs:
    return next(word for word in words if word.state is said)


def _state(word: Theirs) -> str:
    if word.not_found:
        return "not there"
    return word.state.value if word.state is not None else word.word or "?"


def _shown(amount: Decimal) -> str:
    return f"{amount:,f}"
