"""The store on SQLite, for one machine: one owner, one writer, readers of their own.

Leases and fences work as on PostgreSQL; what an earlier owner of the file still held is taken back
when the next one opens it, since it cannot live any more.
"""

import asyncio
import contextlib
import os
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

import structlog

from bot.money import OrderState, Source
from bot.store import (
    agreements,
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
    turns,
)
from bot.store.base import (
    Asking,
    Cap,
    Change,
    Figures,
    Finding,
    LoadedTurn,
    SecondPerson,
    Store,
    StoreUnavailable,
    TurnQuery,
)
from bot.store.changes import apply
from bot.store.forgetting import STRANGERS_AT_ONCE, forget_strangers
from bot.store.migrate import SchemaMismatch, expected_version, read_version
from bot.store.records import (
    AddressRow,
    AgreementLine,
    AgreementRow,
    ApprovalRow,
    ConversationRow,
    Incident,
    LinkCode,
    MerchantRow,
    MessageRow,
    MessageState,
    OrderRow,
    PersonRow,
    RecheckRow,
    Restore,
    StaffRow,
    SwitchRow,
    Transition,
    UpdateRow,
    WebhookRow,
)
from bot.store.rows import Tx
from bot.store.sqlite import mark
from bot.store.sqlite.connection import open_reader, open_writer
from bot.store.sqlite.ownership import Ownership
from bot.store.sqlite.reader import Reader
from bot.store.sqlite.soundness import damaged, first_look, is_damage, name_of, table_faults, tables
from bot.store.sqlite.writer import Writer

__all__ = ["SqliteStore"]

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)

_FORGET_AT_ONCE: Final = 500
_NO_SPACING: Final[Mapping[str, int]] = {}


