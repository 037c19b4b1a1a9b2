"""The effects of staff: what they want for their merchant, and what comes back. See `flows.effects`.

Every effect names the role it is done in; the operation checks again that the role is the actor's own, is
not locked and has the right to it. Over USSD a right `CheckPin` comes directly before.
"""

from typing import Any, ClassVar

from bot.dialog import Act, Look, SecretAct
from bot.dialog.views import (
    AgreementView,
    ApprovalView,
    BankView,
    ChosenPin,
    Details,
    DetailsAsked,
    Done,
    FoundPayment,
    LockedRole,
    Noted,
    OpenedApproval,
    OrderView,
    PaymentMessages,
    PayoutView,
    PinAnswer,
    PinSet,
)
from bot.money import Money, Msisdn

__all__ = [
    "AskDetails",
    "Banks",
    "CancelInvoice",
    "ChangePin",
    "ChargeUnder",
    "CheckPin",
    "ChoosePaymentMessages",
    "ChoosePin",
    "DecideApproval",
    "EnrolStaff",
    "FindPayment",
    "LatestPayments",
    "LockedStaff",
    "MakeInvoice",
    "MyAgreements",
    "OpenApproval",
    "PayOut",
    "PaymentMessagesOf",
    "PayoutsOf",
    "Refund",
    "SeeDetails",
    "SendNote",
    "AgreementsOf",
    "Unlock",
    "WaitingApprovals",
    "Withdraw",
]


class CheckPin(SecretAct[PinAnswer], frozen=True):
    """Whether the staff PIN is right; the secret is the PIN. Three wrong ones lock the role everywhere."""

    staff_id: str
    result: ClassVar[Any] = PinAnswer


class ChoosePin(SecretAct[ChosenPin], frozen=True):
    """Whether a PIN may be a role's new one; the secret is the PIN. Nothing is kept of it but the hash."""

    staff_id: str
    result: ClassVar[Any] = ChosenPin


class EnrolStaff(SecretAct[PinSet], frozen=True):
    """Take up a claimed role from this address; the secret is its PIN again, `first` the hash of it."""

    staff_id: str
    first: str
    result: ClassVar[Any] = PinSet


class ChangePin(SecretAct[PinSet], frozen=True):
    """Take another PIN for a role of one's own; the secret is the PIN again, `first` the hash of it."""

    staff_id: str
    first: str
    result: ClassVar[Any] = PinSet


class FindPayment(Look[FoundPayment | None], frozen=True):
    """The merchant's payment with this order code, None where there is none."""

    staff_id: str
    code: str
    result: ClassVar[Any] = FoundPayment | None


class LatestPayments(Look[tuple[OrderView, ...]], frozen=True):
    """The merchant's latest payments, newest first, five at the most."""

    staff_id: str
    result: ClassVar[Any] = tuple[OrderView, ...]


class PayoutsOf(Look[tuple[PayoutView, ...]], frozen=True):
    """Money that left the merchant within 30 days, or waits for a second person: the latest nine."""

    staff_id: str
    result: ClassVar[Any] = tuple[PayoutView, ...]


class SendNote(Act[Noted], frozen=True):
    """Have the provider send the payer of a successful payment one more message."""

    staff_id: str
    order_id: str
    text: str
    result: ClassVar[Any] = Noted


class Refund(Act[OrderView], frozen=True):
    """Give a payment back, or part of it. Waits for a second person above the merchant's limit."""

    staff_id: str
    order_id: str
    amount: Money
    result: ClassVar[Any] = OrderView


class PayOut(Act[OrderView], frozen=True):
    """Send the merchant's money to a wallet, or to a bank account where `bank_code` is given.

    `deposit`: by the provider's deposit instead of its transfer.
    """

    staff_id: str
    amount: Money
    payee: Msisdn = ""
    network: str = ""
    deposit: bool = False
    bank_code: str = ""
    account_number: str = ""
    result: ClassVar[Any] = OrderView


