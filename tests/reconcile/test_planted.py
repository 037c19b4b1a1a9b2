"""Plant any mixture of faults in a true statement: exactly these are found, and none else.

The statement is written as CSV and read again, so that the reader stands in the way as it does in life.
"""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.admin.reconciliation.statement import Form, read_statement
from bot.admin.reconciliation.values import Ours
from bot.money import OrderState

from .make import ACCRA, DAY, HOUR, SPAN, compared, kinds, listed, ours, status

S = OrderState
FORM = Form(zone=ACCRA, currency="GHS")
BY_HAND = "settled_by_hand"
# No line of a reversed order, and what is said of it.
GONE = {"gone": "wrong_state", "gone_by_hand": BY_HAND}
# What may be planted on one line at a time.
TOGETHER = ("wrong_amount", "wrong_currency", "double", "wrong_day")
COINS = st.decimals("0.01", "99999.99", places=2)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Ours, frozenset[str]]:
    """An order of the period and what is planted on its line."""
    state = draw(st.sampled_from([S.SUCCESSFUL, S.SUCCESSFUL, S.FAILED, S.REVERSED, S.PENDING, S.UNRESOLVED]))
    # Midday of one of the days: nearer to midnight the tolerance has its say, in tests of its own.
    settled_ms = SPAN.from_ms + draw(st.integers(0, 2)) * DAY + 12 * HOUR + draw(st.integers(-HOUR, HOUR))
    order = ours(
        state=state,
        amount=draw(COINS),
        created_ms=settled_ms - draw(st.integers(0, 30)) * 60_000,
        settled_ms=settled_ms if state in (S.SUCCESSFUL, S.REVERSED) else None,
        by_hand=state not in (S.PENDING, S.UNRESOLVED) and draw(st.booleans()),
        goes_out=draw(st.booleans()),
    )
    if state is S.SUCCESSFUL:
        alone = st.sampled_from([frozenset({"missing"}), frozenset({"wrong_state"})])
        mixed = st.frozensets(st.sampled_from(TOGETHER))
        return order, draw(st.one_of(st.just(frozenset()), mixed, alone))
    if state is S.FAILED:
        return order, draw(st.sampled_from([frozenset(), frozenset({"extra"})]))
    if order.by_hand and draw(st.booleans()):
        return order, frozenset({"settled_by_hand"})
    if state is S.REVERSED:
        # "settled_by_hand" is what a person's word makes of a state that differs.
        gone = "gone_by_hand" if order.by_hand else "gone"
        return order, draw(st.sampled_from([frozenset(), frozenset({"wrong_amount"}), frozenset({gone})]))
    return order, frozenset()


@st.composite
def worlds(draw: st.DrawFn) -> list[tuple[Ours, frozenset[str]]]:
    made = draw(st.lists(cases(), max_size=12))
    return [
        (msgspec.structs.replace(o, code=f"C{n:07}", ids=ours(f"C{n:07}").ids), faults)
        for n, (o, faults) in enumerate(made)
    ]


def rows(order: Ours, planted: frozenset[str], draw: st.DataObject) -> list[dict[str, str]]:
    """The lines about an order: true, but for what is planted."""
    moneyless = order.state in (S.PENDING, S.UNRESOLVED) or (
        # What failed stands on some statements, with its state, and not on others.
        order.state is S.FAILED and "extra" not in planted and draw.draw(st.booleans())
    )
    if planted & {"missing", *GONE} or moneyless:
        return []
    at_ms = order.at_ms
    if "wrong_day" in planted:
        at_ms += draw.draw(st.sampled_from([-2 * DAY, -DAY, DAY, 3 * DAY]))
    states = {S.SUCCESSFUL: "Successful", S.REVERSED: "Reversed", S.FAILED: "Failed"}
    state = states[order.state]
    if "extra" in planted:
        state = "Successful"
    if "wrong_state" in planted:
        state = draw.draw(st.sampled_from(["Failed", "Pending", "Reversed"]))
    if "settled_by_hand" in planted:
        state = draw.draw(st.sampled_from(["Failed", "Pending"]))
    amount = order.amount
    if "wrong_amount" in planted:
        amount += draw.draw(st.sampled_from([Decimal("0.01"), Decimal(100), amount]))
    row = {
        "External Id": draw.draw(st.sampled_from([order.code, order.code.lower(), ""])),
        "Reference": order.ids[0],
        "Amount": f"{'-' * order.goes_out}{amount:f}",
        "Currency": "KES" if "wrong_currency" in planted else "GHS",
        "Status": state,
        "Date": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(),
    }
    if state == "Reversed" == states[order.state] and draw.draw(st.booleans()):
        # Two lines, the order's own and the giving back; what is wrong stands on the second.
        own = row | {"Amount": f"{'-' * order.goes_out}{order.amount:f}", "Status": "Successful"}
        back = row | {"Amount": f"{'-' * (not order.goes_out)}{amount:f}"}
        return [own, back | {"Status": draw.draw(st.sampled_from(["Successful", "Reversed"]))}]
    return [row] * (2 if "double" in planted else 1)


