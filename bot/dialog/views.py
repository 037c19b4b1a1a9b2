"""What people may see of orders, agreements, merchants and roles: the values that operations return and that
conversations show. Pure.

Results of effects are journaled as JSON under these fields: none holds a secret, and a field keeps its name.
"""

import msgspec

from bot.dialog.names import Name
from bot.money import AmountRule, Money, Msisdn, NumberRule, OrderKind, OrderState, Reason

__all__ = [
    "AgreementView",
    "ApprovalView",
    "Balances",
    "BankView",
    "BillCard",
    "ChatCard",
    "ChosenPin",
    "Claimed",
    "Debit",
    "DetailLine",
    "Details",
    "DetailsAsked",
    "Done",
    "FoundPayment",
    "Holder",
    "Linked",
    "LockedRole",
    "MerchantCard",
    "NewLinkCode",
    "NewRole",
    "Noted",
    "OpenedApproval",
    "OrderView",
    "PaymentMessages",
    "PayoutSwitch",
    "PayoutView",
    "PinAnswer",
    "PinSet",
    "ReceiptView",
    "Recognised",
    "Role",
    "SettledByHand",
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
    # What it asks of whoever pays, such as "Table number"; empty for nothing.
    asks_for: str = ""


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
    # When it was looked at.
    seen_ms: int = 0
    # So much of it was given back by refunds.
    refunded_minor: int = 0
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
    # Where the payer finds the request if their phone did not ask for the PIN; empty where nobody knows.
    hint: str = ""
    # Until when the payer can approve it at the latest, where the provider has said that it holds it.
    until_ms: int | None = None
    # Nothing of it has left yet, so that whoever began it may still withdraw it.
    can_withdraw: bool = False
    # What the payer gave where the merchant asked for something, such as a table number.
    given: str = ""
    # The code the merchant is paid under, so that they can be paid again.
    merchant_code: str = ""


class Recognised(msgspec.Struct, frozen=True):
    """What a code is, one of: the merchant it belongs to, the actor's own order, or a payment of a merchant
    that the actor works for in the role `staff_id`."""

    merchant: MerchantCard | None = None
    order: OrderView | None = None
    staff_id: str = ""


class Debit(msgspec.Struct, frozen=True):
    """What the actor's own auto-debits make of a request to their wallet: nothing where `of` is empty.

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
    """A chat linked to the actor's number. `kind`: telegram or web; `seen_ms`: when it spoke last."""

    id: str
    kind: str
    seen_ms: int


class Claimed(msgspec.Struct, frozen=True):
    """The role a one-time code stands for. `refused`: code (wrong or run out), tries."""

    staff_id: str = ""
    merchant: Name = ""
    refused: str = ""


class NewLinkCode(msgspec.Struct, frozen=True):
    """A code that links a chat, and for how long it is good."""

    code: str
    minutes: int


class NewRole(msgspec.Struct, frozen=True):
    """A role that nobody took up yet, and the code to take it up with."""

    code: str
    days: int


class Linked(msgspec.Struct, frozen=True):
    """The number that was linked. `refused`: code (wrong or run out), tries."""

    msisdn: Msisdn = ""
    refused: str = ""


class Done(msgspec.Struct, frozen=True):
    """Whether it was done. `ok` False: somebody else was faster."""

    ok: bool = True


class PaymentMessages(msgspec.Struct, frozen=True):
    """Whether a role hears of each payment, and from which hour to which not: the same twice, never."""

    on: bool = False
    quiet_from: int = 0
    quiet_until: int = 0


class PinAnswer(msgspec.Struct, frozen=True):
    """`refused`: wrong_pin, locked, not_allowed; empty where the PIN is right."""

    refused: str = ""
    tries_left: int = 0


class ChosenPin(msgspec.Struct, frozen=True):
    """The slow hash of a PIN typed once. `refused`: easy (anybody would try it), not_allowed."""

    hash: str = ""
    refused: str = ""


class PinSet(msgspec.Struct, frozen=True):
    """`refused`: differs (typed otherwise the second time), gone, tries; empty where the PIN is kept."""

    refused: str = ""

    @property
    def ok(self) -> bool:
        return not self.refused


class ReceiptView(msgspec.Struct, frozen=True):
    """A paid payment as its receipt says it. `reference` is the network's own or, where it told none
    (`of_provider`), the provider's; `bill` whose bill it paid; `refunded` what was given back by now."""

    code: str
    amount: Money
    merchant: Name
    payer: Msisdn
    paid_ms: int
    reference: str = ""
    of_provider: bool = False
    bill: str = ""
    refunded: Money | None = None
    # What the merchant asked for, and what the payer gave.
    asked_for: str = ""
    given: str = ""


class FoundPayment(msgspec.Struct, frozen=True):
    """A payment of the merchant. `refundable` None: nothing of it can be given back here. `receipt` None: it
    is not paid."""

    order: OrderView
    refundable: Money | None = None
    can_note: bool = False
    # How many letters a message to its payer has, beside the merchant's name. A payment that was found by an
    # earlier release leaves room for any name.
    note_most: int = 100
    receipt: ReceiptView | None = None


class AgreementView(msgspec.Struct, frozen=True):
    """An agreement as its people may see it. `kind`: preapproval or invoice. `state` as the store has it,
    in lower case. `amount`: an invoice's, or the most one debit may take. `every`: day, week or month
    where debits are rarer than that is refused. `left` is what a debit may take now; None: not yet again.
    """

    id: str
    kind: str
    code: str
    state: str
    merchant: Name
    payer: Msisdn
    amount: Money
    until_ms: int | None = None
    every: str = ""
    left: Money | None = None
    payment_reference: str = ""
    description: str = ""


class ApprovalView(msgspec.Struct, frozen=True):
    """Something a colleague asked for that needs a second person. `kind` is the order's."""

    id: str
    kind: str
    amount: Money
    to: Msisdn
    asked_by: Name
    about: str = ""  # the code of the payment a refund gives back
    at_ms: int = 0


class OpenedApproval(msgspec.Struct, frozen=True):
    """An approval that the actor opened, and the role to decide it in. `refused`: gone (none of theirs to
    decide), own, locked, not_available; approved and refused, `by` somebody; expired. `approval` is shown to
    whoever may decide such, also once it is over."""

    role: Role | None = None
    approval: ApprovalView | None = None
    refused: str = ""
    by: Name = ""


class PayoutView(msgspec.Struct, frozen=True):
    """Money that left the merchant, or waits to. `asked_by` is empty for what goes back by itself,
    `approved_by` where no second person was needed; `waits`: that one has not decided yet."""

    id: str
    code: str
    kind: OrderKind
    state: OrderState
    amount: Money
    to: Msisdn
    asked_by: Name
    at_ms: int
    approved_by: Name = ""
    reason: Reason | None = None
    waits: bool = False


class DetailsAsked(msgspec.Struct, frozen=True):
    """`refused`: not_allowed, not_available, number, unknown; else `id` names what was asked."""

    id: str = ""
    refused: str = ""


class DetailLine(msgspec.Struct, frozen=True):
    """One thing a person shares: `label` names its words (`details.<label>`)."""

    label: str
    value: str


class Details(msgspec.Struct, frozen=True):
    """`state`: waiting, given, shown (once already), refused, expired, not_available. `lines` only where
    given."""

    state: str
    lines: tuple[DetailLine, ...] = ()


class Noted(msgspec.Struct, frozen=True):
    """`refused`: not_allowed, too_early, too_late, not_available."""

    refused: str = ""


class LockedRole(msgspec.Struct, frozen=True):
    staff_id: str
    name: Name
    role: str


class PayoutSwitch(msgspec.Struct, frozen=True):
    """Whether money may leave, since when, who said so, and why. `refused`: unsigned (no who, or no why)."""

    off: bool = False
    since_ms: int | None = None
    by: str = ""
    reason: str = ""
    refused: str = ""


class SettledByHand(msgspec.Struct, frozen=True):
    """`refused`: unsigned (no who, or no why), gone, bill, given_back, final, contradicted; else the order is
    settled. `heard`: what the provider said of it."""

    refused: str = ""
    heard: str = ""


class BankView(msgspec.Struct, frozen=True):
    code: str
    name: str
