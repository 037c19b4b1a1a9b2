"""At the counter: a customer's wallet money comes to the merchant, who hands out cash."""

from bot.dialog import Number, Screen, Talk, Wallet
from bot.dialog.views import Role
from bot.money import Right
from flows.business_effects import Withdraw
from flows.closing import closing
from flows.effects import FindDebit
from flows.pay import find_debit, not_agreed
from flows.staff import amount_of, signed

__all__ = ["withdraw"]


async def withdraw(talk: Talk, role: Role) -> Screen:
    """Ends with the word to wait: cash goes out only for money that has come."""
    while True:
        payer = await talk.ask("number", Wallet(role.region, role.numbers))
        amount = await talk.ask("amount", amount_of(role, Right.WITHDRAW), currency=role.currency)
        debit = await find_debit(talk, FindDebit(amount, payer, staff_id=role.staff_id), role.debits)
        if not debit.of or debit.agreed:
            break
        if (stopped := await not_agreed(talk, debit, amount)) is not None:
            return stopped
    shown = Number(payer, masked=False)
    text = "withdraw.confirm_unasked" if debit.agreed else "withdraw.confirm"
    agreed = await signed(talk, role, text, payer=shown, amount=amount, merchant=role.merchant)
    if isinstance(agreed, Screen):
        return agreed
    wanted = Withdraw(role.staff_id, amount, payer, unasked=debit.agreed)
    return closing(await talk.act("request", wanted), typed=True)
