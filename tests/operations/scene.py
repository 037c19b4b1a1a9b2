"""A stage without conversations: people, staff and what they did, put straight into the store."""

import inspect
from typing import Any

import msgspec

from bot.money import AgreementState, Money, OrderState
from bot.operations.actor import Actor, EffectResult, Operator, RequestKey
from bot.operations.operations import Operations
from bot.store.base import KeepStaff, SaveAddress, SavePerson
from bot.store.records import AddressRow, PersonRow, StaffRow
from tests.conversations.people import decide
from tests.conversations.stage import EFUA, STAFF, Stage
from tests.operations.actors import make_actor

__all__ = ["CHAT", "GHS_20", "OPERATOR", "Scene"]

GHS_20 = Money(2000, "GHS")
# An address that is no number: a Telegram chat.
CHAT = "4242"
OPERATOR = "operator"
_COUNTED = ("orders", "approvals", "agreements")


class Scene:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.store = stage.store
        self._keys = 0

    @property
    def do(self) -> Operations:
        return self.stage.kasapay.operations

    async def actor(self, value: str) -> Actor:
        """Whoever speaks from this number or chat, with their roles as they are now."""
        kind = "msisdn" if value.startswith("+") else "telegram"
        found = await self.store.person_of(kind, value)
        if found is None:
            now_ms = self.stage.clock()
            person = PersonRow(self.stage.ids.uuid(), "en", now_ms)
            row = AddressRow(self.stage.ids.uuid(), person.id, kind, value, now_ms, now_ms)
            if kind == "msisdn":
                row = msgspec.structs.replace(row, verified_ms=now_ms)
            await self.store.commit([SavePerson(person), SaveAddress(row)])
            found = person, row
        return make_actor(*found, await self.store.staff_of(kind, value))

    async def whoever(self, value: str) -> Actor | Operator:
        return Operator("Yaw of the tests") if value == OPERATOR else await self.actor(value)

    def key(self) -> RequestKey:
        """A request that nobody made yet, named by its caller with a text."""
        self._keys += 1
        return RequestKey("api-key:of-the-tests", f"request-{self._keys}")

    async def merchant_id(self, code: str = "1001") -> str:
        merchant = await self.store.merchant_by_code(code)
        assert merchant is not None
        return merchant.id

    async def code_of(self, order_id: str) -> str:
        """The reference of an order, as somebody may type it."""
        order = await self.store.order(order_id)
        assert order is not None
        return f"{order.code[:4]}-{order.code[4:]}".lower()

    async def role(self, msisdn: str = STAFF) -> str:
        (row,) = await self.store.staff_of("msisdn", msisdn)
        return row.id

    async def carry_out(self, outcome: Any) -> Any:
        """What comes of an operation, kept as whoever called it would keep it."""
        if inspect.isawaitable(outcome):
            outcome = await outcome
        if not isinstance(outcome, EffectResult):
            return outcome
        await self.store.commit(outcome.changes)
        result = outcome.result if outcome.provider_call is None else await outcome.provider_call()
        if getattr(result, "ok", False):
            await self.store.commit(outcome.then)
        return result

    def written(self) -> dict[str, int]:
        """How many rows there are of what people begin."""
        return {table: len(self.stage.rows(f"SELECT 1 FROM {table}")) for table in _COUNTED}

    # ---- what was done before --------------------------------------------------------------------

    async def asked(self, code: str = "1001", network: str = "", amount: Money = GHS_20) -> str:
        """A payment of Efua's, just begun."""
        view = await self.carry_out(
            self.do.payments.request(
                await self.actor(EFUA), self.key(), merchant_id=await self.merchant_id(code), amount=amount,
                payer=EFUA, network=network,
            )
        )  # fmt: skip
        assert not view.refused
        return str(view.id)

    async def asked_for_code(self) -> str:
        """A payment of Efua's that waits for its code."""
        order_id = await self.asked("1002", "MTN")
        await self.stage.settle()
        order = await self.store.order(order_id)
        assert order is not None
        assert order.state is OrderState.NEEDS_OTP
        return order_id

    async def paid_on_network(self) -> str:
        """A payment of Efua's from MTN, its code given, that arrived."""
        order_id = await self.asked_for_code()
        await self.carry_out(
            self.do.payments.submit_otp(await self.actor(EFUA), self.stage.otp(EFUA), order_id)
        )
        await self.stage.pass_time(300)
        order = await self.store.order(order_id)
        assert order is not None
        assert order.state is OrderState.SUCCESSFUL
        return order_id

    async def paid(self, amount: Money = GHS_20) -> str:
        """A payment of Efua's that arrived."""
        order_id = await self.asked(amount=amount)
        await self._approved()
        order = await self.store.order(order_id)
        assert order is not None
        assert order.state is OrderState.SUCCESSFUL
        return order_id

    async def failed(self) -> str:
        """A payment that Efua did not approve."""
        order_id = await self.asked()
        await self.stage.settle()
        decide(self.stage, EFUA, "reject")
        await self.stage.pass_time(60)
        return order_id

    async def auto_debit(self) -> str:
        """Efua lets Ama's Kitchen debit her wallet."""
        await self.carry_out(
            self.do.agreements.set_up(
                await self.actor(EFUA), self.key(), merchant_id=await self.merchant_id(), most=GHS_20,
                every="week", days=30,
            )
        )  # fmt: skip
        await self._approved(300)
        (row,) = await self.store.agreements_of_payer(EFUA, "preapproval", 9)
        assert row.state is AgreementState.ACTIVE
        return row.id

    async def invoice(self) -> str:
        """An invoice to Efua that stands."""
        await self.carry_out(
            self.do.staff_requests.invoice(
                await self.actor(STAFF), self.key(), staff_id=await self.role(), payer=EFUA, amount=GHS_20,
                description="cake", days=3,
            )
        )  # fmt: skip
        await self.stage.pass_time(60)
        (row,) = await self.store.agreements_of_payer(EFUA, "invoice", 9)
        return row.id

    async def approval(self) -> str:
        """A payout of Ama's that waits for a second person."""
        view = await self.carry_out(
            self.do.staff_requests.pay_out(
                await self.actor(STAFF), self.key(), staff_id=await self.role(), amount=Money(60_000, "GHS"),
                payee=EFUA,
            )
        )  # fmt: skip
        assert view.waits
        (row,) = self.stage.rows("SELECT id FROM approvals")
        return str(row["id"])

    async def locked(self, msisdn: str) -> str:
        """A colleague whose PIN is locked."""
        (row,) = await self.store.staff_of("msisdn", msisdn)
        await self.store.commit([KeepStaff(msgspec.structs.replace(row, locked=True))])
        return row.id

    async def invited(self) -> tuple[str, str]:
        """A role that nobody took up yet, and its one-time code."""
        code = await self.stage.staff_code("1001", "cashier")
        rows = await self.store.staff_of_merchant(await self.merchant_id())
        return next(row.id for row in rows if row.enrol_hash), code

    async def chat_role(self) -> str:
        """An owner's role that was given to a chat."""
        row = StaffRow(
            self.stage.ids.uuid(), await self.merchant_id(), "owner", "Ama", self.stage.clock(), "telegram",
            CHAT, pin_hash="x",
        )  # fmt: skip
        await self.store.commit([KeepStaff(row)])
        return row.id

    async def linked(self) -> str:
        """A chat linked to Efua's number."""
        chat = await self.actor(CHAT)
        await self.actor(EFUA)
        await self.carry_out(self.do.links.link(chat, f"shared:{EFUA}"))
        return chat.address_row.id

    async def consent(self) -> str:
        """Efua was asked for her details by Ama."""
        asked = await self.carry_out(
            self.do.details.ask(await self.actor(STAFF), staff_id=await self.role(), msisdn=EFUA)
        )
        assert not asked.refused
        return str(asked.id)

    async def _approved(self, seconds: float = 60) -> None:
        await self.stage.settle()
        decide(self.stage, EFUA, "approve")
        await self.stage.pass_time(seconds)
