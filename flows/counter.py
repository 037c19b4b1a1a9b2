"""At the counter: a customer's wallet money comes to the merchant, who hands out cash."""

from bot.dialog import Amount, Number, Screen, Talk, Wallet
from flows.business_effects import Withdraw
from flows.closing import closing
from flows.effects import Role
from flows.staff import wrong_pin

__all__ = ["withdraw"]


async def withdraw(talk: Talk, role: Role) -> Screen:
    """Ends with the word to wait: cash goes out only for money that has come."""
    payer = await talk.ask("number", Wallet(role.region))
    amount = await talk.ask("amount", Amount(role.currency), currency=role.currency)
    shown = Number(payer, masked=False)
    agreed = await talk.confirm("confirm", payer=shown, amount=amount, merchant=role.merchant)
    if not agreed:
        return Screen("business.cancelled")
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    return closing(await talk.act("request", Withdraw(role.staff_id, amount, payer)), typed=True)
