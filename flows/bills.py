"""Pay a bill of water, power or the like: the money is collected, and pays the bill once it is there."""

from bot.dialog import Amount, BillNumber, Choice, Number, Screen, Talk, Text
from flows.effects import Bills, FindDebit, PayBill
from flows.lists import choose_among
from flows.pay import ask_payer, find_debit, follow, not_agreed, own_wallet

__all__ = ["bill"]


async def bill(talk: Talk) -> Screen:
    """Ends with what to do on the phone."""
    bills = await talk.look("bills", Bills())
    if not bills:
        return Screen("bill.none")
    # One name may stand for bills of several merchants' accounts.
    by_value = {f"{card.merchant_id}/{card.name}": card for card in bills}
    picked = await choose_among(
        talk,
        "which",
        [Choice(value, Text("bill.one", {"name": card.name})) for value, card in by_value.items()],
    )
    card = by_value[picked]
    reference = await talk.ask("reference", BillNumber(20), name=card.name)
    amount = await talk.ask(
        "amount",
        Amount(card.currency, card.amounts, most_minor=card.most_minor),
        name=card.name,
        currency=card.currency,
    )
    payer = own_wallet(talk, card.region, card.numbers)
    while True:
        payer = payer or await ask_payer(talk, card.region, card.numbers)
        debit = await find_debit(talk, FindDebit(amount, payer, card.merchant_id), card.debits)
        if debit.of and not debit.agreed:
            if (stopped := await not_agreed(talk, debit, amount)) is not None:
                return stopped
            payer = ""
            continue
        decided = await talk.decide(
            "confirm",
            [
                Choice("yes", Text("pay.yes")),
                Choice("no", Text("pay.no")),
                Choice("wallet", Text("pay.other_wallet")),
            ],
            text="bill.confirm_unasked" if debit.agreed else "bill.confirm",
            amount=amount,
            name=card.name,
            reference=reference,
            payer=Number(payer, masked=False),
        )
        if decided == "no":
            return Screen("pay.cancelled")
        if decided == "yes":
            break
        payer = ""
    wanted = PayBill(card.merchant_id, card.name, reference, amount, payer, unasked=debit.agreed)
    order = await talk.act("request", wanted)
    return await follow(talk, order)
