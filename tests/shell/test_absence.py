"""A request that is never made twice fails only where its provider surely lacks it, seen twice."""

from typing import Any

import msgspec
import pytest

from bot.money import ORDER_CODE_BYTES, Money, OrderKind, OrderState, Reason, Source, code_from_bytes
from bot.orders.polling import Poller
from bot.orders.rules import after_status
from bot.providers.base import Listed, ListPage, ProviderError, Resend, StatusReport, Unknown
from bot.runtime.timeouts import TIMES
from bot.store.base import KeepRecheck, KeepWebhook
from bot.store.records import OrderRow, WebhookRow
from tests.conversations.stage import Stage
from tests.shell.ledger import context, moves, order
from tests.store.make import NOW
from tests.store.make import order as order_row

S = OrderState
NOT_FOUND = StatusReport(state=None, not_found=True, surely_lacks=True)
SECOND = 1_000

# ---- the rule, as a plain function ----------------------------------------------------------------


def look(row: OrderRow, at_s: float, *, absent: bool = True, **more: Any) -> Any:
    at = context(NOW + int(at_s * SECOND), resend=Resend.NEVER, absent=absent, grace_s=60.0, **more)
    return after_status(row, NOT_FOUND, Source.POLL, at)


def lost(**given: Any) -> OrderRow:
    return order(S.PENDING, deadline_ms=NOW + 4_500 * SECOND, polls=6, **given)


def test_no_look_before_two_minutes_counts() -> None:
    settled = look(lost(), 119.9)
    assert moves(settled) == []
    assert settled.order.missed_ms is None


def test_it_fails_at_the_second_look_a_minute_after_the_first() -> None:
    first = look(lost(), 120)
    assert moves(first) == []
    assert first.order.missed_ms == NOW + 120 * SECOND
    assert first.order.due_ms == NOW + 180 * SECOND
    early = look(first.order, 179.9)
    assert moves(early) == []
    assert early.order.missed_ms == first.order.missed_ms
    second = look(early.order, 180)
    assert second.order.state is S.FAILED
    assert second.order.reason is Reason.NOT_SENT
    # A copy that took its time is looked for once more.
    (later,) = [change.row for change in second.changes if isinstance(change, KeepRecheck)]
    assert (later.source, later.due_ms) == (Source.POLL, NOW + (180 + 900) * SECOND)


@pytest.mark.parametrize(
    "row",
    [
        lost(accepted_ms=NOW),
        lost(provider_reference="SB1"),
        order(S.UNRESOLVED, deadline_ms=NOW),
        order(S.NEEDS_OTP, polls=6),
    ],
    ids=["accepted", "named", "unresolved", "asked for a code"],
)
def test_what_was_taken_or_lies_with_a_person_never_fails_so(row: OrderRow) -> None:
    row = msgspec.structs.replace(row, missed_ms=NOW)
    for at_s in (200, 700, 5_000):
        assert all(move.to_state is not S.FAILED for move in moves(look(row, at_s)))


def test_where_nobody_can_tell_it_is_left_to_a_person() -> None:
    row = lost()
    for at_s in (130, 700, 4_400):
        settled = look(row, at_s, absent=False)
        assert moves(settled) == []
        row = settled.order
    assert look(row, 4_600, absent=False).order.state is S.UNRESOLVED


def test_a_clock_set_back_begins_the_polls_anew() -> None:
    settled = look(lost(missed_ms=NOW + 3_600 * SECOND), 200)
    assert moves(settled) == []
    assert settled.order.missed_ms == NOW + 200 * SECOND


def test_once_seen_it_is_held_there() -> None:
    seen = after_status(
        lost(), StatusReport(state=S.PENDING), Source.POLL, context(NOW + 130_000, resend=Resend.NEVER)
    )
    row = msgspec.structs.replace(seen.order, missed_ms=NOW)
    assert all(move.to_state is not S.FAILED for move in moves(look(row, 400)))


# ---- what a look finds ------------------------------------------------------------------------------


class Provider:
    """Answers by reference: a Startbutton whose manners a test chooses."""

    def __init__(self, stage: Stage) -> None:
        self._calls = stage.kasapay.calls
        self.accounts = self._calls.accounts
        self.keys_hash, self.same_keys = self._calls.keys_hash, self._calls.same_keys
        self.by_ours: StatusReport | ProviderError = NOT_FOUND
        self.by_theirs: dict[str, StatusReport] = {}
        self.rows: list[Listed] | ProviderError = Unknown("no list")
        self.asked: list[str] = []

    async def status(self, order: OrderRow, timeout_s: float) -> StatusReport | ProviderError:
        self.asked.append(order.provider_reference or "ours")
        found = self.by_theirs.get(order.provider_reference)
        return found or self.by_ours

    async def list_payments(self, *given: Any, **more: Any) -> ListPage | ProviderError:
        self.asked.append("list")
        if isinstance(self.rows, ProviderError):
            return self.rows
        part = self.rows[given[3] : given[3] + 2]
        return ListPage(tuple(part), len(part))


def found(order: OrderRow, theirs: str = "SB1", **more: Any) -> StatusReport:
    amount = Money(order.amount_minor, order.currency)
    values = {"state": S.PENDING, "amount": amount, "provider_reference": theirs, "names_ours": True} | more
    return StatusReport(**values)


def listed(reference: str, theirs: str = "SB1", minor: int = 1) -> Listed:
    return Listed(reference, theirs, S.PENDING, amount=Money(minor, "GHS"))


