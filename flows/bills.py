"""Pay a bill of water, power or the like: the money is collected, and pays the bill once it is there."""

from bot.dialog import Amount, Choice, FreeText, Number, Screen, Talk, Text
from flows.effects import Bills, PayBill
from flows.pay import ask_payer, follow

__all__ = ["bill"]


async def bill(talk: Talk) -> Screen:
    """Ends with what to do on the phone."""
    bills = await talk.look("bills", Bills())
    if not bills:
        return Screen("bill.none")
    # One name may stand for bills of several merchants' accounts.
    by_value = {f"{card.merchant_id}/{card.name}": card for card in bills}
    picked = await talk.choose(
        "which", [Choice(value, Text("bill.one", {"name": card.name})) for value, card in by_value.items()]
    )
    card = by_value[picked]
    reference = await talk.ask("reference", FreeText(20), name=card.name)
    amount = await talk.ask(
        "amount", Amount(card.currency, most_minor=card.most_minor), name=card.name, currency=card.currency
    )
    payer = await ask_payer(talk, card.region)
    agreed = await talk.confirm(
        "confirm",
        yes="pay.yes",
        no="pay.no",
        amount=amount,
        name=card.name,
        reference=reference,
        payer=Number(payer, masked=False),
    )
    if not agreed:
        return Screen("pay.cancelled")
    order = await talk.act("request", PayBill(card.merchant_id, card.name, reference, amount, payer))
    return await follow(talk, order)
