"""Startbutton's words and units: statuses, networks, phone forms, limits, factors. Tables only.

Source: Startbutton's API documentation (several editions) and code of those who use it, read November 2026.
What these leave unsure is left out here, or asks for a setting.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from bot.money import OrderState, Reason
from bot.providers.base import EventTopic

__all__ = [
    "COUNTRIES",
    "MARKETS",
    "REFUND_STATUSES",
    "REFUND_UNITS",
    "STATUSES",
    "TOPICS",
    "TRANSFERS",
    "TRANSFER_STATUSES",
    "UNITS_PER_MAJOR",
    "UNSURE_FACTOR",
    "ZONES",
    "Market",
    "Statuses",
    "Transfers",
]

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

# One edition of the documentation counts a refund in the units above, another in whole ones.
REFUND_UNITS: Final = ("minor", "major")


class Market(NamedTuple):
    """How a currency's wallets are charged.

    `networks`: the provider codes, exactly as sent; empty where no code is sent. `local_prefix`: the
    country code that becomes a 0 in the phone form, empty where the form is international.
    `least` and `most`: the published limits of one charge, in wire units; None where none is published.
    """

    networks: tuple[str, ...] = ()
    local_prefix: str = ""
    least: int | None = None
    most: int | None = None


# RWF has a page nobody could read; the form of its neighbours is expected. ZMW stands in lists
# of currencies only and is left out.
MARKETS: Final[dict[str, Market]] = {
    "GHS": Market(("MTN", "ATL", "VOD"), "+233"),
    "KES": Market(("mpesa",), "+254"),
    "RWF": Market(),
    "TZS": Market(least=10_000, most=300_000_000),
    "UGX": Market(least=50_000, most=500_000_000),
    "XAF": Market(),
    "XOF": Market(("WAVE", "ORANGE", "MTN", "MOOV")),
}


# Currencies of more than one country; of the others the account's own.
ZONES: Final[dict[str, tuple[str, ...]]] = {
    "XAF": ("CM", "CF", "CG", "GA", "GQ", "TD"),
    "XOF": ("CI", "BF", "BJ", "GW", "ML", "NE", "SN", "TG"),
}


class Transfers(NamedTuple):
    """How money is paid out in a currency.

    `banks`: bank accounts too, not wallets alone. `mno`: the network's code where the order names none or
    the charge's one. `names_network`: whether a network is sent at all (for GHS none is needed).
    """

    banks: bool = False
    mno: str = ""
    names_network: bool = True


# The codes of the other networks are not documented, but for a list of the provider's (/bank/list).
TRANSFERS: Final[dict[str, Transfers]] = {
    "GHS": Transfers(banks=True, names_network=False),
    "KES": Transfers(banks=True, mno="MPESA"),
    "RWF": Transfers(),
    "TZS": Transfers(),
    "UGX": Transfers(),
    "XOF": Transfers(),
}

# A transfer names its country in English. Only Kenya is shown, and Benin, Togo and Senegal of the XOF
# countries; the others are spelled as usual.
COUNTRIES: Final[dict[str, str]] = {
    "BF": "Burkina Faso",
    "BJ": "Benin",
    "CI": "Cote d'Ivoire",
    "GH": "Ghana",
    "GW": "Guinea-Bissau",
    "KE": "Kenya",
    "ML": "Mali",
    "NE": "Niger",
    "RW": "Rwanda",
    "SN": "Senegal",
    "TG": "Togo",
    "TZ": "Tanzania",
    "UG": "Uganda",
}

Statuses: TypeAlias = Mapping[str, tuple[OrderState, Reason | None]]

# A status without a reason: none of these tells why. `successful` is `verified` settled later.
STATUSES: Final[Statuses] = {
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

# Of a transfer. `verified`, `abandoned` and `expired` are words of charges: here they say nothing, because
# who reads "failed" may pay once more.
TRANSFER_STATUSES: Final[Statuses] = {
    word: STATUSES[word]
    for word in (
        "INITIATED",
        "PENDING",
        "ONGOING",
        "PROCESSING",
        "SUCCESSFUL",
        "FAILED",
        "DECLINED",
        "REVERSED",
    )
}

# Of a refund no word is documented; these are the other calls' own. Any other is not final.
REFUND_STATUSES: Final[Statuses] = {
    word: TRANSFER_STATUSES[word]
    for word in ("INITIATED", "PENDING", "ONGOING", "PROCESSING", "SUCCESSFUL", "FAILED", "DECLINED")
}

# What an event is about, by the part of its name before the dot. Those of refunds are seen in users' code
# only; a conversion or a top-up is nobody's payment.
TOPICS: Final[dict[str, EventTopic]] = {
    "collection": EventTopic.PAYMENT,
    "transfer": EventTopic.TRANSFER,
    "refund": EventTopic.REFUND,
    "dispute": EventTopic.DISPUTE,
}
