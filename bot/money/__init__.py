"""Amounts, phone numbers, order codes and the order life cycle: pure values and rules, no I/O."""

from bot.money.amounts import (
    EXPONENTS,
    AmountProblem,
    Money,
    exponent_of,
    from_major,
    parse_amount,
    show_amount,
    to_major,
)
from bot.money.codes import code_from_bytes, read_code
from bot.money.numbers import Msisdn, knows_region, mask_msisdn, parse_msisdn, region_of, show_local
from bot.money.orders import FINAL, OPEN, OrderKind, OrderState, Reason, Source, Verdict, judge

__all__ = [
    "EXPONENTS",
    "FINAL",
    "OPEN",
    "AmountProblem",
    "Money",
    "Msisdn",
    "OrderKind",
    "OrderState",
    "Reason",
    "Source",
    "Verdict",
    "code_from_bytes",
    "exponent_of",
    "from_major",
    "judge",
    "knows_region",
    "mask_msisdn",
    "parse_amount",
    "parse_msisdn",
    "read_code",
    "region_of",
    "show_amount",
    "show_local",
    "to_major",
]
