"""What the sentences of the catalogue are filled with, as long as it comes."""

from collections.abc import Mapping
from typing import Final

from bot.cli.screens.conversations import AMOUNT, CODE, MERCHANT, PAYER
from bot.dialog import Moment, Number, Text, Value
from bot.money import Money

__all__ = ["SAMPLES", "SHORT_CODE"]

SHORT_CODE: Final = "*920*1234#"
SAMPLES: Final[Mapping[str, Value]] = {
    "bill": "Ghana Water",
    "state": Text("agreement.unresolved"),
    "held": Text("state.not_done"),
    "said": Text("state.undone"),
    "amount": AMOUNT,
    "currency": "XOF",
    "merchant": MERCHANT,
    "payer": Number(PAYER, masked=False),
    "number": Number(PAYER, masked=False),
    "name": "Marie-Antoinette K.",
    "payee": Number(PAYER),
    "to": Number(PAYER),
    "by": "Marie-Antoinette K.",
    "kind": Text("kind.refund"),
    "description": "Two tables on Sunday, with live music th",
    "until": Moment(1_798_761_540_000, day=True),
    "reference": "ABCDEFGH1234",
    "reason": Text("reason.operator_error"),
    "code": CODE,
    "short_code": SHORT_CODE,
    "least": Money(100_000, "XOF"),
    "most": AMOUNT,
    "paid": CODE,
    "count": 1000,
    "when": Moment(1_798_761_540_000, hour=True),
    "since": Moment(1_798_761_540_000, seen_ms=0),
    "payments": Text("count.many", {"count": 1000}),
    "every": Text("every.month"),
    "stop": Text("wallet.stop_dial", {"short_code": SHORT_CODE}),
    "below": AMOUNT,
    "above": AMOUNT,
    "begins": "+225",
    "minutes": 10,
    "tries": 3,
    "link": "https://t.me/kasapay_bot",
}
