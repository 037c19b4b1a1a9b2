"""What a flow asked for, done: looks answered, acts planned as changes, calls made inside a turn.

A look returns its result. An act returns a plan: changes to commit with the turn, and either its
result at once or a call to make between the turn's two commits. References and rows come first, so
that a crash anywhere finds them again by (conversation, position).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from bot.calls import Calls, shorten_name
from bot.clock import Clock, Ids
from bot.dialog import Act, Address, Look, Screen, SecretAct, Text
from bot.keeping import keep_reply
from bot.messages import order_values, told_by_turn
from bot.money import FINAL, Money, Msisdn, OrderKind, OrderState, Source
from bot.providers.base import Account, Capability, OtpAnswer, ProviderError, Receipt
from bot.sealing import Sealer
from bot.settle import (
    OTP_TRIES,
    Context,
    Settled,
    after_otp,
    after_request,
    after_silence,
    after_status,
)
from bot.store.base import (
    Change,
    Conflict,
    CreateOrder,
    KeepLinkCode,
    KeepStaff,
    LinkAddress,
    MoveOrder,
    SaveAddress,
    SavePerson,
    Store,
    UseLinkCode,
)
from bot.store.records import AddressRow, LinkCode, MerchantRow, OrderRow, PersonRow, StaffRow
from bot.times import Times
from flows import effects as e

__all__ = ["Performer", "Plan", "Speaker"]

_log = structlog.get_logger(__name__)

# At most so many requests may wait on one payer's phone, over all persons.
MAX_OPEN_PER_PAYER: Final = 3
_HOUR_MS: Final = 3600_000
_CHECKS_PER_PERSON: Final = 20
_CHECKS_PER_NUMBER: Final = 10
_PIN_TRIES: Final = 3
_ENROL_TRIES: Final = 5
# Wrong link codes of everybody within a code's life: 10^8 codes stay out of reach.
_WRONG_LINKS: Final = 200

A = TypeVar("A")
Inside: TypeAlias = Callable[[], Awaitable[Any]]


class Speaker(msgspec.Struct, frozen=True):
    """Who speaks, from where, in which conversation."""

    person: PersonRow
    address: Address
    channel: str
    verified: bool
    conversation_id: str
    msisdn: Msisdn
    staff: tuple[StaffRow, ...]
    address_row: AddressRow


class Plan(msgspec.Struct, frozen=True):
    """An act's changes. `inside` is the call to make after they are committed, where one is needed;
    it commits its own outcome and returns the result. Else `result` is known now. `person`: as changed.

    The outcome has a commit of its own because it is about money: it must not fall with a turn that
    lost its conversation to another channel meanwhile.
    """

    changes: tuple[Change, ...] = ()
    result: Any = None
    inside: Any = None  # Inside | None; msgspec cannot name a callable
    person: PersonRow | None = None


class Performer:
    def __init__(
        self,
        store: Store,
        calls: Calls,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        times: Times,
        *,
        short_code: str,
    ) -> None:
        self._store = store
        self._calls = calls
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._times = times
        self._short_code = short_code
        self._hasher = PasswordHasher()
        # One try at a staff PIN at a time, so that no two of them count as one.
        self._pin_locks: dict[str, asyncio.Lock] = {}
        # Calls that outlived their turns.
        self._under_way: set[asyncio.Task[OrderRow]] = set()
        self.on_late: Callable[[], None] = lambda: None

    # ---- looks -----------------------------------------------------------------------------------

    def goes_outside(self, effect: Look[Any]) -> bool:
        """Whether the look may call a provider, so that the turn has to be marked running first."""
        return isinstance(effect, e.CheckHolder | e.CheckNumber | e.AskStatus | e.Balance)

    async def look(self, effect: Look[Any], speaker: Speaker) -> Any:
        match effect:
            case e.FindMerchant():
                merchant = await self._store.merchant_by_code(effect.code)
                return self._card(merchant) if merchant and merchant.active else None
            case e.RecentMerchants():
                found = await self._store.recent_merchants(speaker.person.id, 3)
                return tuple(card for merchant in found if (card := self._card(merchant)))
            case e.CheckHolder():
                merchant = await self._store.merchant(effect.merchant_id)
                if merchant is None:
                    return e.Holder(checked=False)
                return await self._holder(merchant.connection, effect.msisdn, speaker)
            case e.CheckNumber():
                account = self._calls.connections.for_number(effect.msisdn)
                if account is None:
                    return e.Holder(checked=False)
                return await self._holder(account.id, effect.msisdn, speaker)
            case e.FindTwin():
                return await self._twin(effect, speaker)
            case e.OrderNow():
                return await self._own_order(effect.order_id, speaker)
            case e.AskStatus():
                return await self._ask_status(effect.order_id, speaker)
            case e.MyPayments():
                orders = await self._store.orders_of_person(speaker.person.id, 5)
                return tuple([await self._view(order) for order in orders])
            case e.MyRoles():
                return tuple([await self._role(row, speaker) for row in speaker.staff])
            case e.Balance():
                row = _own_role(effect.staff_id, speaker)
                if row is None or speaker.channel == "ussd":
                    return e.Balances(refused="not_allowed")
                return await self._balances(row)
        raise TypeError(f"no way to look at {type(effect).__name__}")

    # ---- acts ------------------------------------------------------------------------------------

    async def act(self, effect: Act[Any], position: int, speaker: Speaker) -> Plan:
        match effect:
            case e.RequestPayment():
                return await self._request_payment(effect, position, speaker)
            case e.SetLanguage():
                person = msgspec.structs.replace(
                    speaker.person, language=effect.language, language_chosen=True
                )
                return Plan((SavePerson(person),), e.Done(), person=person)
            case e.MakeLinkCode():
                return self._make_link_code(speaker)
            case e.LinkNumber():
                return await self._link(effect.proof, speaker)
        raise TypeError(f"no way to do {type(effect).__name__}")

    async def without_secret(self, effect: SecretAct[Any], speaker: Speaker) -> Any:
        """The act's result where no secret is needed any more, else None: its order has moved on."""
        if isinstance(effect, e.SubmitOtp):
            # Given elsewhere, run out, or tried too often: the payer's word is not wanted, nor known right.
            view = await self._own_order(effect.order_id, speaker, unsure=True)
            return view if view is None or view.state is not OrderState.NEEDS_OTP else None
        return None

    async def act_with(self, secret: str, effect: SecretAct[Any], speaker: Speaker) -> Plan:
        """The plan of an act that needs a secret; the secret lives in its `inside` call alone."""
        match effect:
            case e.SubmitOtp():
                return await self._submit_otp(secret, effect, speaker)
            case e.BalanceWithPin():
                return Plan(inside=lambda: self._balance_with_pin(secret, effect.staff_id, speaker))
            case e.ClaimRole():
                return Plan(inside=lambda: self._claim_role(secret, speaker))
            case e.EnrolStaff():
                return Plan(inside=lambda: self._enrol(secret, effect, speaker))
        raise TypeError(f"no way to do {type(effect).__name__}")

    # ---- payments --------------------------------------------------------------------------------

    async def _request_payment(self, wanted: e.RequestPayment, position: int, speaker: Speaker) -> Plan:
        before = await self._store.order_of_act(speaker.conversation_id, position)
        if before is not None:
            return Plan(result=await self._view(before, unsure=self._was_cut_off(before)))
        merchant = await self._store.merchant(wanted.merchant_id)
        refusal = await self._refusal(wanted, merchant)
        if merchant is None or refusal:
            return Plan(result=_refused(wanted, merchant, refusal or "merchant"))
        now_ms = self._clock()
        order = OrderRow(
            id=self._ids.uuid(),
            code=self._ids.order_code(),
            kind=OrderKind.COLLECTION,
            state=OrderState.NEW,
            connection=merchant.connection,
            merchant_id=merchant.id,
            person_id=speaker.person.id,
            amount_minor=wanted.amount.amount_minor,
            currency=wanted.amount.currency,
            payer=wanted.payer,
            reference=self._ids.uuid(),
            origin_channel=speaker.channel,
            origin_kind=speaker.address.kind,
            origin_value=speaker.address.value,
            created_ms=now_ms,
            updated_ms=now_ms,
            conversation_id=speaker.conversation_id,
            act_position=position,
            network=wanted.network,
            note=merchant.name,
            due_ms=now_ms,
        )
        create = CreateOrder(order, Source.US, open_at_most=MAX_OPEN_PER_PAYER)
        if not await self._may_want_otp(order):
            return Plan((create,), await self._view(order, merchant))
        # The worker takes over by asking, should this process die during the call.
        sent = MoveOrder(
            order_id=order.id,
            expected=order.version,
            said=OrderState.PENDING,
            source=Source.US,
            at_ms=now_ms,
            due_ms=now_ms + int(self._times.lease_s * 1000),
            sent_ms=now_ms,
        )
        pending = msgspec.structs.replace(
            order, state=OrderState.PENDING, version=order.version + 1, sent_ms=now_ms, due_ms=sent.due_ms
        )

        return Plan(
            (create, sent),
            inside=lambda: self._in_time(
                lambda: self._calls.request_payment(pending, self._times.call_s),
                after_request,
                pending,
                speaker,
            ),
        )

    async def _refusal(self, wanted: e.RequestPayment, merchant: MerchantRow | None) -> str:
        if merchant is None or not merchant.active or merchant.connection not in self._calls.connections:
            return "merchant"
        most = merchant.max_amount_minor
        if most is not None and wanted.amount.amount_minor > most:
            return "limit"
        if len(await self._store.open_orders_of_payer(wanted.payer)) >= MAX_OPEN_PER_PAYER:
            return "too_many"
        return ""

    async def _may_want_otp(self, order: OrderRow) -> bool:
        if not self._calls.connections.adapter(order.connection).may_ask_otp:
            return False
        return not await self._store.paid_before(order.payer, order.connection)

    def _was_cut_off(self, order: OrderRow) -> bool:
        """Whether the order was sent inside a turn that never heard the answer: a code may be wanted,
        or nothing at all, and only the provider knows."""
        connections = self._calls.connections
        inside = order.connection in connections and connections.adapter(order.connection).may_ask_otp
        return inside and order.sent_ms is not None and order.accepted_ms is None

    async def _submit_otp(self, otp: str, wanted: e.SubmitOtp, speaker: Speaker) -> Plan:
        order = await self._store.order(wanted.order_id)
        if order is None or order.person_id != speaker.person.id:
            return Plan(result=_no_order())
        if order.state is not OrderState.NEEDS_OTP:
            return Plan(result=await self._view(order))
        now_ms = self._clock()
        tried = MoveOrder(
            order_id=order.id,
            expected=order.version,
            said=OrderState.PENDING,
            source=Source.PAYER,
            at_ms=now_ms,
            due_ms=now_ms + int(self._times.lease_s * 1000),
            otp_tries=order.otp_tries + 1,
        )
        pending = msgspec.structs.replace(
            order, state=OrderState.PENDING, version=order.version + 1, otp_tries=order.otp_tries + 1
        )

        return Plan(
            (tried,),
            inside=lambda: self._in_time(
                lambda: self._calls.submit_otp(pending, otp, self._times.call_s),
                after_otp,
                pending,
                speaker,
            ),
        )

    async def _in_time(
        self,
        call: Callable[[], Awaitable[A]],
        decide: Callable[[OrderRow, A, Context], Settled],
        pending: OrderRow,
        speaker: Speaker,
    ) -> e.OrderView:
        """Make a call whose outcome the person sees if it comes soon.

        The call goes on to its own end all the same: only its reply says that a code is wanted, so a
        slow one is waited for beside the conversation and then told by message.
        """
        soon = await self._context(pending, speaker)
        late = msgspec.structs.replace(soon, told=None, session_open=False)
        heard, sure = True, False

        async def to_the_end() -> OrderRow:
            nonlocal sure
            answer = await call()
            sure = isinstance(answer, Receipt) or (isinstance(answer, OtpAnswer) and answer.accepted)

            def settle(order: OrderRow) -> Settled:
                at = soon if heard else late
                return decide(order, answer, msgspec.structs.replace(at, now_ms=self._clock()))

            after = await keep_reply(self._store, pending, settle)
            if not heard:
                self.on_late()
            return after

        task = asyncio.create_task(to_the_end())
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=self._times.look_up_s)
        heard = False
        after = task.result() if done else pending
        # A lost reply, a code refused for good: nobody knows how it ends, and nobody says "accepted".
        return await self._view(after, unsure=not (done and sure))

    def _ended(self, task: "asyncio.Task[OrderRow]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is lost: the order is due after its lease, and asked about.
            _log.error("reply not kept", kind=type(error).__name__)

    async def finish(self, patience_s: float) -> None:
        """Wait for calls that outlived their turns, then let them go: they are asked about later."""
        if self._under_way:
            _, late = await asyncio.wait(set(self._under_way), timeout=patience_s)
            for task in late:
                task.cancel()

    async def _ask_status(self, order_id: str, speaker: Speaker) -> e.OrderView | None:
        """The order's state asked live; settled here exactly as the sweep would."""
        order = await self._store.order(order_id)
        if order is None or order.person_id != speaker.person.id:
            return None
        now_ms = self._clock()
        recently = now_ms - (order.asked_ms or 0) < self._times.hint_spacing_s * 1000
        # Before the request itself has been answered nobody knows more than we do.
        answered = order.accepted_ms or now_ms - (order.sent_ms or now_ms) > self._times.call_s * 1000
        if order.state in (OrderState.PENDING, OrderState.UNRESOLVED) and not recently and answered:
            answer = await self._calls.status(order, self._times.look_up_s / 2)
            at = await self._context(order, speaker)
            if isinstance(answer, ProviderError):
                settled = after_silence(order, answer, at)
            else:
                settled = after_status(order, answer, Source.POLL, at)
            order = await self._keep(order, settled)
        return await self._view(order)

    async def _keep(self, before: OrderRow, settled: Settled) -> OrderRow:
        """Commit a settlement; where the worker was faster, its word stands."""
        try:
            await self._store.commit(settled.changes)
        except Conflict:
            return await self._store.order(before.id) or before
        return settled.order

    async def _context(self, order: OrderRow, speaker: Speaker) -> Context:
        merchant = await self._store.merchant(order.merchant_id)
        adapter = self._calls.connections.adapter(order.connection)
        return Context(
            merchant=merchant.name if merchant else "",
            addresses=await self._store.addresses_of(order.person_id),
            schedule_s=adapter.schedule_s,
            grace_s=adapter.not_found_grace_s,
            resend=self._calls.resend(order),
            now_ms=self._clock(),
            ids=self._ids,
            times=self._times,
            told=told_by_turn(speaker.channel, speaker.address),
            short_code=self._short_code,
            session_open=True,
        )

    async def _twin(self, wanted: e.FindTwin, speaker: Speaker) -> str:
        for order in await self._store.orders_of_person(speaker.person.id, 20):
            same = order.merchant_id == wanted.merchant_id and order.currency == wanted.amount.currency
            if same and order.amount_minor == wanted.amount.amount_minor and order.state not in FINAL:
                return order.code
        return ""

    async def _own_order(
        self, order_id: str, speaker: Speaker, *, unsure: bool = False
    ) -> e.OrderView | None:
        order = await self._store.order(order_id)
        own = order is not None and order.person_id == speaker.person.id
        return await self._view(order, unsure=unsure) if order is not None and own else None

    async def has_acted(self, conversation_id: str) -> bool:
        """Whether the conversation made an order, whatever its journal got to say of it."""
        return bool(await self._store.orders_of_conversation(conversation_id))

    async def standing(self, conversation_id: str) -> Screen | None:
        """Where the payment stands that the conversation made, as its last words; None without one."""
        orders = await self._store.orders_of_conversation(conversation_id)
        if not orders:
            return None
        order = orders[0]
        merchant = await self._store.merchant(order.merchant_id)
        values = order_values(order, merchant.name if merchant else "")
        state = Text(f"state.{order.state.value.lower()}")
        known = order.state.value.lower() if order.state in FINAL else "open"
        return Screen(f"payments.{known}", values | {"state": state}, order.id)

    async def _view(
        self, order: OrderRow, merchant: MerchantRow | None = None, *, unsure: bool = False
    ) -> e.OrderView:
        merchant = merchant or await self._store.merchant(order.merchant_id)
        return e.OrderView(
            id=order.id,
            code=order.code,
            state=order.state,
            amount=Money(order.amount_minor, order.currency),
            merchant=merchant.name if merchant else "",
            payer=order.payer,
            reason=order.reason,
            tries_left=OTP_TRIES - order.otp_tries,
            unsure=unsure and order.state is OrderState.PENDING,
            at_ms=order.created_ms,
        )

    def _card(self, merchant: MerchantRow) -> e.MerchantCard | None:
        connections = self._calls.connections
        if merchant.connection not in connections:
            return None
        account: Account = connections.account(merchant.connection)
        return e.MerchantCard(
            id=merchant.id,
            code=merchant.code,
            name=merchant.name,
            currency=merchant.currency,
            region=account.region,
            networks=connections.adapter(account.id).networks(account),
            most_minor=merchant.max_amount_minor,
            checks_holder=connections.can(merchant.connection, Capability.CHECK_HOLDER),
        )

    # ---- account holders -------------------------------------------------------------------------

    async def _holder(self, connection: str, msisdn: Msisdn, speaker: Speaker) -> e.Holder:
        now_ms = self._clock()
        per_person = await self._store.count(
            f"holder:{speaker.person.id}", _HOUR_MS, now_ms, _CHECKS_PER_PERSON
        )
        hashed = self._sealer.hash("holder", msisdn)
        if not per_person or not await self._store.count(
            f"holder:{hashed}", _HOUR_MS, now_ms, _CHECKS_PER_NUMBER
        ):
            return e.Holder(checked=False, limited=True)
        # An unverified chat learns no names.
        named = speaker.verified or bool(speaker.msisdn)
        found = await self._calls.holder(connection, msisdn, self._times.look_up_s, named=named)
        if isinstance(found, ProviderError):
            return e.Holder(checked=False)
        return e.Holder(checked=True, known=found.known, active=found.active, name=shorten_name(found.name))

    # ---- staff -----------------------------------------------------------------------------------

    async def _role(self, row: StaffRow, speaker: Speaker) -> e.Role:
        merchant = await self._store.merchant(row.merchant_id)
        return e.Role(
            staff_id=row.id,
            merchant=merchant.name if merchant else "",
            role=row.role,
            pin=speaker.channel == "ussd",
            locked=row.locked,
        )

    async def _balance_with_pin(self, pin: str, staff_id: str, speaker: Speaker) -> e.Balances:
        if _own_role(staff_id, speaker) is None:
            return e.Balances(refused="not_allowed")
        async with self._pin_locks.setdefault(staff_id, asyncio.Lock()):
            rows = await self._store.staff_of(speaker.address.kind, speaker.address.value)
            row = next((r for r in rows if r.id == staff_id), None)
            if row is None:
                return e.Balances(refused="not_allowed")
            if row.locked:
                return e.Balances(refused="locked")
            right = await asyncio.to_thread(self._pin_fits, row.pin_hash, pin)
            tries = 0 if right else row.wrong_tries + 1
            if tries != row.wrong_tries:
                counted = msgspec.structs.replace(row, wrong_tries=tries, locked=tries >= _PIN_TRIES)
                # Counted before anything is said, and whatever becomes of the turn.
                await self._store.commit([KeepStaff(counted)])
        if not right:
            refused = "locked" if tries >= _PIN_TRIES else "wrong_pin"
            return e.Balances(refused=refused, tries_left=_PIN_TRIES - tries)
        return await self._balances(row)

    def _pin_fits(self, pin_hash: str, pin: str) -> bool:
        try:
            return self._hasher.verify(pin_hash, pin)
        except VerificationError:
            return False
        except ValueError:  # no hash at all: nobody has this PIN
            return False

    async def _balances(self, row: StaffRow) -> e.Balances:
        merchant = await self._store.merchant(row.merchant_id)
        if merchant is None or merchant.connection not in self._calls.connections:
            return e.Balances(refused="not_available")
        sharing = [m for m in await self._store.merchants() if self._share(m, merchant)]
        if len(sharing) > 1:
            own = await self._store.collected_minor(merchant.id, merchant.currency)
            return e.Balances((Money(own, merchant.currency),), shared=True)
        if not self._calls.connections.can(merchant.connection, Capability.BALANCE):
            return e.Balances(refused="not_available")
        found = await self._calls.balance(merchant.connection, "", self._times.look_up_s)
        if isinstance(found, ProviderError):
            _log.warning("balance not available", connection=merchant.connection, kind=type(found).__name__)
            return e.Balances(refused="not_available")
        # One set of keys may hold wallets of other merchants, in other currencies.
        own_currency = tuple(money for money in found if money.currency == merchant.currency)
        return e.Balances(own_currency) if own_currency else e.Balances(refused="not_available")

    def _share(self, one: MerchantRow, other: MerchantRow) -> bool:
        """Whether two merchants' money lies in one wallet: the same keys and the same currency."""
        connections = self._calls.connections
        if one.connection not in connections or one.currency != other.currency:
            return False
        a, b = connections.account(one.connection), connections.account(other.connection)
        return a.provider == b.provider and a.credentials == b.credentials

    async def _claim_role(self, code: str, speaker: Speaker) -> e.Claimed:
        """The role a one-time code stands for; the code itself is kept nowhere."""
        now_ms = self._clock()
        if not await self._store.count(f"enrol:{speaker.person.id}", _HOUR_MS, now_ms, _ENROL_TRIES):
            return e.Claimed(refused="tries")
        row = await self._store.staff_by_enrol_hash(self._sealer.hash("enrol", code))
        if row is None or row.enrol_expires_ms <= now_ms or not speaker.verified:
            return e.Claimed(refused="code")
        merchant = await self._store.merchant(row.merchant_id)
        return e.Claimed(staff_id=row.id, merchant=merchant.name if merchant else "")

    async def _enrol(self, pin: str, wanted: e.EnrolStaff, speaker: Speaker) -> e.Done:
        """Bind the claimed role to this address. Of two who claimed it the first takes it up."""
        pin_hash = await asyncio.to_thread(self._hasher.hash, pin)
        async with self._pin_locks.setdefault(wanted.staff_id, asyncio.Lock()):
            row = await self._store.staff_member(wanted.staff_id)
            if row is None or not row.enrol_hash:
                return e.Done(ok=False)
            enrolled = msgspec.structs.replace(
                row,
                address_kind=speaker.address.kind,
                address_value=speaker.address.value,
                pin_hash=pin_hash,
                wrong_tries=0,
                locked=False,
                enrol_hash="",
                enrol_expires_ms=0,
            )
            await self._store.commit([KeepStaff(enrolled)])
        return e.Done()

    # ---- links -----------------------------------------------------------------------------------

    def _make_link_code(self, speaker: Speaker) -> Plan:
        now_ms = self._clock()
        code = self._ids.digits(8)
        kept = LinkCode(
            hash=self._sealer.hash("link", code),
            person_id=speaker.person.id,
            msisdn=speaker.msisdn,
            expires_ms=now_ms + int(self._times.link_code_s * 1000),
        )
        minutes = int(self._times.link_code_s // 60)
        return Plan((KeepLinkCode(kept),), e.NewLinkCode(code=code, minutes=minutes))

    async def _link(self, proof: str, speaker: Speaker) -> Plan:
        kind, _, value = proof.partition(":")
        now_ms = self._clock()
        if kind == "shared":
            return await self._link_shared(value, speaker)
        bucket = f"link:{speaker.address.kind}:{speaker.address.value}"
        window_ms = int(self._times.link_code_s * 1000)
        if not await self._store.count(bucket, window_ms, now_ms, self._times.link_code_tries):
            return Plan(result=e.Linked(refused="tries"))
        code = await self._store.link_code(self._sealer.hash("link", value))
        if code is None or code.used_ms is not None or code.expires_ms <= now_ms:
            # Addresses cost nothing in a web chat: wrong codes are counted over all of them together.
            if not await self._store.count("link:wrong", window_ms, now_ms, _WRONG_LINKS):
                return Plan(result=e.Linked(refused="tries"))
            return Plan(result=e.Linked(refused="code"))
        if not await self._store.below("link:wrong", window_ms, now_ms, _WRONG_LINKS):
            return Plan(result=e.Linked(refused="tries"))
        changes: list[Change] = [UseLinkCode(code.hash, now_ms)]
        if code.person_id != speaker.person.id:
            changes.append(self._joined(code.person_id, speaker, now_ms))
        else:
            changes.append(SaveAddress(msgspec.structs.replace(speaker.address_row, verified_ms=now_ms)))
        return Plan(tuple(changes), e.Linked(msisdn=code.msisdn))

    async def _link_shared(self, msisdn: Msisdn, speaker: Speaker) -> Plan:
        """The chat vouches for the number: it joins the number's person, or the number joins the chat's."""
        now_ms = self._clock()
        owner = await self._store.person_of("msisdn", msisdn)
        if owner is not None and owner[0].id != speaker.person.id:
            return Plan((self._joined(owner[0].id, speaker, now_ms),), e.Linked(msisdn=msisdn))
        changes: list[Change] = []
        if owner is None:
            number = AddressRow(
                id=self._ids.uuid(),
                person_id=speaker.person.id,
                kind="msisdn",
                value=msisdn,
                created_ms=now_ms,
                seen_ms=now_ms,
                verified_ms=now_ms,
            )
            changes.append(SaveAddress(number))
        changes.append(SaveAddress(msgspec.structs.replace(speaker.address_row, verified_ms=now_ms)))
        return Plan(tuple(changes), e.Linked(msisdn=msisdn))

    def _joined(self, person_id: str, speaker: Speaker, now_ms: int) -> LinkAddress:
        return LinkAddress(speaker.address.kind, speaker.address.value, person_id, now_ms)


def _own_role(staff_id: str, speaker: Speaker) -> StaffRow | None:
    return next((row for row in speaker.staff if row.id == staff_id), None)


def _refused(wanted: e.RequestPayment, merchant: MerchantRow | None, why: str) -> e.OrderView:
    return e.OrderView(
        id="",
        code="",
        state=OrderState.FAILED,
        amount=wanted.amount,
        merchant=merchant.name if merchant else "",
        payer=wanted.payer,
        refused=why,
    )


def _no_order() -> e.OrderView:
    return e.OrderView(
        id="",
        code="",
        state=OrderState.FAILED,
        amount=Money(0, "GHS"),
        merchant="",
        payer="",
        refused="merchant",
    )
