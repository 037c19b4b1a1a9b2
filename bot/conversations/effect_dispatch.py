"""Which operation does what a flow asks for: one table. Does nothing itself.

A look returns its result. An act returns an effect result: changes to commit with the turn, and either its
result at once or a call to make between the turn's two commits. References and rows come first, so that a
crash anywhere finds them again by the request's key.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bot.dialog import Act, Look, SecretAct
from bot.operations.actor import Actor, EffectResult, RequestKey
from bot.operations.languages import choose_language
from bot.operations.operations import Operations
from flows import business_effects as b
from flows import effects as e

__all__ = ["EffectDispatch"]

_Look = Callable[[Any, Actor], Awaitable[Any]]
_Act = Callable[[Any, Actor, RequestKey], Awaitable[EffectResult]]
_SecretAct = Callable[[Any, str, Actor], Awaitable[EffectResult]]

L = TypeVar("L", bound=Look[Any])
A = TypeVar("A", bound=Act[Any])
S = TypeVar("S", bound=SecretAct[Any])


class EffectDispatch:
    """The table: `looks`, `acts` and `secret_acts` hold one entry for each effect.

    `provider_looks` may call a provider, so that their turn has to be marked running first; an act says it
    by its effect result."""

    def __init__(self, operations: Operations) -> None:
        self.looks: dict[type[Look[Any]], _Look] = {}
        self.acts: dict[type[Act[Any]], _Act] = {}
        self.secret_acts: dict[type[SecretAct[Any]], _SecretAct] = {}
        self.provider_looks: set[type[Look[Any]]] = set()
        self._operations = operations
        self._add_looks(operations)
        self._add_acts(operations)
        self._add_secret_acts(operations)

    # ---- the table: `w` is what the flow wants, `do` what can be done --------------------------------

    def _add_looks(self, do: Operations) -> None:
        look = self._look
        look(e.FindMerchant, lambda w, actor: do.merchants.find(w.code))
        look(e.Recognise, lambda w, actor: do.recognition.recognise(actor, w.typed))
        look(e.NetworkUsed, lambda w, actor: do.payments.network_used(actor, w.merchant_id, w.payer))
        look(e.AmountsPaid, lambda w, actor: do.payments.amounts_paid(actor, w.merchant_id))
        look(e.RecentMerchants, lambda w, actor: do.merchants.recent(actor))
        look(
            e.CheckHolder,
            lambda w, actor: do.holders.of_merchant(actor, w.merchant_id, w.msisdn),
            calls_provider=True,
        )
        look(e.CheckNumber, lambda w, actor: do.holders.of_number(actor, w.party), calls_provider=True)
        look(
            e.FindDebit,
            lambda w, actor: do.agreements.debit(
                actor, amount=w.amount, payer=w.payer, merchant_id=w.merchant_id, staff_id=w.staff_id
            ),
        )
        look(e.FindDuplicate, lambda w, actor: do.payments.find_duplicate(actor, w.merchant_id, w.amount))
        look(e.OrderNow, lambda w, actor: do.payments.own(actor, w.order_id))
        look(e.AskStatus, lambda w, actor: do.payments.ask_status(actor, w.order_id), calls_provider=True)
        look(e.ReceiptOf, lambda w, actor: do.receipts.own(actor, w.order_id))
        look(e.MyPayments, lambda w, actor: do.payments.latest(actor))
        look(e.MyChats, lambda w, actor: do.links.chats(actor))
        look(e.MyRoles, lambda w, actor: do.roles.all_of(actor))
        look(e.Balance, lambda w, actor: do.staff.balance(actor, w.staff_id), calls_provider=True)
        look(e.Bills, lambda w, actor: do.agreements.bills())
        look(b.MyAgreements, lambda w, actor: do.agreements.own(actor, w.kind))
        look(b.FindPayment, lambda w, actor: do.staff_requests.find(actor, staff_id=w.staff_id, code=w.code))
        look(b.LatestPayments, lambda w, actor: do.staff_requests.latest(actor, w.staff_id))
        look(b.PayoutsOf, lambda w, actor: do.approvals.payouts(actor, w.staff_id))
        look(
            b.AgreementsOf,
            lambda w, actor: do.staff_requests.standing(actor, staff_id=w.staff_id, kind=w.kind),
        )
        look(b.Banks, lambda w, actor: do.staff_requests.banks(actor, w.staff_id), calls_provider=True)
        look(
            b.SeeDetails,
            lambda w, actor: do.details.see(actor, staff_id=w.staff_id, asked_id=w.asked_id),
            calls_provider=True,
        )
        look(b.WaitingApprovals, lambda w, actor: do.approvals.waiting(actor, w.staff_id))
        look(b.OpenApproval, lambda w, actor: do.approvals.opened(actor, w.approval_id))
        look(b.PaymentMessagesOf, lambda w, actor: do.payment_messages.shown(actor, w.staff_id))
        look(b.LockedStaff, lambda w, actor: do.roles.locked(actor, w.staff_id))

    def _add_acts(self, do: Operations) -> None:
        act = self._act
        act(
            e.RequestPayment,
            lambda w, actor, key: do.payments.request(
                actor, key, merchant_id=w.merchant_id, amount=w.amount, payer=w.payer, network=w.network,
                unasked=w.unasked, reference=w.reference,
            ),
        )  # fmt: skip
        act(e.SendReceipt, lambda w, actor, key: do.receipts.send(actor, w.order_id))
        act(e.WithdrawPayment, lambda w, actor, key: do.payments.withdraw(actor, w.order_id))
        act(e.SetLanguage, lambda w, actor, key: choose_language(actor, w.language))
        act(e.MakeLinkCode, lambda w, actor, key: do.links.make_code(actor))
        act(e.Unlink, lambda w, actor, key: do.links.unlink(actor, w.chat_id))
        act(e.LinkNumber, lambda w, actor, key: do.links.link(actor, w.proof))
        act(
            e.SetUpAutoDebit,
            lambda w, actor, key: do.agreements.set_up(
                actor, key, merchant_id=w.merchant_id, most=w.most, every=w.every, days=w.days
            ),
        )
        act(
            e.StopAutoDebit,
            lambda w, actor, key: do.agreements.stop(actor, key, agreement_id=w.agreement_id),
        )
        act(
            e.PayBill,
            lambda w, actor, key: do.agreements.pay_bill(
                actor, key, merchant_id=w.merchant_id, bill=w.bill, customer_reference=w.customer_reference,
                amount=w.amount, payer=w.payer, unasked=w.unasked,
            ),
        )  # fmt: skip
        act(
            b.SendNote,
            lambda w, actor, key: do.staff_requests.note(
                actor, staff_id=w.staff_id, order_id=w.order_id, text=w.text
            ),
        )
        act(
            b.Refund,
            lambda w, actor, key: do.staff_requests.refund(
                actor, key, staff_id=w.staff_id, order_id=w.order_id, amount=w.amount
            ),
        )
        act(
            b.PayOut,
            lambda w, actor, key: do.staff_requests.pay_out(
                actor, key, staff_id=w.staff_id, amount=w.amount, payee=w.payee, network=w.network,
                deposit=w.deposit, bank_code=w.bank_code, account_number=w.account_number,
            ),
        )  # fmt: skip
        act(
            b.Withdraw,
            lambda w, actor, key: do.staff_requests.withdraw(
                actor, key, staff_id=w.staff_id, amount=w.amount, payer=w.payer, unasked=w.unasked
            ),
        )
        act(
            b.ChargeUnder,
            lambda w, actor, key: do.staff_requests.charge(
                actor, key, staff_id=w.staff_id, agreement_id=w.agreement_id, amount=w.amount
            ),
        )
        act(
            b.MakeInvoice,
            lambda w, actor, key: do.staff_requests.invoice(
                actor, key, staff_id=w.staff_id, payer=w.payer, amount=w.amount, description=w.description,
                days=w.days,
            ),
        )  # fmt: skip
        act(
            b.CancelInvoice,
            lambda w, actor, key: do.staff_requests.cancel_invoice(
                actor, key, staff_id=w.staff_id, agreement_id=w.agreement_id
            ),
        )
        act(
            b.AskDetails,
            lambda w, actor, key: do.details.ask(actor, staff_id=w.staff_id, msisdn=w.msisdn),
        )
        act(
            b.DecideApproval,
            lambda w, actor, key: do.approvals.decide(
                actor, staff_id=w.staff_id, approval_id=w.approval_id, approve=w.approve
            ),
        )
        act(
            b.ChoosePaymentMessages,
            lambda w, actor, key: do.payment_messages.choose(
                actor, staff_id=w.staff_id, on=w.on, quiet_from=w.quiet_from, quiet_until=w.quiet_until
            ),
        )
        act(
            b.Unlock,
            lambda w, actor, key: do.roles.unlock(actor, staff_id=w.staff_id, locked_id=w.locked_id),
        )

    def _add_secret_acts(self, do: Operations) -> None:
        """A secret stands in the arguments of its operation alone."""
        act, call = self._secret_act, self._secret_call
        act(e.SubmitOtp, lambda w, otp, actor: do.payments.submit_otp(actor, otp, w.order_id))
        act(e.LinkWithCode, lambda w, code, actor: do.links.link_with(actor, code, w.msisdn))
        act(b.ChoosePin, lambda w, pin, actor: do.roles.choose_pin(actor, pin, w.staff_id))
        act(b.EnrolStaff, lambda w, pin, actor: do.staff.enrol(actor, pin, w.staff_id, w.first))
        call(b.ChangePin, lambda w, pin, actor: do.roles.change_pin(actor, pin, w.staff_id, w.first))
        call(b.CheckPin, lambda w, pin, actor: do.roles.check_pin(actor, pin, w.staff_id))
        call(e.BalanceWithPin, lambda w, pin, actor: do.staff.balance_with_pin(actor, pin, w.staff_id))
        call(e.ClaimRole, lambda w, code, actor: do.staff.claim(actor, code))

    def _look(
        self,
        effect: type[L],
        operation: Callable[[L, Actor], Awaitable[Any]],
        *,
        calls_provider: bool = False,
    ) -> None:
        self.looks[effect] = operation
        if calls_provider:
            self.provider_looks.add(effect)

    def _act(
        self, effect: type[A], operation: Callable[[A, Actor, RequestKey], Awaitable[EffectResult]]
    ) -> None:
        self.acts[effect] = operation

    def _secret_act(
        self, effect: type[S], operation: Callable[[S, str, Actor], Awaitable[EffectResult]]
    ) -> None:
        self.secret_acts[effect] = operation

    def _secret_call(self, effect: type[S], operation: Callable[[S, str, Actor], Awaitable[Any]]) -> None:
        """An operation that keeps its own outcome, whatever becomes of the turn: a wrong try counts. So it is
        done between the turn's two commits."""

        async def call_operation(wanted: S, secret: str, actor: Actor) -> EffectResult:
            return EffectResult(provider_call=lambda: operation(wanted, secret, actor))

        self.secret_acts[effect] = call_operation

    # ---- its use ---------------------------------------------------------------------------------

    def calls_provider(self, effect: Look[Any]) -> bool:
        """Whether the look may call a provider, so that the turn has to be marked running first."""
        return type(effect) in self.provider_looks

    async def look(self, effect: Look[Any], actor: Actor) -> Any:
        return await self.looks[type(effect)](effect, actor)

    async def act(self, effect: Act[Any], actor: Actor, key: RequestKey) -> EffectResult:
        return await self.acts[type(effect)](effect, actor, key)

    async def act_with_secret(self, secret: str, effect: SecretAct[Any], actor: Actor) -> EffectResult:
        """The effect result of an act that needs a secret."""
        return await self.secret_acts[type(effect)](effect, secret, actor)

    async def without_secret(self, effect: SecretAct[Any], actor: Actor) -> Any:
        """The act's result where no secret is needed any more, else None: its order has moved on."""
        if isinstance(effect, e.SubmitOtp):
            return await self._operations.payments.without_otp(actor, effect.order_id)
        return None
