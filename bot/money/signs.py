"""How people write a currency beside an amount, besides its code. Pure."""

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["without_sign"]

# Another country's sign is not taken off: it says that something else was meant.
_SIGNS: Final[Mapping[str, tuple[str, ...]]] = {
    "EUR": ("€", "euros", "euro"),
    "GHS": ("GH₵", "GH¢", "GHC", "₵", "¢", "cedis", "cedi"),
    "GNF": ("FG", "francs", "franc"),
    "KES": ("KSh", "Ksh.", "Kshs", "Sh", "Shs", "shillings"),
    "LRD": ("L$", "$"),
    "NGN": ("₦", "N", "naira"),
    "RWF": ("FRw", "RF", "Frw.", "francs", "franc"),
    "SSP": ("SS£", "£"),
    "SZL": ("E", "L"),
    "TZS": ("TSh", "Tsh.", "Tshs", "Sh", "Shs", "shillings"),
    "UGX": ("USh", "Ush.", "Ushs", "Sh", "Shs", "shillings"),
    "USD": ("US$", "$"),
    "XAF": ("FCFA", "F CFA", "CFA", "F", "francs", "franc"),
    "XOF": ("FCFA", "F CFA", "CFA", "F", "francs", "franc"),
    "ZAR": ("R", "rand"),
    "ZMW": ("ZK", "K", "kwacha"),
}


def without_sign(text: str, currency: str) -> str:
    """Without the currency's sign, wherever it stands, and without the "/=" that means no cents. A letter
    alone stands in front only: 5K may be five kwacha or five thousand."""
    text = re.sub(r"(?<=\d)/[=-]$", "", text)
    signs = sorted(_SIGNS.get(currency, ()), key=len, reverse=True)
    if not signs:
        return text
    either = "|".join(re.escape(sign) for sign in signs)
    text = re.sub(rf"^([(+-]? ?)(?:{either}) ?(?=[\d(+-])", r"\1", text, count=1, flags=re.IGNORECASE)
    behind = "|".join(re.escape(sign) for sign in signs if sign == "F" or len(sign) > 1 or not sign.isalpha())
    if not behind:
        return text
    return re.sub(rf"(?<=[\d)]) ?(?:{behind})(\)?)$", r"\1", text, count=1, flags=re.IGNORECASE)
