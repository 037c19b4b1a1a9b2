"""The store over any driver: which SQL function keeps which promise of `bot.store.base.Store`.

Most lines of `SqlStore` name an intent, the SQL function that does it, and where it runs. mypy compares
each with the intent's signature.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

from bot.store import (
    agreements,
    announcing,
    asking,
    audit,
    chores,
    figures,
    inbox,
    messages,
    order_reads,
    orders,
    people,
    restored,
    surroundings,
    turns,
)
from bot.store.base import Change, Store
from bot.store.changes import apply
from bot.store.driver import Driver
from bot.store.forgetting import STRANGERS_AT_ONCE, forget_strangers
from bot.store.records import AgreementRow, MessageRow, OrderRow, RecheckRow, UpdateRow
from bot.store.rows import Tx

__all__ = ["SqlStore"]

P = ParamSpec("P")
T = TypeVar("T")
Sql: TypeAlias = Callable[Concatenate[Tx, P], T]
Intent: TypeAlias = Callable[Concatenate["SqlStore", P], Coroutine[Any, Any, T]]

_FORGET_AT_ONCE: Final = 500
_NO_SPACING: Final[Mapping[str, int]] = {}


def _quick(sql: Sql[P, T]) -> Intent[P, T]:
    """A read that a person waits for."""

    async def intent(self: "SqlStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.driver.read(lambda tx: sql(tx, *args, **kwargs))

    return intent


def _long(sql: Sql[P, T]) -> Intent[P, T]:
    """A list, or a question of the worker's: no person waits behind it."""

    async def intent(self: "SqlStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.driver.read_long(lambda tx: sql(tx, *args, **kwargs))

    return intent


def _aside(sql: Sql[P, T]) -> Intent[P, T]:
    """A read of everything: nobody waits behind it."""

    async def intent(self: "SqlStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.driver.read_aside(lambda tx: sql(tx, *args, **kwargs))

    return intent


def _write(sql: Sql[P, T]) -> Intent[P, T]:
    """Something kept that is no change of a commit."""

    async def intent(self: "SqlStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.driver.write(lambda tx: sql(tx, *args, **kwargs))

    return intent


class SqlStore:
    """See `bot.store.base.Store` for the promises. `clock` gives epoch milliseconds."""

    def __init__(self, driver: Driver, *, clock: Callable[[], int]) -> None:
        self.driver: Final = driver
        self._clock = clock

    # ---- life

    async def open(self) -> None:
        await self.driver.open()

    async def close(self) -> None:
        await self.driver.close()

    @property
    def available(self) -> bool:
        return self.driver.available

    async def probe(self) -> None:
        await self.driver.probe()

    async def examine(self, pause_s: float = 0.0) -> Sequence[str]:
        return await self.driver.examine(pause_s)

    async def commit(self, changes: Sequence[Change]) -> None:
        now_ms = self._clock()
        await self.driver.commit(lambda tx: apply(tx, changes, now_ms))

    # ---- turns and the inbox

    load_turn = _quick(turns.load_turn)
    conversation = _quick(turns.conversation)
    receive = _write(inbox.receive)
    release_update = _write(inbox.release)

    async def claim_updates(
        self, source: str, now_ms: int, lease_ms: int, limit: int
    ) -> tuple[UpdateRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: inbox.claim(tx, source, now_ms, ms, limit))

    # ---- orders

    order = _quick(order_reads.by_id)
    order_by_code = _quick(order_reads.by_code)
    order_by_reference = _quick(order_reads.by_reference)
    surroundings = _quick(surroundings.surroundings)
    order_of_act = _quick(order_reads.of_act)
    transitions = _quick(order_reads.transitions)
    orders_of_person = _quick(order_reads.of_person)
    orders_of_conversation = _quick(order_reads.of_conversation)
    orders_of_merchant = _quick(order_reads.of_merchant)
    payouts_of_merchant = _quick(order_reads.payouts_of_merchant)
    recent_orders = _long(order_reads.recent)
    orders_between = _long(order_reads.between)
    paid_before = _quick(order_reads.paid_before)
    collected_minor = _long(order_reads.collected_minor)
    refunded_minor = _quick(order_reads.refunded_minor)
    given_back_minor = _quick(order_reads.given_back_minor)
    refunds_of = _quick(order_reads.refunds_of)
    follower_of = _quick(order_reads.follower_of)
    cannot_ask = _quick(asking.refusal)
    paid_out_minor = _quick(orders.paid_out_minor)
    needs_second = _quick(orders.needs_second)
    open_accounts = _long(order_reads.open_accounts)
    open_places = _long(order_reads.open_places)
    open_orders_at = _long(order_reads.open_at)
    settle_in = _write(order_reads.settle_in)
    named_by_webhooks = _quick(order_reads.named_by_webhooks)
    learn = _write(order_reads.learn)
    has_learned = _quick(order_reads.has_learned)
    hint = _write(orders.hint)
    next_due_ms = _long(orders.next_due_ms)

    async def claim_orders(
        self, now_ms: int, lease_ms: int, limit: int, without: Sequence[str] = ()
    ) -> tuple[OrderRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: orders.claim(tx, now_ms, ms, limit, without))

    # ---- agreements, approvals, switches

    agreement = _quick(agreements.agreement)
    agreement_lines = _quick(agreements.lines)
    agreements_of_payer = _quick(agreements.of_payer)
    agreements_of_merchant = _quick(agreements.of_merchant)
    agreements_elsewhere = _long(agreements.elsewhere)
    preapproval_ids = _quick(agreements.preapproval_ids)
    is_being_stopped = _quick(asking.is_being_stopped)
    debited = _quick(asking.debited)
    next_agreement_ms = _long(agreements.next_due_ms)
    approval = _quick(agreements.approval)
    approval_of_act = _quick(agreements.approval_of_act)
    approvals_waiting = _quick(agreements.approvals_waiting)
    approvals_over = _long(agreements.approvals_over)
    next_approval_ms = _long(agreements.next_over_ms)
    switch = _quick(agreements.switch)
    is_off = _quick(agreements.is_off)

    async def claim_agreements(self, now_ms: int, lease_ms: int, limit: int) -> tuple[AgreementRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: agreements.claim(tx, now_ms, ms, limit))

    # ---- announcements

    announcing_due = _long(announcing.due)
    next_announcing_ms = _long(announcing.next_due_ms)
    held_back = _long(announcing.held_back)
    announcing = _quick(announcing.announcing)

    # ---- messages

    untold_result = _quick(messages.untold_result)
    messages_of_order = _quick(messages.of_order)
    sent_messages = _quick(messages.sent_to)
    messages = _long(messages.by_state)

    async def claim_messages(
        self,
        now_ms: int,
        lease_ms: int,
        limit: int,
        spacing_ms: Mapping[str, int],
        without: Sequence[str] = (),
        resting: Sequence[tuple[str, str]] = (),
    ) -> tuple[MessageRow, ...]:
        return await self._lease(
            lease_ms, lambda tx, ms: messages.claim(tx, now_ms, ms, limit, spacing_ms, without, resting)
        )

    async def next_message_ms(
        self,
        spacing_ms: Mapping[str, int] = _NO_SPACING,
        without: Sequence[str] = (),
        resting: Sequence[tuple[str, str]] = (),
    ) -> int | None:
        now_ms = self._clock()
        return await self.driver.read_long(
            lambda tx: messages.next_ms(tx, now_ms, spacing_ms, without, resting)
        )

    # ---- people, merchants, staff

    person = _quick(people.person)
    person_of = _quick(people.owner_of)
    addresses_of = _quick(people.addresses_of)
    merchant = _quick(people.merchant)
    merchant_by_code = _quick(people.merchant_by_code)
    merchants = _long(people.merchants)
    recent_merchants = _quick(people.recent_merchants)
    staff_of = _quick(people.staff_of)
    staff_of_merchant = _quick(people.staff_of_merchant)
    staff_by_enrol_hash = _quick(people.staff_by_enrol_hash)
    staff_member = _quick(people.staff_member)
    open_link_code = _quick(people.open_link_code)
    link_code = _quick(people.link_code)

    # ---- rates, webhooks, incidents, chores

    count = _write(chores.count)
    below = _quick(chores.below)
    next_recheck_ms = _long(chores.next_recheck_ms)
    webhooks = _long(chores.webhooks)
    incidents = _long(chores.incidents)
    restores = _long(restored.restores)
    figures = _long(figures.figures)
    overdue = _long(audit.overdue)
    audit = _aside(audit.findings)
    pull_due = _write(chores.pull_due)

    async def claim_rechecks(self, now_ms: int, lease_ms: int, limit: int) -> tuple[RecheckRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: chores.claim_rechecks(tx, now_ms, ms, limit))

    async def purge(self, now_ms: int, journal_ms: int, remember_ms: int, stranger_ms: int) -> None:
        for forget in chores.forgetting(now_ms, journal_ms, remember_ms):
            await self._forget_all(forget, _FORGET_AT_ONCE)
        silent_since_ms = now_ms - stranger_ms
        await self._forget_all(
            lambda tx, most: forget_strangers(tx, silent_since_ms, most), STRANGERS_AT_ONCE
        )

    async def _forget_all(self, forget: Callable[[Tx, int], int], at_once: int) -> None:
        """In many short transactions: nobody waits long behind one."""
        while await self.driver.write(lambda tx: forget(tx, at_once)) == at_once:
            pass

    async def _lease(self, lease_ms: int, claim: Callable[[Tx, int], T]) -> T:
        """A lease lasts from when it is written: counted from when it was asked for, one that waited long
        for the disk, or across a leap of the clock, would be over before its holder hears of it."""
        asked_ms = self._clock()
        # A clock set back meanwhile shortens nothing.
        return await self.driver.write(lambda tx: claim(tx, lease_ms + max(self._clock() - asked_ms, 0)))


if TYPE_CHECKING:
    _KEEPS_THE_PROMISES: type[Store] = SqlStore