class Withdraw(Act[OrderView], frozen=True):
    """Ask a customer to approve that wallet money comes to the merchant, who hands out cash. `unasked`: of
    the actor's own wallet, agreed to without a PIN."""

    staff_id: str
    amount: Money
    payer: Msisdn
    unasked: bool = False
    result: ClassVar[Any] = OrderView


class ChargeUnder(Act[OrderView], frozen=True):
    """Debit a customer under an auto-debit, within its limits."""

    staff_id: str
    agreement_id: str
    amount: Money
    result: ClassVar[Any] = OrderView


class MakeInvoice(Act[OrderView], frozen=True):
    """Send a customer an invoice that stands for so many days."""

    staff_id: str
    payer: Msisdn
    amount: Money
    description: str
    days: int
    result: ClassVar[Any] = OrderView


class CancelInvoice(Act[OrderView], frozen=True):
    """End an invoice that stands."""

    staff_id: str
    agreement_id: str
    result: ClassVar[Any] = OrderView


class AgreementsOf(Look[tuple[AgreementView, ...]], frozen=True):
    """The merchant's agreements of a kind (preapproval, invoice) that stand, newest first, nine at most."""

    staff_id: str
    kind: str
    result: ClassVar[Any] = tuple[AgreementView, ...]


class AskDetails(Act[DetailsAsked], frozen=True):
    """Ask a customer, on the phone, to share their details with the merchant."""

    staff_id: str
    msisdn: Msisdn
    result: ClassVar[Any] = DetailsAsked


class SeeDetails(Look[Details], frozen=True):
    """What the customer agreed to share, once they did. Nothing of it is kept that is not shown."""

    staff_id: str
    asked_id: str
    result: ClassVar[Any] = Details


class WaitingApprovals(Look[tuple[ApprovalView, ...]], frozen=True):
    """What colleagues asked for and this role may approve, oldest first, nine at most."""

    staff_id: str
    result: ClassVar[Any] = tuple[ApprovalView, ...]


class OpenApproval(Look[OpenedApproval], frozen=True):
    """One of them, by the id that a message's button named; as whatever role of the actor's may decide it."""

    approval_id: str
    result: ClassVar[Any] = OpenedApproval


class DecideApproval(Act[OrderView], frozen=True):
    """Approve or refuse. `refused` of the view: too_late, own, and whatever refuses the order itself;
    `declined` where it was refused as wished."""

    staff_id: str
    approval_id: str
    approve: bool
    result: ClassVar[Any] = OrderView


class LockedStaff(Look[tuple[LockedRole, ...]], frozen=True):
    """Colleagues whose staff PIN is locked."""

    staff_id: str
    result: ClassVar[Any] = tuple[LockedRole, ...]


class Unlock(Act[Done], frozen=True):
    """Let a colleague's staff PIN be tried again."""

    staff_id: str
    locked_id: str
    result: ClassVar[Any] = Done


class Banks(Look[tuple[BankView, ...]], frozen=True):
    """Banks the merchant's account can pay out to; empty where it pays out to wallets only."""

    staff_id: str
    result: ClassVar[Any] = tuple[BankView, ...]


class MyAgreements(Look[tuple[AgreementView, ...]], frozen=True):
    """The actor's own: auto-debits of their number, or invoices meant for it, standing ones only."""

    kind: str
    result: ClassVar[Any] = tuple[AgreementView, ...]


class PaymentMessagesOf(Look[PaymentMessages], frozen=True):
    """Whether the role hears of each payment to its merchant."""

    staff_id: str
    result: ClassVar[Any] = PaymentMessages


class ChoosePaymentMessages(Act[Done], frozen=True):
    """Hear of each payment or not, and in which hours not."""

    staff_id: str
    on: bool
    quiet_from: int = 0
    quiet_until: int = 0
    result: ClassVar[Any] = Done
