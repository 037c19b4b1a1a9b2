"""Builds every incident: who, what, how much, what the provider said, and the command that helps. Pure.

Every incident is built here. None holds a phone number, a name of a payer or a secret: what a provider says
in words of its own is masked.
"""

from typing import Final

from bot.dialog import Named
from bot.money import Money, OrderKind, show_amount
from bot.providers.base import CallbackEvent
from bot.runtime.logs import mask_numbers
from bot.store.base import AddIncident
from bot.store.records import AgreementRow, Incident, OrderRow

__all__ = ["about_agreement", "about_event", "about_order"]

# What happened, by the incident's kind. A kind that is not here is told by its own name.
_WHAT: Final = {
    "auto_debit_not_ended": "over for a week, and the provider does not say that it has ended",
    "bill_not_paid": "the bill is not paid, and its money is with the merchant",
    "changed_after_final": "its money moved once more after it was final",
    "contradiction": "the provider speaks otherwise of what is final",
    "corrected": "an operator has corrected it",
    "dispute": "its payer contests it",
    "invoice_paid_after_end": "paid, though it had ended",
    "invoice_unresolved": "over, and nobody says whether it was paid",
    "merchant_funds": "the wallet that pays out is too low or at its limit",
    "mismatch_amount": "the amount differs",
    "mismatch_currency": "the currency differs, or no amount is told",
    "mismatch_invoice": "paid another amount than asked",
    "mismatch_party": "the provider names another wallet",
    "mismatch_reference": "the provider names it by a second reference, as if it was taken twice",
    "misconfigured": "the provider refuses our keys or settings",
    "news_not_looked_into": "the provider spoke of it, and for a day nobody could learn what is true",
    "not_available": "our contract or settings stand in the way",
    "overdue": "past its time, and nobody works on it",
    "status_refused": "the provider refuses to say what became of it",
    "status_unreadable": "what the provider says of it cannot be read",
    "stray_payment": "other money than was asked for",
    "unknown_code": "it failed for a reason nobody published",
    "unresolved": "no final word in its time",
    "upheld": "a person has found that it did fail",
}
# Where something else helps more than a look at the order itself.
_HELPS: Final = {
    "misconfigured": "kasapay check",
    "not_available": "kasapay check",
    "status_refused": "kasapay check",
    "status_unreadable": "kasapay check",
}
_AGREEMENTS: Final = "kasapay agreements list"
_KINDS: Final = {OrderKind.COLLECTION: "payment", OrderKind.AGREEMENT_CHARGE: "auto-debit charge"}
_REFERENCE_MOST: Final = 80


def about_order(
    kind: str,
    order: OrderRow,
    merchant: str | Named,
    *,
    id: str,
    now_ms: int,
    said: str = "",
    theirs: Money | None = None,
    key: str = "",
) -> AddIncident:
    """An incident about an order, once for each kind, or for each `key` where one is given. `said` is what
    the provider or we said of it, `theirs` the amount that the provider names where it is another."""
    name = _KINDS.get(order.kind, order.kind.value.replace("_", " "))
    ours = Money(order.amount_minor, order.currency)
    subject = f"order {order.code}, {name} of {show_amount(ours)}{_whose(merchant, order.account_id)}"
    helps = _HELPS.get(kind, f"kasapay orders show {order.code}")
    text = _sentence(kind, subject, said, helps, None if theirs == ours else theirs)
    return AddIncident(Incident(id, key or f"{kind}:{order.id}", kind, order.id, text, now_ms))


def about_agreement(
    kind: str,
    row: AgreementRow,
    merchant: str | Named,
    *,
    id: str,
    now_ms: int,
    said: str = "",
    theirs: Money | None = None,
) -> AddIncident:
    """An incident about an invoice or an auto-debit, once for each kind."""
    name = "auto-debit" if row.kind == "preapproval" else row.kind.value
    amount = show_amount(Money(row.amount_minor, row.currency))
    subject = f"{name} {row.code} of {amount}{_whose(merchant, row.account_id)}"
    text = _sentence(kind, subject, said, _AGREEMENTS, theirs)
    return AddIncident(Incident(id, f"{kind}:{row.id}", kind, None, text, now_ms))


def about_event(
    kind: str,
    event: CallbackEvent,
    account_id: str,
    order: OrderRow | None,
    merchant: str | Named,
    *,
    id: str,
    now_ms: int,
) -> AddIncident:
    """An incident about what a provider told by itself: stray money, a dispute, an unknown event."""
    named = (event.provider_reference or event.reference)[:_REFERENCE_MOST]
    key = f"{kind}:{account_id}:{named}:{event.name}"
    reference = f", their reference {event.provider_reference[:_REFERENCE_MOST]}"
    said = f"{event.name}{reference if event.provider_reference else ''}"
    if order is not None:
        return about_order(
            kind, order, merchant, id=id, now_ms=now_ms, said=said, theirs=event.amount, key=key
        )
    ours = f", our reference {event.reference}" if event.reference else ""
    amount = f" of {show_amount(event.amount)}" if event.amount is not None else ", no amount told"
    subject = f"event {said}{ours}{amount} on {account_id}"
    helps = f"kasapay reconcile --account {account_id}"
    text = _sentence(kind, subject, "no order of ours is meant", helps, None)
    return AddIncident(Incident(id, key, kind, None, text, now_ms))


def _sentence(kind: str, subject: str, said: str, helps: str, theirs: Money | None) -> str:
    what = _WHAT.get(kind, kind.replace("_", " "))
    named = f"; the provider names {show_amount(theirs)}" if theirs is not None else ""
    # Their own words may hold anything.
    masked = f" ({mask_numbers(said)})" if said else ""
    return f"{subject}: {what}{named}{masked}. See: {helps}"


def _whose(merchant: str | Named, account_id: str) -> str:
    merchant = merchant.name if isinstance(merchant, Named) else merchant
    return f" for {merchant} on {account_id}" if merchant else f" on {account_id}"