class SqliteStore:
    """See bot.store.base.Store for the promises. `clock` gives epoch milliseconds."""

    def __init__(self, path: str | Path, *, clock: Callable[[], int]) -> None:
        self._path = Path(path).resolve()
        self._clock = clock
        self._ownership = Ownership(self._path)
        self._writer = Writer(lambda: open_writer(self._path))
        # Turns and look-ups on one thread, lists and the worker's questions on another: a person
        # never waits behind a long list.
        self._turn_reads: Reader | None = None
        self._list_reads: Reader | None = None
        self._file: tuple[int, int] | None = None
        self._mark: mark.Mark | None = None
        self._beaten_ms = 0
        self._mark_warned = False

    # ---- life

    async def open(self, owner: bool = True) -> None:
        """Open for use. Raises StoreUnavailable: AlreadyOwned where another process owns the file,
        SchemaMismatch where the schema is not today's, and where the file is damaged as far as a first
        look sees. Without `owner` only reads work."""
        if not self._path.exists():
            raise SchemaMismatch(None, expected_version())
        if owner:
            self._ownership.take()
        try:
            await self._open(owner)
        except sqlite3.Error as error:
            await self.close()
            if is_damage(error):
                raise StoreUnavailable(damaged(name_of(error))) from error
            raise StoreUnavailable(f"cannot open {self._path}: {name_of(error)}") from error
        except BaseException:
            await self.close()
            raise

    async def _open(self, owner: bool) -> None:
        found = self._path.stat()
        self._file = (found.st_dev, found.st_ino)
        if owner:
            # Its group may have been let in on purpose; nobody else.
            self._path.chmod(found.st_mode & 0o660 | 0o600)
        self._turn_reads = await self._reader()
        kept, expected = await self._turn_reads.run(read_version), expected_version()
        if kept != expected:
            raise SchemaMismatch(kept, expected)
        if faults := await self._turn_reads.run(first_look):
            raise StoreUnavailable(damaged("; ".join(faults)))
        if owner:
            await self._writer.start()
            await self._write(chores.take_over, self._clock())
            await self._enter()
        self._list_reads = await self._reader()

    async def _enter(self) -> None:
        """Notice a copy that was put in the file's place since it was last used."""
        beside, now_ms = mark.read_mark(self._path), self._clock()
        if beside is None:
            # Before the file names it: a kill between the two must not make a copy of it.
            beside = mark.Mark(secrets.token_hex(16), 0)
            self._keep_mark(beside)
        entered, doubted = await self._write(_enter, beside, secrets.token_hex(16), now_ms)
        self._beaten_ms = now_ms
        self._keep_mark(entered.mark)
        if entered.since_ms is not None:
            _log.error("store.restored", since_ms=entered.since_ms, orders_in_doubt=doubted)

    async def _beat(self) -> None:
        """What is committed later than a copy was made shows by this number."""
        self._beaten_ms = self._clock()
        if self._mark is not None:
            serial = await self._write(mark.beat, self._beaten_ms)
            self._keep_mark(mark.Mark(self._mark.token, max(serial, self._mark.serial)))

    def _keep_mark(self, kept: mark.Mark) -> None:
        self._mark = kept
        try:
            mark.write_mark(self._path, kept)
        except OSError as error:
            if not self._mark_warned:
                _log.warning("store.mark_not_kept", why=error.strerror)
            self._mark_warned = True

    async def _reader(self) -> Reader:
        return Reader(await open_reader(self._path), self._condemn)

    def _condemn(self, error: BaseException) -> None:
        self._writer.condemn(damaged(name_of(error)))

    async def close(self) -> None:
        """Commits what waits, closes every connection and gives the file up. May be repeated."""
        with contextlib.suppress(StoreUnavailable):
            if self._writer.stopped is None:
                await self._beat()
        self._mark = None
        readers = [self._turn_reads, self._list_reads]
        self._turn_reads = self._list_reads = None
        try:
            for reader in readers:
                if reader is not None:
                    await reader.close()
        finally:
            # The writer goes last: the last connection to close writes the log back into the file.
            try:
                await self._writer.stop()
            finally:
                self._ownership.give_back()

    @property
    def available(self) -> bool:
        return self._writer.stopped is None

    async def probe(self) -> None:
        self._look_for_the_file()
        if self._writer.stopped is not None:
            await self._writer.renew(chores.probe)
        written = await self._write(chores.probe)
        if await self._quick(chores.probed) < written:
            raise StoreUnavailable("the database does not show what it has committed")

    def _look_for_the_file(self) -> None:
        """A file that was moved, removed or replaced takes commits as ever, and nobody will find them."""
        try:
            found = os.stat(self._path)
            there = self._file == (found.st_dev, found.st_ino)
        except OSError:
            there = False
        if not there:
            self._writer.condemn(f"the file {self._path} was removed or replaced while it was in use")

    async def examine(self, pause_s: float = 0.0) -> Sequence[str]:
        found: list[str] = []
        try:
            reader = await self._reader()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot open {self._path}: {name_of(error)}") from error
        try:
            for table in await reader.run(tables):
                await asyncio.sleep(pause_s)
                found += await reader.run(partial(_faults, table))
        finally:
            await reader.close()
        if found:
            self._writer.condemn(damaged("; ".join(found)))
        return found

    # ---- how things run

    async def _write(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._writer.run(lambda tx: unit(tx, *args, **kwargs))

    async def _lease(self, lease_ms: int, claim: Callable[[Tx, int], T]) -> T:
        """A lease lasts from when it is written: counted from when it was asked for, one that waited long
        for the disk, or across a leap of the clock, would be over before its holder hears of it."""
        asked_ms = self._clock()
        # A clock set back meanwhile shortens nothing.
        return await self._write(lambda tx: claim(tx, lease_ms + max(self._clock() - asked_ms, 0)))

    async def _quick(self, read: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _run(self._turn_reads, lambda tx: read(tx, *args, **kwargs))

    async def _long(self, read: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _run(self._list_reads, lambda tx: read(tx, *args, **kwargs))

    # ---- turns

    async def commit(self, changes: Sequence[Change]) -> None:
        await self._write(apply, changes, self._clock())
        if abs(self._clock() - self._beaten_ms) > mark.BEAT_MS:
            with contextlib.suppress(StoreUnavailable):  # these changes are kept all the same
                await self._beat()

    async def load_turn(self, query: TurnQuery) -> LoadedTurn:
        return await self._quick(turns.load_turn, query)

    async def conversation(self, conversation_id: str) -> ConversationRow | None:
        return await self._quick(turns.conversation, conversation_id)

    # ---- orders

    async def order(self, order_id: str) -> OrderRow | None:
        return await self._quick(order_reads.by_id, order_id)

    async def order_by_code(self, code: str) -> OrderRow | None:
        return await self._quick(order_reads.by_code, code)

    async def order_by_reference(self, reference: str) -> OrderRow | None:
        return await self._quick(order_reads.by_reference, reference)

    async def order_of_act(self, conversation_id: str, position: int) -> OrderRow | None:
        return await self._quick(order_reads.of_act, conversation_id, position)

    async def transitions(self, order_id: str) -> tuple[Transition, ...]:
        return await self._quick(order_reads.transitions, order_id)

    async def orders_of_person(self, person_id: str, limit: int) -> tuple[OrderRow, ...]:
        return await self._quick(order_reads.of_person, person_id, limit)

    async def recent_orders(self, limit: int, states: Sequence[OrderState] = ()) -> tuple[OrderRow, ...]:
        return await self._long(order_reads.recent, limit, states)

    async def orders_between(
        self, account_id: str, from_ms: int, until_ms: int, after: tuple[int, str], limit: int
    ) -> tuple[tuple[OrderRow, int | None], ...]:
        return await self._long(order_reads.between, account_id, from_ms, until_ms, after, limit)

    async def cannot_ask(self, row: OrderRow | AgreementRow, wanted: Asking) -> str:
        return await self._quick(asking.refusal, row, wanted)

    async def paid_before(self, payer: str, account_id: str) -> bool:
        return await self._quick(order_reads.paid_before, payer, account_id)

    async def recent_merchants(self, person_id: str, limit: int) -> tuple[MerchantRow, ...]:
        return await self._quick(people.recent_merchants, person_id, limit)

    async def collected_minor(self, merchant_id: str, currency: str) -> int:
        return await self._long(order_reads.collected_minor, merchant_id, currency)

    async def orders_of_merchant(self, merchant_id: str, limit: int) -> tuple[OrderRow, ...]:
        return await self._quick(order_reads.of_merchant, merchant_id, limit)

    async def refunded_minor(self, order_id: str) -> int:
        return await self._quick(order_reads.refunded_minor, order_id)

    async def refunds_of(self, order_id: str) -> tuple[OrderRow, ...]:
        return await self._quick(order_reads.refunds_of, order_id)

    async def paid_out_minor(self, row: OrderRow, cap: Cap) -> int:
        return await self._quick(orders.paid_out_minor, row, cap)

    async def needs_second(self, row: OrderRow, second: SecondPerson) -> bool:
        return await self._quick(orders.needs_second, row, second)

    async def follower_of(self, order_id: str) -> OrderRow | None:
        return await self._quick(order_reads.follower_of, order_id)

    async def debited(self, agreement_id: str, since_ms: int) -> bool:
        return await self._quick(asking.debited, agreement_id, since_ms)

    # ---- agreements, approvals, switches

    async def agreement(self, agreement_id: str) -> AgreementRow | None:
        return await self._quick(agreements.agreement, agreement_id)

    async def agreement_lines(self, agreement_id: str) -> tuple[AgreementLine, ...]:
        return await self._quick(agreements.lines, agreement_id)

    async def agreements_of_payer(self, payer: str, kind: str, limit: int) -> tuple[AgreementRow, ...]:
        return await self._quick(agreements.of_payer, payer, kind, limit)

    async def agreements_of_merchant(
        self, merchant_id: str, kind: str, limit: int
    ) -> tuple[AgreementRow, ...]:
        return await self._quick(agreements.of_merchant, merchant_id, kind, limit)

    async def preapproval_ids(self, payer: str, account_id: str, *, but: str) -> tuple[str, ...]:
        return await self._quick(agreements.preapproval_ids, payer, account_id, but)

    async def is_being_stopped(self, agreement_id: str) -> bool:
        return await self._quick(asking.is_being_stopped, agreement_id)

    async def claim_agreements(self, now_ms: int, lease_ms: int, limit: int) -> tuple[AgreementRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: agreements.claim(tx, now_ms, ms, limit))

    async def next_agreement_ms(self) -> int | None:
        return await self._long(agreements.next_due_ms)

    async def approval(self, approval_id: str) -> ApprovalRow | None:
        return await self._quick(agreements.approval, approval_id)

    async def approval_of_act(self, conversation_id: str, position: int) -> ApprovalRow | None:
        return await self._quick(agreements.approval_of_act, conversation_id, position)

    async def approvals_waiting(self, merchant_id: str, now_ms: int, limit: int) -> tuple[ApprovalRow, ...]:
        return await self._quick(agreements.approvals_waiting, merchant_id, now_ms, limit)

    async def switch(self, name: str) -> SwitchRow | None:
        return await self._quick(agreements.switch, name)

    async def is_off(self, name: str) -> bool:
        found = await self.switch(name)
        return found is not None and found.is_off

    # ---- orders and the worker

    async def open_accounts(self) -> frozenset[str]:
        return await self._long(order_reads.open_accounts)

    async def open_places(self) -> frozenset[tuple[str, str]]:
        return await self._long(order_reads.open_places)

    async def settle_in(self, places: Mapping[str, tuple[str, str]]) -> None:
        await self._write(order_reads.settle_in, places)

    async def open_orders_at(self, account_id: str, place: str) -> tuple[OrderRow, ...]:
        return await self._long(order_reads.open_at, account_id, place)

    async def agreements_elsewhere(self) -> tuple[AgreementRow, ...]:
        return await self._long(agreements.elsewhere)

    async def named_by_webhooks(self, reference: str) -> tuple[str, ...]:
        return await self._quick(order_reads.named_by_webhooks, reference)

    async def learn(self, place: str, keys: str, fact: str, at_ms: int) -> None:
        await self._write(order_reads.learn, place, keys, fact, at_ms)

    async def has_learned(self, place: str, keys: str, fact: str) -> bool:
        return await self._quick(order_reads.has_learned, place, keys, fact)

    async def claim_orders(
        self, now_ms: int, lease_ms: int, limit: int, without: Sequence[str] = ()
    ) -> tuple[OrderRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: orders.claim(tx, now_ms, ms, limit, without))

    async def orders_of_conversation(self, conversation_id: str) -> tuple[OrderRow, ...]:
        return await self._quick(order_reads.of_conversation, conversation_id)

    async def hint(self, order_id: str, source: Source, now_ms: int, spacing_ms: int) -> bool:
        return await self._write(orders.hint, order_id, source, now_ms, spacing_ms)

    async def next_due_ms(self) -> int | None:
        return await self._long(orders.next_due_ms)

    async def pull_due(self, now_ms: int, lease_ms: int) -> None:
        await self._write(chores.pull_due, now_ms, lease_ms)

    # ---- messages

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
        return await self._long(messages.next_ms, self._clock(), spacing_ms, without, resting)

    async def untold_result(self, person_id: str) -> MessageRow | None:
        return await self._quick(messages.untold_result, person_id)

    async def messages_of_order(self, order_id: str) -> tuple[MessageRow, ...]:
        return await self._quick(messages.of_order, order_id)

    async def sent_messages(self, kind: str, value: str, after_ms: int, limit: int) -> tuple[MessageRow, ...]:
        return await self._quick(messages.sent_to, kind, value, after_ms, limit)

    async def messages(self, state: MessageState, limit: int) -> tuple[MessageRow, ...]:
        return await self._long(messages.by_state, state, limit)

    # ---- inbox

    async def receive(self, row: UpdateRow) -> bool:
        return await self._write(inbox.receive, row)

    async def claim_updates(
        self, source: str, now_ms: int, lease_ms: int, limit: int
    ) -> tuple[UpdateRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: inbox.claim(tx, source, now_ms, ms, limit))

    async def release_update(
        self, source: str, update_id: int, fence: int, retry_ms: int, give_up: bool
    ) -> None:
        await self._write(inbox.release, source, update_id, fence, retry_ms, give_up)

    # ---- people, merchants, staff

    async def person(self, person_id: str) -> PersonRow | None:
        return await self._quick(people.person, person_id)

    async def person_of(self, kind: str, value: str) -> tuple[PersonRow, AddressRow] | None:
        return await self._quick(people.owner_of, kind, value)

    async def addresses_of(self, person_id: str) -> tuple[AddressRow, ...]:
        return await self._quick(people.addresses_of, person_id)

    async def merchant(self, merchant_id: str) -> MerchantRow | None:
        return await self._quick(people.merchant, merchant_id)

    async def merchant_by_code(self, code: str) -> MerchantRow | None:
        return await self._quick(people.merchant_by_code, code)

    async def merchants(self) -> tuple[MerchantRow, ...]:
        return await self._long(people.merchants)

    async def staff_of(self, kind: str, value: str) -> tuple[StaffRow, ...]:
        return await self._quick(people.staff_of, kind, value)

    async def staff_of_merchant(self, merchant_id: str) -> tuple[StaffRow, ...]:
        return await self._quick(people.staff_of_merchant, merchant_id)

    async def staff_by_enrol_hash(self, enrol_hash: str) -> StaffRow | None:
        return await self._quick(people.staff_by_enrol_hash, enrol_hash)

    async def staff_member(self, staff_id: str) -> StaffRow | None:
        return await self._quick(people.staff_member, staff_id)

    async def open_link_code(self, msisdn: str, now_ms: int) -> LinkCode | None:
        return await self._quick(people.open_link_code, msisdn, now_ms)

    async def link_code(self, hash: str) -> LinkCode | None:
        return await self._quick(people.link_code, hash)

    # ---- rates, webhooks, incidents, chores

    async def count(self, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
        return await self._write(chores.count, bucket, window_ms, now_ms, limit)

    async def below(self, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
        return await self._quick(chores.below, bucket, window_ms, now_ms, limit)

    async def claim_rechecks(self, now_ms: int, lease_ms: int, limit: int) -> tuple[RecheckRow, ...]:
        return await self._lease(lease_ms, lambda tx, ms: chores.claim_rechecks(tx, now_ms, ms, limit))

    async def next_recheck_ms(self) -> int | None:
        return await self._long(chores.next_recheck_ms)

    async def webhooks(self, limit: int) -> tuple[WebhookRow, ...]:
        return await self._long(chores.webhooks, limit)

    async def incidents(self, limit: int) -> tuple[Incident, ...]:
        return await self._long(chores.incidents, limit)

    async def restores(self) -> tuple[Restore, ...]:
        return await self._long(restored.restores)

    async def figures(self) -> Figures:
        return await self._long(figures.figures)

    async def overdue(self, now_ms: int, grace_ms: int) -> tuple[OrderRow, ...]:
        return await self._long(audit.overdue, now_ms, grace_ms)

    async def audit(self, now_ms: int, remembered_ms: int, grace_ms: int) -> tuple[Finding, ...]:
        reader = Reader(await open_reader(self._path))
        try:
            return await reader.run(lambda tx: audit.findings(tx, now_ms, remembered_ms, grace_ms))
        finally:
            await reader.close()

    async def purge(self, now_ms: int, journal_ms: int, remember_ms: int, stranger_ms: int) -> None:
        for forget in chores.forgetting(now_ms, journal_ms, remember_ms):
            gone = _FORGET_AT_ONCE
            while gone == _FORGET_AT_ONCE:
                gone = await self._write(forget, _FORGET_AT_ONCE)
        gone = STRANGERS_AT_ONCE
        while gone == STRANGERS_AT_ONCE:
            gone = await self._write(forget_strangers, now_ms - stranger_ms, STRANGERS_AT_ONCE)


def _enter(tx: Tx, beside: mark.Mark, token: str, now_ms: int) -> tuple[mark.Entered, int]:
    entered = mark.enter(tx, beside, token, now_ms)
    doubted = 0
    if entered.since_ms is not None:
        doubted = restored.after_restore(tx, str(uuid.uuid4()), entered.since_ms, now_ms)
    return entered, doubted


def _faults(table: str, tx: sqlite3.Connection) -> tuple[str, ...]:
    try:
        return table_faults(tx, table)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return (f"{table}: {name_of(error)}",)


async def _run(reader: Reader | None, read: Callable[[sqlite3.Connection], T]) -> T:
    if reader is None:
        raise StoreUnavailable("the store is not open")
    return await reader.run(read)


if TYPE_CHECKING:
    _KEEPS_THE_PROMISES: type[Store] = SqliteStore
