"""Settles by hand what no provider will say: an operator's word, kept beside the provider's."""

from typing import Final

from bot.dialog import views as v
from bot.money import FINAL, OrderKind, OrderState, Source, Verdict, judge, show_amount
from bot.operations.actor import EffectResult, Operator
from bot.orders.context_loader import ContextLoader
from bot.orders.provider_calls import Calls
from bot.orders.rules import by_operator, mismatch, upheld
from bot.providers.base import Elsewhere, NotSent, ProviderError, Unknown
from bot.runtime.clock import Clock, Ids
from bot.runtime.logs import mask_numbers
from bot.runtime.timeouts import Timeouts
from bot.store.base import Store
from bot.store.records import OrderRow

__all__ = ["Settling", "is_settleable"]

# A person waits for the answer.
_ASK_S: Final = 10.0
_LEAST_REASON: Final = 4
_WHY_MOST: Final = 400


def is_settleable(order: OrderRow, state: OrderState) -> bool:
    """Whether a person may say so of an order. UNRESOLVED may become any end; FAILED only successful, and
    failed once more where its provider doubts it. A bill is paid or it is not."""
    if order.kind is OrderKind.BILL and state is OrderState.REVERSED:
        return False
    return _is_upheld(order, state) or judge(order.state, state, Source.OPERATOR) is Verdict.MOVE


class Settling:
    """What an operator does with an order that no provider will settle. See `settle`."""

    def __init__(self, store: Store, calls: Calls, clock: Clock, ids: Ids, timeouts: Timeouts) -> None:
        self._store = store
        self._calls = calls
        # A person's word needs nothing of the provider.
        self._context_loader = ContextLoader(store, None, clock, ids, timeouts)

    async def settle(
        self, operator: Operator, *, order_id: str, state: OrderState, reason: str, force: bool = False
    ) -> EffectResult:
        """The provider is asked first. Where it does not say the same, or nobody can be asked, nothing
        changes, unless `force` says that the person knows better; the ledger keeps both words."""
        if not operator.name or len(reason) < _LEAST_REASON:
            return EffectResult(result=v.SettledByHand("unsigned"))
        order = await self._store.order(order_id)
        if order is None:
            return EffectResult(result=v.SettledByHand("gone"))
        if why := await self._cannot(order, state):
            return EffectResult(result=v.SettledByHand(why))
        heard, agrees = await self._providers_word(order, state)
        if not agrees and not force:
            return EffectResult(result=v.SettledByHand("contradicted", heard))
        ctx = await self._context_loader.of(order)
        note = f"{operator.name}: {reason}"[:_WHY_MOST] + ("" if agrees else f" [forced. {heard}]")
        # Upheld: the provider said otherwise once, and a person has found that the order did fail.
        if _is_upheld(order, state):
            settled = upheld(order, note, ctx)
        else:
            settled = by_operator(order, state, note, ctx)
        return EffectResult(tuple(settled.changes), v.SettledByHand(heard=heard))

    async def _cannot(self, order: OrderRow, state: OrderState) -> str:
        if order.kind is OrderKind.BILL and state is OrderState.REVERSED:
            return "bill"
        if order.kind is OrderKind.BILL and state is OrderState.SUCCESSFUL and order.follows_id:
            refunds = await self._store.refunds_of(order.follows_id)
            if any(refund.state is not OrderState.FAILED for refund in refunds):
                return "given_back"
        return "" if is_settleable(order, state) else "final"

    async def _providers_word(self, order: OrderRow, state: OrderState) -> tuple[str, bool]:
        """What the provider says of the order now, as a sentence for the ledger; whether it says `state`."""
        account_id = order.account_id
        if account_id not in self._calls.accounts:
            return f"The account {account_id} is not in the settings, so the provider was not asked.", False
        report = await self._calls.status(order, _ASK_S)
        if isinstance(report, Elsewhere):
            return "It belongs elsewhere than its account leads to now, so the provider was not asked.", False
        if isinstance(report, ProviderError):
            word = mask_numbers(report.provider_code)
            named = f" with {word}" if word else ""
            silent = isinstance(report, Unknown | NotSent)
            return f"The provider {'did not answer' if silent else f'refused the question{named}'}.", False
        if report.not_found:
            return "The provider does not know it by our reference.", False
        word = f" ({report.provider_code})" if report.provider_code else ""
        if report.state not in FINAL:
            return f"The provider says that it is not final yet{word}.", False
        amount = f", {show_amount(report.amount)}" if report.amount is not None else ""
        other = mismatch(order, report)
        note = f" Its {other} is not ours." if other else ""
        agrees = report.state is state and not other
        return f"The provider says {report.state.value}{amount}{word}.{note}", agrees


def _is_upheld(order: OrderRow, state: OrderState) -> bool:
    """Whether it is settled as FAILED, which it is, because its provider doubted that."""
    return order.doubted_ms is not None and state is OrderState.FAILED