async def sent(stage: Stage, kind: OrderKind = OrderKind.COLLECTION, **given: Any) -> OrderRow:
    """An order at Startbutton whose reply was lost three minutes ago."""
    values: dict[str, Any] = {"state": S.PENDING, "sent_ms": stage.clock() - 180_000} | given
    names = {"code": code_from_bytes(stage.ids.random_bytes(ORDER_CODE_BYTES)), "reference": stage.ids.uuid()}
    return order_row(stage.ids.uuid(), kind=kind, account_id="startbutton-ghs", **names, **values)


def poller_of(stage: Stage, provider: Any) -> Poller:
    return Poller(stage.store, provider, stage.clock, TIMES)


async def absent(stage: Stage, provider: Provider, order: OrderRow) -> bool:
    return (await poller_of(stage, provider).poll(order))[1]


async def test_a_404_alone_tells_nothing(stage: Stage) -> None:
    assert not await absent(stage, Provider(stage), await sent(stage))


async def test_a_404_tells_where_the_account_has_answered_by_our_reference(stage: Stage) -> None:
    provider, other, row = Provider(stage), await sent(stage), await sent(stage)
    provider.by_ours = found(other)
    await poller_of(stage, provider).poll(other)
    provider.by_ours = NOT_FOUND
    assert await absent(stage, provider, row)
    # Of another kind of order it says nothing yet.
    assert not await absent(stage, provider, await sent(stage, OrderKind.TRANSFER))
    # Nor with other keys than the order was sent with, nor of words that are no 404.
    assert not await absent(stage, provider, msgspec.structs.replace(row, sent_with="other keys"))
    provider.by_ours = StatusReport(state=None, not_found=True)
    assert not await absent(stage, provider, row)


async def test_an_account_is_tried_by_our_reference_now_and_then_until_it_is_known(stage: Stage) -> None:
    provider = Provider(stage)
    named = await sent(stage, provider_reference="SB1")
    poller = poller_of(stage, provider)
    provider.by_theirs["SB1"] = found(named)
    for _ in range(3):
        assert (await poller.poll(named))[0] == found(named)
    assert provider.asked == ["ours", "SB1", "SB1", "SB1"]
    stage.clock.ms += 3_600_000
    provider.by_ours = found(named, names_ours=False)
    await poller.poll(named)
    assert not await absent(stage, provider, await sent(stage))  # that reply named nobody's reference
    stage.clock.ms += 3_600_000
    provider.by_ours = found(named)
    before = len(provider.asked)
    await poller.poll(named)
    await poller.poll(named)
    assert provider.asked[before:] == ["ours", "SB1"]  # where it is answered, that is the answer
    provider.by_ours = NOT_FOUND
    assert await absent(stage, provider, await sent(stage))


async def test_a_whole_list_that_lacks_it_tells_as_well(stage: Stage) -> None:
    provider, row = Provider(stage), await sent(stage)
    provider.rows = [listed("f" * 32), listed("e" * 32, "SB2"), listed("d" * 32, "SB3")]
    assert await absent(stage, provider, row)
    provider.rows = []
    assert await absent(stage, provider, row)
    # A row without a reference of ours may be the order, unless its money is other money.
    provider.rows = [listed("", minor=row.amount_minor + 1)]
    assert await absent(stage, provider, row)
    provider.rows = [listed("", minor=row.amount_minor)]
    assert not await absent(stage, provider, row)


async def test_nobody_asks_for_the_list_before_two_minutes(stage: Stage) -> None:
    provider = Provider(stage)
    provider.rows = []
    row = await sent(stage, sent_ms=stage.clock() - 119_000)
    assert not await absent(stage, provider, row)
    assert provider.asked == ["ours"]


@pytest.mark.parametrize("where", ["list", "event"])
async def test_it_is_found_by_their_reference_as_soon_as_anybody_names_it(stage: Stage, where: str) -> None:
    provider, row = Provider(stage), await sent(stage)
    provider.by_theirs["SB9"] = found(row, "SB9", state=S.SUCCESSFUL)
    if where == "list":
        provider.rows = [listed("f" * 32), listed(row.reference.replace("-", ""), "SB9")]
    else:
        event = WebhookRow("w1", "startbutton-ghs", "collection.verified", "SB9", row.reference, NOW)
        await stage.store.commit([KeepWebhook(event)])
    report, is_absent = await poller_of(stage, provider).poll(row)
    assert isinstance(report, StatusReport)
    assert (report.state, report.provider_reference, is_absent) == (S.SUCCESSFUL, "SB9", False)


async def test_a_difference_paid_as_a_transaction_of_its_own_is_not_the_order(stage: Stage) -> None:
    provider, row = Provider(stage), await sent(stage)
    provider.by_theirs["SB9"] = found(row, "SB9", amount=Money(1, row.currency))
    event = WebhookRow("w1", "startbutton-ghs", "collection.completed", "SB9", row.reference, NOW)
    await stage.store.commit([KeepWebhook(event)])
    report, _ = await poller_of(stage, provider).poll(row)
    assert report is NOT_FOUND


async def test_a_refund_is_never_failed_by_what_is_not_found(stage: Stage) -> None:
    provider = Provider(stage)
    provider.rows = []
    row = await sent(stage)
    refund = msgspec.structs.replace(row, kind=OrderKind.REFUND)
    assert not await absent(stage, provider, refund)
    assert provider.asked == ["ours"]


async def test_momo_makes_it_again_instead(stage: Stage) -> None:
    provider = Provider(stage)
    provider.rows = []
    assert not await absent(
        stage, provider, msgspec.structs.replace(await sent(stage), account_id="momo-ghana")
    )
    assert provider.asked == ["ours"]
