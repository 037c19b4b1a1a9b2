"""The effects: what a flow may want done, and the values that come back.

A `Look` changes nothing, an `Act` is done once, a `SecretAct` needs a secret that is never kept. The
operations perform them (bot/operations); results are journaled as JSON, so they hold no secret.
"""

from typing import Any, ClassVar

from bot.dialog import Act, Look, SecretAct
from bot.dialog.views import (
    Balances,
    BillCard,
    ChatCard,
    Claimed,
    Debit,
    Done,
    Holder,
    Linked,
    MerchantCard,
    NewLinkCode,
    OrderView,
    ReceiptView,
    Recognised,
    Role,
)
from bot.money import Money, Msisdn

__all__ = [
    "AskStatus",
    "AmountsPaid",
    "Balance",
    "BalanceWithPin",
    "Bills",
    "CheckHolder",
    "CheckNumber",
    "ClaimRole",
    "FindDebit",
    "FindMerchant",
    "FindDuplicate",
    "LinkNumber",
    "LinkWithCode",
    "MakeLinkCode",
    "MyChats",
    "MyPayments",
    "MyRoles",
    "NetworkUsed",
    "OrderNow",
    "PayBill",
    "ReceiptOf",
    "RecentMerchants",
    "Recognise",
    "RequestPayment",
    "SendReceipt",
    "SetLanguage",
    "SetUpAutoDebit",
    "StopAutoDebit",
    "SubmitOtp",
    "Unlink",
    "WithdrawPayment",
]


class FindMerchant(Look[MerchantCard | None], frozen=True):
    """The merchant with this code, None where nobody takes payments under it."""

    code: str
    result: ClassVar[Any] = MerchantCard | None


class Recognise(Look[Recognised | None], frozen=True):
    """What a code typed on the first screen is: a merchant's, or the reference of a payment that the actor
    made or may see as staff. None where it is none of these."""

    typed: str
    result: ClassVar[Any] = Recognised | None


class NetworkUsed(Look[str], frozen=True):
    """The network that the actor's last payment from this number to this merchant's account used; empty where
    there was none."""

    merchant_id: str
    payer: Msisdn
    result: ClassVar[Any] = str


class AmountsPaid(Look[tuple[Money, ...]], frozen=True):
    """What the actor last paid this merchant, each amount once, the latest first, three at the most."""

    merchant_id: str
    result: ClassVar[Any] = tuple[Money, ...]


class RecentMerchants(Look[tuple[MerchantCard, ...]], frozen=True):
    """Whom the person paid before, latest first, three at the most."""

    result: ClassVar[Any] = tuple[MerchantCard, ...]


class CheckHolder(Look[Holder], frozen=True):
    """Whether the number can pay this merchant."""

    merchant_id: str
    msisdn: Msisdn
    result: ClassVar[Any] = Holder


class CheckNumber(Look[Holder], frozen=True):
    """Whether a number, an e-mail address or a party code is a real account, with whichever provider serves
    the number's country, or any that can tell."""

    party: str
    result: ClassVar[Any] = Holder


class FindDuplicate(Look[str], frozen=True):
    """The code of an open payment of the same person, merchant and amount; empty where there is none."""

    merchant_id: str
    amount: Money
    result: ClassVar[Any] = str


class FindDebit(Look[Debit], frozen=True):
    """Whether an auto-debit of the actor's own number would serve such a request to it: for a merchant, or
    for the merchant of a role."""

    amount: Money
    payer: Msisdn
    merchant_id: str = ""
    staff_id: str = ""
    result: ClassVar[Any] = Debit


class RequestPayment(Act[OrderView], frozen=True):
    """Ask the payer for the money. Accepted is not paid. `unasked`: the person agreed to it without a PIN."""

    merchant_id: str
    amount: Money
    payer: Msisdn
    network: str = ""
    unasked: bool = False
    # What the payer gave where the merchant asks for something.
    reference: str = ""
    result: ClassVar[Any] = OrderView


class SubmitOtp(SecretAct[OrderView], frozen=True):
    """Hand the payer's code to the provider; the secret is the code."""

    order_id: str
    result: ClassVar[Any] = OrderView