def unsigned(row: dict[str, str]) -> dict[str, str]:
    """The row with its amount among the credits or the debits."""
    amount = row["Amount"]
    out = amount.startswith("-")
    sides = {"Credit": "" if out else amount, "Debit": amount.removeprefix("-") if out else ""}
    return {name: cell for name, cell in row.items() if name != "Amount"} | sides


def written(found: list[dict[str, str]], delimiter: str, bom: bool, sides: bool = False) -> bytes:
    out = io.StringIO()
    amounts = ["Credit", "Debit"] if sides else ["Amount"]
    names = ["External Id", "Reference", *amounts, "Currency", "Status", "Date"]
    found = [unsigned(row) for row in found] if sides else found
    writer = csv.DictWriter(out, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue().encode("utf-8-sig" if bom else "utf-8")


@settings(deadline=None)
@given(world=worlds(), strangers=st.integers(0, 3), data=st.data())
def test_exactly_what_was_planted_is_found(
    world: list[tuple[Ours, frozenset[str]]], strangers: int, data: st.DataObject
) -> None:
    lines = [row for order, planted in world for row in rows(order, planted, data)]
    expected = {
        (order.code, GONE.get(kind, kind))
        for order, planted in world
        for kind in planted
        if GONE.get(kind, kind) != BY_HAND
    }
    for number in range(strangers):
        stranger = ours(f"X{number:07}", goes_out=data.draw(st.booleans()))
        lines += rows(stranger, frozenset(), data)
        expected.add((stranger.ids[0], "extra"))
    lines = data.draw(st.permutations(lines))
    raw = written(
        lines, data.draw(st.sampled_from(",;\t")), data.draw(st.booleans()), data.draw(st.booleans())
    )
    heard = read_statement(raw, FORM).lines
    # A stranger is named by whichever reference its line begins with.
    for number in range(strangers):
        stranger = ours(f"X{number:07}")
        (told,) = [line for line in heard if stranger.ids[0] in line.ids]
        expected.discard((stranger.ids[0], "extra"))
        expected.add((told.ids[0], "extra"))
    orders = [(order, status(order)) for order, _ in data.draw(st.permutations(world))]
    true_list = [listed(order) for order, _ in world if data.draw(st.booleans())]
    found = compared(orders, [*heard, *true_list])
    assert set(kinds(found.findings)) == expected
    assert len(found.findings) == len(expected)
    explained = {order.code for order, p in world if p & {BY_HAND, "gone_by_hand"}}
    assert set(kinds(found.explained)) == {(code, BY_HAND) for code in explained}
    still_open = {order.code for order, _ in world if order.state in (S.PENDING, S.UNRESOLVED)}
    assert {one.code for one in found.not_compared} == still_open
    assert found.taken == len(world)


WORDS = {
    "missing": {"state": None, "not_found": True},
    "wrong_amount": {"amount": Decimal("123456.78")},
    "wrong_currency": {"currency": "KES"},
    "wrong_state": {"state": S.FAILED},
    "extra": {"state": S.SUCCESSFUL},
    BY_HAND: {"state": S.SUCCESSFUL},
}


@settings(deadline=None)
@given(world=worlds())
def test_what_the_provider_says_otherwise_is_found_too(world: list[tuple[Ours, frozenset[str]]]) -> None:
    orders, expected = [], set()
    for order, planted in world:
        says = {kind for kind in planted if kind in WORDS}
        changes: dict[str, object] = {}
        for kind in says:
            changes |= WORDS[kind]
        orders.append((order, status(order, **changes)))
        expected |= {(order.code, kind) for kind in says}
    found = compared(orders, [], statement=False)
    told = [*found.findings, *found.explained]
    assert set(kinds(told)) == expected
    assert len(told) == len(expected)
    assert all(one.kind.value == BY_HAND for one in found.explained)


Faults = list[tuple[str, str]]


@st.composite
def families(draw: st.DrawFn, number: int) -> tuple[list[Ours], list[dict[str, str]], Faults]:
    """A payment and its refunds, their lines, and what was planted on one refund's line."""
    at_ms = SPAN.from_ms + DAY + 12 * HOUR
    given = {"created_ms": at_ms - 60_000, "settled_ms": at_ms}
    # Few amounts, so that two refunds are often of the same one.
    coins = st.sampled_from([Decimal("0.50"), Decimal("1.00"), Decimal("1.50"), Decimal("2.00")])
    amounts = draw(st.lists(coins, max_size=3))
    codes = [f"R{number:03}{n:04}" for n in range(len(amounts))]
    refunds = [
        ours(code, amount=amount, goes_out=True, **given) for code, amount in zip(codes, amounts, strict=True)
    ]
    paid = ours(f"P{number:07}", amount=sum(amounts, Decimal("0.25")), **given)
    parts = tuple(refund.part for refund in refunds)
    payment = msgspec.structs.replace(paid, refunds=parts)
    refunds = [msgspec.structs.replace(refund, payment=paid.part, refunds=parts) for refund in refunds]

    def row(reference: str, external: str, amount: Decimal, state: str) -> dict[str, str]:
        date = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
        told = {"External Id": external, "Reference": reference, "Amount": f"{amount:f}"}
        return told | {"Currency": "GHS", "Status": state, "Date": date}

    lines = [row(payment.ids[0], payment.code, payment.amount, "Successful")]
    planted: Faults = []
    victim = draw(st.sampled_from(refunds)) if refunds and draw(st.booleans()) else None
    for refund in refunds:
        own, under = refund.ids[0], payment.ids[0]
        reference, external = draw(
            st.sampled_from([(own, ""), (under, ""), (own, payment.code), (under, own)])
        )
        shared = (reference, external) != (own, "")
        state = draw(st.sampled_from(["Successful", "Reversed"])) if shared else "Successful"
        amount, times = refund.amount, 1
        if refund is victim:
            fault = draw(st.sampled_from(["missing", "double", "wrong_amount"]))
            planted.append((payment.code, fault))
            times = {"missing": 0, "double": 2}.get(fault, 1)
            amount += Decimal("0.03") if fault == "wrong_amount" else 0
        lines += [row(reference, external, -amount, state)] * times
    return [payment, *refunds], lines, planted


@settings(deadline=None)
@given(data=st.data())
def test_what_is_planted_on_refunds_is_found(data: st.DataObject) -> None:
    made = [data.draw(families(number)) for number in range(data.draw(st.integers(0, 4)))]
    payment_of = {order.code: orders[0].code for orders, _, _ in made for order in orders}
    lines = data.draw(st.permutations([line for _, lines, _ in made for line in lines]))
    heard = read_statement(written(lines, ",", False, data.draw(st.booleans())), FORM).lines
    orders = data.draw(st.permutations([order for orders, _, _ in made for order in orders]))
    found = compared([(order, status(order)) for order in orders], heard)
    assert found.not_compared == []
    # Which of two equal refunds is missing nobody can say: it is one of the family.
    told = sorted((payment_of[one.code], one.kind.value) for one in found.findings)
    assert told == sorted(fault for _, _, planted in made for fault in planted)
