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

from bot.money import OrderState
from bot.reconcile.statement import Form, read_statement
from bot.reconcile.values import Ours, Theirs

from .make import ACCRA, DAY, HOUR, SPAN, compared, kinds, listed, ours, status

S = OrderState
FORM = Form(zone=ACCRA, currency="GHS")
BY_HAND = "settled_by_hand"
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
    )
    if state is S.SUCCESSFUL:
        alone = st.sampled_from([frozenset({"missing"}), frozenset({"wrong_state"})])
        mixed = st.frozensets(st.sampled_from(TOGETHER))
        return order, draw(st.one_of(st.just(frozenset()), mixed, alone))
    if state is S.FAILED:
        return order, draw(st.sampled_from([frozenset(), frozenset({"extra"})]))
    if order.by_hand and draw(st.booleans()):
        return order, frozenset({"settled_by_hand"})
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
    if "missing" in planted or moneyless:
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
        "Amount": f"{amount:f}",
        "Currency": "KES" if "wrong_currency" in planted else "GHS",
        "Status": state,
        "Date": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(),
    }
    return [row] * (2 if "double" in planted else 1)


def written(found: list[dict[str, str]], delimiter: str, bom: bool) -> bytes:
    out = io.StringIO()
    names = ["External Id", "Reference", "Amount", "Currency", "Status", "Date"]
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
    expected = {(order.code, kind) for order, planted in world for kind in planted if kind != BY_HAND}
    for number in range(strangers):
        stranger = ours(f"X{number:07}")
        lines += rows(stranger, frozenset(), data)
        expected.add((stranger.ids[0], "extra"))
    lines = data.draw(st.permutations(lines))
    raw = written(lines, data.draw(st.sampled_from(",;\t")), data.draw(st.booleans()))
    heard: list[Theirs] = read_statement(raw, FORM)
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
    assert set(kinds(found.explained)) == {(order.code, BY_HAND) for order, p in world if BY_HAND in p}
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