class OrderNow(Look[OrderView | None], frozen=True):
    """The person's own order as kept, None for anyone else's."""

    order_id: str
    result: ClassVar[Any] = OrderView | None


class AskStatus(Look[OrderView | None], frozen=True):
    """The person's own order, asked about at the provider first where it is open."""

    order_id: str
    result: ClassVar[Any] = OrderView | None


class WithdrawPayment(Act[OrderView], frozen=True):
    """Take an own payment back while nothing of it has left. What comes back is the order as it is then:
    FAILED, cancelled; or gone on, where it was sent meanwhile."""

    order_id: str
    result: ClassVar[Any] = OrderView


class ReceiptOf(Look[ReceiptView | None], frozen=True):
    """The receipt of an own payment, None where it is not paid."""

    order_id: str
    result: ClassVar[Any] = ReceiptView | None


class SendReceipt(Act[Done], frozen=True):
    """Send the receipt of an own payment by SMS to the number that speaks, once."""

    order_id: str
    result: ClassVar[Any] = Done


class MyPayments(Look[tuple[OrderView, ...]], frozen=True):
    """The person's latest payments, newest first, five at the most."""

    result: ClassVar[Any] = tuple[OrderView, ...]


class MyRoles(Look[tuple[Role, ...]], frozen=True):
    """The roles enrolled for the address the person speaks from."""

    result: ClassVar[Any] = tuple[Role, ...]


class Balance(Look[Balances], frozen=True):
    """The balance, for a role that needs no PIN here."""

    staff_id: str
    result: ClassVar[Any] = Balances


class BalanceWithPin(SecretAct[Balances], frozen=True):
    """The balance, for the right staff PIN; the secret is the PIN."""

    staff_id: str
    result: ClassVar[Any] = Balances


class ClaimRole(SecretAct[Claimed], frozen=True):
    """Which role a one-time code stands for; the secret is the code."""

    result: ClassVar[Any] = Claimed


class SetLanguage(Act[Done], frozen=True):
    language: str
    result: ClassVar[Any] = Done


class MakeLinkCode(Act[NewLinkCode], frozen=True):
    """A one-time code that links a chat to the caller's verified number."""

    result: ClassVar[Any] = NewLinkCode


class LinkWithCode(SecretAct[Linked], frozen=True):
    """Link this chat to a number by the one-time code that was shown on its phone; the secret is the code."""

    msisdn: Msisdn
    result: ClassVar[Any] = Linked


class LinkNumber(Act[Linked], frozen=True):
    """Link this chat to a number on the chat's own word. `proof`: `shared:<msisdn>`."""

    proof: str
    result: ClassVar[Any] = Linked


class MyChats(Look[tuple[ChatCard, ...]], frozen=True):
    """The chats linked to the actor's number, the one that spoke last first."""

    result: ClassVar[Any] = tuple[ChatCard, ...]


class Unlink(Act[Done], frozen=True):
    """End the link of one of the actor's chats; without an id, of the chat they speak in."""

    chat_id: str = ""
    result: ClassVar[Any] = Done


class SetUpAutoDebit(Act[OrderView], frozen=True):
    """Ask the payer to let the merchant debit the wallet without a PIN: at most `most` each time, not
    more often than once `every` (day, week, month), for so many days. For the actor's own number only.
    """

    merchant_id: str
    most: Money
    every: str
    days: int
    result: ClassVar[Any] = OrderView


class StopAutoDebit(Act[OrderView], frozen=True):
    """End an auto-debit of the actor's own number."""

    agreement_id: str
    result: ClassVar[Any] = OrderView


class Bills(Look[tuple[BillCard, ...]], frozen=True):
    """Whose bills can be paid here."""

    result: ClassVar[Any] = tuple[BillCard, ...]


class PayBill(Act[OrderView], frozen=True):
    """Collect the money for a bill; once it is there, the bill is paid with it. `unasked` as above."""

    merchant_id: str
    bill: str
    customer_reference: str
    amount: Money
    payer: Msisdn
    unasked: bool = False
    result: ClassVar[Any] = OrderView
