"""What an order becomes when the provider has answered, or has not. Pure: outcomes in, changes out.

The rules of money truth meet here: accepted is not paid, a lost reply is asked about and never taken
for a failure, a status is believed only if amount, currency and party are ours, nothing final moves.
`replies` decides about our own requests, `status` about what a poll finds, `transitions` writes down what
either decided, `follow_ups` what else it causes.
"""

from bot.orders.rules.context import Listener, SettlementContext
from bot.orders.rules.replies import (
    OTP_TRIES,
    Answered,
    after_otp,
    after_request,
    give_up,
    may_give_up,
    may_withdraw,
    stopped,
    withdrawn,
)
from bot.orders.rules.status import (
    after_recheck,
    after_silence,
    after_status,
    by_operator,
    mismatch,
    misnamed,
    upheld,
)
from bot.orders.rules.transitions import Settled, applied, staff_told

__all__ = [
    "Listener",
    "OTP_TRIES",
    "Answered",
    "SettlementContext",
    "Settled",
    "after_otp",
    "after_recheck",
    "after_request",
    "after_silence",
    "after_status",
    "applied",
    "by_operator",
    "give_up",
    "may_give_up",
    "may_withdraw",
    "mismatch",
    "misnamed",
    "staff_told",
    "stopped",
    "upheld",
    "withdrawn",
]
