"""Amounts, phone numbers, order codes and the order life cycle: pure values and rules, no I/O."""

from bot.money.agreements import (
    ENDED,
    EVERY,
    AgreementKind,
    AgreementState,
    after_order,
    may_become,
)
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
from bot.money.codes import LEAST_MERCHANT_CODE, ORDER_CODE_BYTES, code_from_bytes, read_code
from bot.money.numbers import (
    Msisdn,
    calling_code,
    is_anonymous,
    knows_region,
    mask_msisdn,
    parse_msisdn,
    parse_wallet,
    region_of,
    show_local,
)
from bot.money.orders import FINAL, OPEN, PAYOUTS, OrderKind, OrderState, Reason, Source, Verdict, judge
from bot.money.pins import is_weak_pin
from bot.money.roles import Right, StaffRole, rights_of
from bot.money.rules import AmountRule, NumberRule
from bot.money.signs import without_sign
from bot.money.terms import OrderDetails

__all__ = [
    "ORDER_CODE_BYTES",
    "LEAST_MERCHANT_CODE",
    "ENDED",
    "EVERY",
    "EXPONENTS",
    "FINAL",
    "OPEN",
    "PAYOUTS",
    "AgreementKind",
    "AgreementState",
    "AmountProblem",
    "AmountRule",
    "Money",
    "Msisdn",
    "NumberRule",
    "OrderKind",
    "OrderState",
    "Reason",
    "Right",
    "Source",
    "StaffRole",
    "OrderDetails",
    "Verdict",
    "after_order",
    "calling_code",
    "code_from_bytes",
    "exponent_of",
    "from_major",
    "is_anonymous",
    "is_weak_pin",
    "judge",
    "knows_region",
    "mask_msisdn",
    "may_become",
    "parse_amount",
    "parse_msisdn",
    "parse_wallet",
    "read_code",
    "region_of",
    "rights_of",
    "show_amount",
    "show_local",
    "to_major",
    "without_sign",
]
