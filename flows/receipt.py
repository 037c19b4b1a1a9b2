"""A receipt's lines, the same on every screen, in every chat and in an SMS. Pure."""

from bot.dialog import Moment, Number, Text
from bot.dialog.views import ReceiptView
from flows.closing import lines_of

__all__ = ["receipt_text"]


def receipt_text(receipt: ReceiptView) -> Text:
    """When, how much, to whom, from which wallet, and the references it is found by. The number is masked:
    a receipt is shown to others."""
    lines = [Text("receipt.when", {"when": Moment(receipt.paid_ms)})]
    if receipt.bill:
        lines.append(Text("receipt.bill", {"amount": receipt.amount, "bill": receipt.bill}))
    else:
        lines.append(Text("receipt.merchant", {"amount": receipt.amount, "merchant": receipt.merchant}))
    if receipt.given:
        lines.append(Text("receipt.given", {"name": receipt.asked_for, "given": receipt.given}))
    lines.append(Text("receipt.payer", {"payer": Number(receipt.payer)}))
    if receipt.refunded is not None:
        lines.append(Text("receipt.refunded", {"amount": receipt.refunded}))
    lines.append(Text("receipt.code", {"code": receipt.code}))
    if receipt.reference:
        whose = "receipt.provider" if receipt.of_provider else "receipt.network"
        lines.append(Text(whose, {"reference": receipt.reference}))
    return Text("receipt.shown", {"lines": lines_of(lines)})
