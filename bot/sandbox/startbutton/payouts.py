"""What becomes of money that leaves a Startbutton merchant's wallet: transfers and refunds.

What was asked for is no longer available from then on, and leaves the ledger when it arrives, so the same
money is never promised twice. Source: Startbutton documentation, transfers and refunds.
"""

from decimal import Decimal

from bot.sandbox.books import OUTSIDE, handset_holder, purse_of
from bot.sandbox.model import Entry, Step
from bot.sandbox.startbutton.checks import FAILING_NUMBERS
from bot.sandbox.startbutton.events import (
    CHARGE,
    FAILED,
    PENDING,
    REFUND,
    REVERSED,
    SUCCESSFUL,
    TRANSFER,
    VERIFIED,
)
from bot.sandbox.world import World


def wallet_of(account: str) -> str:
    """The holder name of a merchant's wallet."""
    return f"startbutton:{account}"


def available(world: World, account: str, currency: str) -> Decimal:
    """What can be spent: neither charges that have not settled, nor payouts that are under way."""
    bound = Decimal(0)
    for entry in world.entries.values():
        if (entry.provider, entry.account, entry.currency) != ("startbutton", account, currency):
            continue
        if (entry.kind, entry.status) == (CHARGE, VERIFIED):
            bound += entry.amount - entry.refunded
        elif entry.kind != CHARGE and entry.status == PENDING:
            bound += entry.amount
    return world.merchant_balance(wallet_of(account), currency) - bound


def take_up(world: World, entry: Entry) -> None:
    """Set out what happens to a payout. Whether the wallet covers it was looked at before."""
    faults, times = world.faults.over(entry.knobs), world.config.startbutton
    if entry.kind == REFUND:
        outcome: str = faults.refund_outcome
        after_s = times.refund_s
    else:
        fails = entry.msisdn in FAILING_NUMBERS and entry.msisdn not in world.handsets
        rule = FAILED if fails else SUCCESSFUL
        outcome = rule if faults.transfer_outcome == "rule" else faults.transfer_outcome
        after_s = times.transfer_s
    entry.timeline = [] if outcome == "pending" else [Step(entry.created_at + after_s, outcome)]


def apply(world: World, entry: Entry, step: Step) -> bool:
    """Carry out a step; whether there is an event that tells of it."""
    if step.status == SUCCESSFUL:
        if not world.pay_out(entry):
            step = Step(step.at, FAILED, "insufficient funds")  # a charge was reversed meanwhile
        elif entry.kind == REFUND:
            _count_refund(world, entry)
    elif entry.status == SUCCESSFUL and not _fetch_back(world, entry):
        return False  # the payee has spent it: what was paid stays paid
    entry.status, entry.reason = step.status, step.reason
    entry.updated_at = max(step.at, entry.created_at)
    entry.final_at = entry.final_at or entry.updated_at
    faults = world.faults.over(entry.knobs)
    if step.status == SUCCESSFUL and entry.kind == TRANSFER and faults.reverse_after_s >= 0:
        entry.timeline = [Step(step.at + faults.reverse_after_s, REVERSED)]
    return entry.kind == TRANSFER or faults.refund_events


def refundable(world: World, charge: Entry) -> Decimal:
    """What of a charge has not been given back, nor been asked for."""
    asked = (
        entry.amount
        for entry in world.entries.values()
        if entry.kind == REFUND and entry.detail["about"] == charge.seq and entry.final_at is None
    )
    return charge.amount - charge.refunded - sum(asked, Decimal(0))


def _count_refund(world: World, entry: Entry) -> None:
    charge = world.entries.get(entry.detail["about"])
    if charge is not None:
        charge.refunded += entry.amount
        world.keep_entry(charge)


def _fetch_back(world: World, entry: Entry) -> bool:
    """Take a transfer that arrived from its payee; False if that has too little left."""
    handset = world.handsets.get(entry.msisdn or "")
    if handset is not None:
        left = handset.balances.get(entry.currency, Decimal(0)) - entry.amount
        if left < 0:
            return False
        handset.balances[entry.currency] = left
        world.keep_handset(handset)
    holder = handset_holder(handset.msisdn) if handset is not None else OUTSIDE
    world.books.move(f"{entry.kind}_returned", entry.currency, entry.amount, holder, purse_of(entry))
    entry.returned = True
    return True
