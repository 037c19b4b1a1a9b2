"""Startbutton's words and units: statuses, networks, phone forms, factors. Tables only.

Source: reference/startbutton.md sections 2, 4 and 5, read November 2026.
"""

from typing import Final, NamedTuple

from bot.money import OrderState, Reason

__all__ = ["MARKETS", "STATUSES", "UNITS_PER_MAJOR", "UNSURE_FACTOR", "Market"]

# Wire units per major unit. Startbutton counts hundredths of every currency: its published limits make
# no sense otherwise, also where ISO 4217 has no decimals. Those are our reading, so an account in one
# of them is offered only after somebody asked the provider (`Account.factor_confirmed`).
UNITS_PER_MAJOR: Final[dict[str, int]] = {
    "GHS": 100,
    "KES": 100,
    "NGN": 100,
    "RWF": 100,
    "TZS": 100,
    "UGX": 100,
    "XAF": 100,
    "XOF": 100,
    "ZAR": 100,
    "ZMW": 100,
}
UNSURE_FACTOR: Final = frozenset({"RWF", "UGX", "XAF", "XOF"})


class Market(NamedTuple):
    """How a currency's wallets are charged.

    `networks`: the provider codes, exactly as sent; empty where no code is sent. `local_prefix`: the
    country code that becomes a 0 in the phone form, empty where the form is international.
    """

    networks: tuple[str, ...] = ()
    local_prefix: str = ""


# Only what the documentation shows; RWF and ZMW have pages nobody could read.
MARKETS: Final[dict[str, Market]] = {
    "GHS": Market(("MTN", "ATL", "VOD"), "+233"),
    "KES": Market(("mpesa",), "+254"),
    "TZS": Market(),
    "UGX": Market(),
    "XAF": Market(),
    "XOF": Market(("WAVE", "ORANGE", "MTN", "MOOV")),
}

# A status without a reason: none of these tells why. `successful` is `verified` settled later.
STATUSES: Final[dict[str, tuple[OrderState, Reason | None]]] = {
    "INITIATED": (OrderState.PENDING, None),
    "PENDING": (OrderState.PENDING, None),
    "ONGOING": (OrderState.PENDING, None),
    "PROCESSING": (OrderState.PENDING, None),
    "VERIFIED": (OrderState.SUCCESSFUL, None),
    "SUCCESSFUL": (OrderState.SUCCESSFUL, None),
    "ABANDONED": (OrderState.FAILED, Reason.EXPIRED),
    "EXPIRED": (OrderState.FAILED, Reason.EXPIRED),
    "FAILED": (OrderState.FAILED, Reason.OTHER),
    "DECLINED": (OrderState.FAILED, Reason.OTHER),
    "REVERSED": (OrderState.REVERSED, None),
}
