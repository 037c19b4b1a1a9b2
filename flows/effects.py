"""What the conversations may ask of the world, and the values that come back.

A `Look` changes nothing, an `Act` is done once, a `SecretAct` needs a secret that is never kept. The
shell performs them (bot/operations); results are journaled as JSON, so they hold no secret.
"""

from typing import Any, ClassVar

import msgspec

from bot.dialog import Act, Look, Name, SecretAct
from bot.money import AmountRule, Money, Msisdn, NumberRule, OrderKind, OrderState, Reason

__all__ = [
    "AskStatus",
    "Balance",
    "BalanceWithPin",
    "Balances",
    "BillCard",
    "Bills",
    "ChatCard",
    "CheckHolder",
    "CheckNumber",
    "ClaimRole",
    "Claimed",
    "Debit",
    "Done",
    "FindDebit",
    "FindMerchant",
    "FindTwin",
    "Holder",
    "LinkNumber",
    "LinkWithCode",
    "Linked",
    "MakeLinkCode",
    "MerchantCard",
    "MyChats",
    "MyPayments",
    "MyRoles",
    "NewLinkCode",
    "OrderNow",
    "OrderView",
    "PayBill",
    "RecentMerchants",
    "RequestPayment",
    "Role",
    "SetLanguage",
    "SetUpAutoDebit",
    "StopAutoDebit",
    "SubmitOtp",
    "Unlink",
]


class MerchantCard(msgspec.Struct, frozen=True):
    """Whom to pay. `networks`: what the payer must choose among, empty where there is no choice. `debits`: an
    auto-debit of the payer's may take the money without a PIN."""

    id: str
    code: str
    name: Name
    currency: str
    region: str
    networks: tuple[str, ...] = ()
    most_minor: int | None = None
    checks_holder: bool = False
    debits: bool = False
    amounts: AmountRule = AmountRule()
    numbers: NumberRule = NumberRule()


class Holder(msgspec.Struct, frozen=True):
    """An account holder. `checked` False: nobody could say now, or the asker asks too often (`limited`).

    `name` is shortened, and empty for people who may not see it.
    """

    checked: bool
    known: bool = True
    active: bool = True
    name: str = ""
    limited: bool = False


class OrderView(msgspec.Struct, frozen=True):
    """An order as its person may see it. `refused` names why none was made; then `id` is empty.

    `unsure`: the provider's answer to our request was lost, so it is being checked.
    """

    id: str
    code: str
    state: OrderState
    amount: Money
    merchant: Name
    payer: Msisdn
    reason: Reason | None = None
    tries_left: int = 0
    refused: str = ""
    unsure: bool = False
    at_ms: int = 0
    kind: OrderKind = OrderKind.COLLECTION
    # Who gets the money, where it is not the merchant.
    payee: Msisdn = ""
    # Nothing has been asked of the provider yet: a second person must approve it first.
    waits: bool = False
    # What is left under the limit that refused it.
    most: Money | None = None
    # Whose bill is paid; `collected` once its money has come, `given_back` where that goes back again.
    bill: str = ""
    collected: bool = False
    given_back: bool = False
    # The payer's own auto-debit allows it, so that no PIN is asked for.
    unasked: bool = False


class Debit(msgspec.Struct, frozen=True):
    """What the speaker's own auto-debits make of a request to their wallet: nothing where `of` is empty.

    `of` is the merchant of the one that would serve it, without a PIN. `agreed`: within what was agreed to.
    `stops`: those to stop so that the wallet asks for its PIN again; empty where that is under way.
    """

    of: Name = ""
    agreed: bool = False
    stops: tuple[str, ...] = ()


class Role(msgspec.Struct, frozen=True):
    """A role of the person's present address. `pin`: must be asked for here. `locked`: too many wrong."""

    staff_id: str
    merchant: Name
    role: str
    pin: bool
    locked: bool = False
    # What the role may do and its merchant's account can: values of bot.money.Right, in menu order.
    offers: tuple[str, ...] = ()
    currency: str = ""
    region: str = ""
    networks: tuple[str, ...] = ()
    debits: bool = False
    # What amounts each of them takes, where not any.
    amounts: dict[str, AmountRule] = {}
    numbers: NumberRule = NumberRule()


class BillCard(msgspec.Struct, frozen=True):
    """A service provider whose bills can be paid, and the merchant whose account pays them."""

    name: str
    merchant_id: str
    currency: str
    region: str
    most_minor: int | None = None
    debits: bool = False
    amounts: AmountRule = AmountRule()
    numbers: NumberRule = NumberRule()


class Balances(msgspec.Struct, frozen=True):
    """A merchant's money, or why it is not shown: wrong_pin, locked, not_allowed, not_available.

    `payouts` is what the payout wallet holds, where that is another one.
    """

    amounts: tuple[Money, ...] = ()
    payouts: tuple[Money, ...] = ()
    refused: str = ""
    tries_left: int = 0
    shared: bool = False


class ChatCard(msgspec.Struct, frozen=True):
    """A chat linked to the speaker's number. `kind`: telegram or web; `seen_ms`: when it spoke last."""

    id: str
    kind: str
    seen_ms: int


class Claimed(msgspec.Struct, frozen=True):
    """The role a one-time code stands for. `refused`: code (wrong or run out), tries."""

    staff_id: str = ""
    merchant: Name = ""
    refused: str = ""


class NewLinkCode(msgspec.Struct, frozen=True):
    code: str
    minutes: int


class Linked(msgspec.Struct, frozen=True):
    """`refused`: code (wrong or run out), tries."""

    msisdn: Msisdn = ""
    refused: str = ""


class Done(msgspec.Struct, frozen=True):
    """`ok` False: somebody else was faster."""

    ok: bool = True


class FindMerchant(Look[MerchantCard | None], frozen=True):
    """The merchant with this code, None where nobody takes payments under it."""

    code: str
    result: ClassVar[Any] = MerchantCard | None


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


class FindTwin(Look[str], frozen=True):
    """The code of an open payment of the same person, merchant and amount; empty where there is none."""

    merchant_id: str
    amount: Money
    result: ClassVar[Any] = str


class FindDebit(Look[Debit], frozen=True):
    """Whether an auto-debit of the speaker's own number would serve such a request to it: for a merchant, or
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
    """The chats linked to the speaker's number, the one that spoke last first."""

    result: ClassVar[Any] = tuple[ChatCard, ...]


class Unlink(Act[Done], frozen=True):
    """End the link of one of the speaker's chats; without an id, of the chat they speak in."""

    chat_id: str = ""
    result: ClassVar[Any] = Done


class SetUpAutoDebit(Act[OrderView], frozen=True):
    """Ask the payer to let the merchant debit the wallet without a PIN: at most `most` each time, not
    more often than once `every` (day, week, month), for so many days. For the speaker's own number only.
    """

    merchant_id: str
    most: Money
    every: str
    days: int
    result: ClassVar[Any] = OrderView


class StopAutoDebit(Act[OrderView], frozen=True):
    """End an auto-debit of the speaker's own number."""

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
