"""Send the merchant's money out: to a wallet, or to a bank account where the account can."""

from collections.abc import Sequence
from typing import Any, Final

from bot.dialog import Amount, Choice, Digits, Kind, Number, Problem, Screen, Talk, Text, Value, Wallet
from bot.dialog.views import BankView, Role
from bot.money import Money, Msisdn, Right
from flows.business_effects import Banks, PayOut
from flows.closing import closing
from flows.effects import CheckNumber
from flows.lists import choose_among
from flows.pay import choose_network
from flows.staff import amount_of, signed

__all__ = ["deposit", "pay_out"]

# Shorter ones may be a PIN or a code typed in the wrong place.
_ACCOUNT: Final = Digits(8, 20, "pay_out.account_not_valid")
# Some countries have hundreds of banks; a longer list than this is narrowed by name first.
_MOST_BANKS: Final = 18


class BankName(Kind[str]):
    """A part of the name of one of the banks."""

    def __init__(self, banks: Sequence[BankView]) -> None:
        self._names = [bank.name.casefold() for bank in banks]

    def parse(self, text: str) -> str | Problem:
        letters = " ".join(text.split())
        if letters and any(letters.casefold() in name for name in self._names):
            return letters
        return Problem(Text("pay_out.unknown_bank"))

    def load(self, data: Any) -> str:
        return str(data)


async def pay_out(talk: Talk, role: Role) -> Screen:
    """Ends with where the money is, or with who has to approve it first."""
    banks = await talk.look("banks", Banks(role.staff_id))
    to = "wallet"
    if banks:
        offered = [Choice("wallet", Text("pay_out.wallet")), Choice("bank", Text("pay_out.to_bank"))]
        to = await talk.choose("to", offered)
    if to == "bank":
        return await _to_bank(talk, role, banks)
    return await _to_wallet(talk, role)


async def deposit(talk: Talk, role: Role) -> Screen:
    """Cash taken at the counter becomes wallet money of the customer's."""
    payee, name = await _payee(talk, role)
    amount = await _amount(talk, role, amount_of(role, Right.DEPOSIT))
    shown: dict[str, Value] = {"payee": Number(payee, masked=False), "name": name}
    text = "deposit.confirm_named" if name else "deposit.confirm"
    return await _send(talk, role, PayOut(role.staff_id, amount, payee=payee, deposit=True), text, shown)


async def _to_wallet(talk: Talk, role: Role) -> Screen:
    payee, name = await _payee(talk, role)
    network = await choose_network(talk, role.networks)
    amount = await _amount(talk, role, amount_of(role, Right.PAY_OUT))
    shown: dict[str, Value] = {"payee": Number(payee, masked=False), "name": name}
    text = "pay_out.confirm_named" if name else "pay_out.confirm"
    return await _send(talk, role, PayOut(role.staff_id, amount, payee=payee, network=network), text, shown)


async def _payee(talk: Talk, role: Role) -> tuple[Msisdn, str]:
    notice = None
    while True:
        payee = await talk.ask(
            "number", Wallet(role.region, role.numbers), text="pay_out.number", notice=notice
        )
        holder = await talk.look("holder", CheckNumber(payee))
        if not holder.checked or (holder.known and holder.active):
            return payee, holder.name
        shown = {"number": Number(payee, masked=False)}
        notice = Text("pay.payer_unknown" if not holder.known else "pay.payer_inactive", shown)


async def _to_bank(talk: Talk, role: Role, banks: Sequence[BankView]) -> Screen:
    bank = await _bank(talk, banks)
    account = await talk.ask("account", _ACCOUNT, bank=bank.name)
    amount = await _amount(talk, role, Amount(role.currency))  # a bank takes what wallets do not
    wanted = PayOut(role.staff_id, amount, bank_code=bank.code, account_number=account)
    shown: dict[str, Value] = {"account": account, "bank": bank.name}
    return await _send(talk, role, wanted, "pay_out.confirm_bank", shown)


async def _bank(talk: Talk, banks: Sequence[BankView]) -> BankView:
    text = "pay_out.bank_name"
    while len(banks) > _MOST_BANKS:
        letters = await talk.ask("bank_name", BankName(banks), text=text)
        named = [bank for bank in banks if letters.casefold() in bank.name.casefold()]
        if named:
            banks = named[:_MOST_BANKS]
        text = "pay_out.no_such_bank"
    choices = [Choice(bank.code, Text("pay_out.bank_one", {"name": bank.name})) for bank in banks]
    picked = await choose_among(talk, "bank", choices)
    return next(bank for bank in banks if bank.code == picked)


async def _amount(talk: Talk, role: Role, of: Amount) -> Money:
    return await talk.ask("amount", of, currency=role.currency)


async def _send(talk: Talk, role: Role, wanted: PayOut, text: str, shown: dict[str, Value]) -> Screen:
    agreed = await signed(talk, role, text, shown=shown, amount=wanted.amount, merchant=role.merchant)
    if isinstance(agreed, Screen):
        return agreed
    return closing(await talk.act("request", wanted), typed=True)
