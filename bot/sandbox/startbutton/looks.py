"""Startbutton's look-ups: transaction status, list, wallet, providers, banks.

Source: Startbutton documentation, transaction status and list, wallet, bank list.
"""

from datetime import UTC, datetime
from typing import Any

from bot.sandbox.config import StartbuttonAccount
from bot.sandbox.model import moment
from bot.sandbox.routing import Exchange
from bot.sandbox.startbutton.checks import Declined, list_providers
from bot.sandbox.startbutton.envelope import granted
from bot.sandbox.startbutton.events import CHARGE, REFUND, TRANSFER, build_transaction, to_minor
from bot.sandbox.startbutton.payout_checks import list_banks
from bot.sandbox.startbutton.payouts import available, wallet_of
from bot.sandbox.wire import Answer
from bot.sandbox.world import World

_MOST_LISTED = 100
_DAY_S = 86_400
_TYPES = {"collection": (CHARGE,), "transfer": (TRANSFER,)}


def show_status(world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
    """A transaction by their reference or the merchant's."""
    entry = world.find_entry("startbutton", account.name, ex.params["reference"])
    if entry is None or entry.kind == REFUND:
        raise Declined(404, "transaction not found")
    ex.reference = entry.reference
    faults = world.faults.over(entry.knobs | ex.knobs)
    entry.status_gets += 1
    if entry.status_gets <= faults.status_not_found_first:
        raise Declined(404, "transaction not found")
    data = {"transaction": build_transaction(entry, faults), "authorizationCode": None}
    return granted(faults, "transaction fetched", data)


def list_all(world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
    """The account's transactions, newest first, filtered by the query."""
    query = ex.query
    start, end = _day(query.get("startDate"), end=False), _day(query.get("endDate"), end=True)
    skip, limit = _count(query, "skip", 0), _count(query, "limit", 20)
    wanted = query.get("transType")
    kinds = _TYPES.get(wanted, ()) if wanted else (CHARGE, TRANSFER)
    found = [
        build_transaction(entry, world.faults.over(entry.knobs))
        for entry in reversed(world.entries.values())
        if entry.provider == "startbutton"
        and entry.account == account.name
        and entry.kind in kinds
        and query.get("status") in (None, "", entry.status)
        and query.get("currency") in (None, "", entry.currency)
        and (start is None or entry.created_at >= start)
        and (end is None or entry.created_at < end)
    ]
    return granted(ex.faults, "transactions fetched", found[skip : skip + min(limit, _MOST_LISTED)])


def show_wallet(world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
    """One entry per currency, in hundredths: verified money is in the ledger, settled money available."""
    holder, stamp = wallet_of(account.name), moment(world.now())
    currencies = {*account.balance, *(book.currency for book in world.books.of(holder))}
    wallets = [
        {
            "_id": f"{number + 1:024x}",
            "currency": currency,
            "availableBalance": to_minor(available(world, account.name, currency)),
            "ledgerBalance": to_minor(world.merchant_balance(holder, currency)),
            "createdAt": stamp,
            "updatedAt": stamp,
            "__v": 0,
        }
        for number, currency in enumerate(sorted(currencies))
    ]
    return granted(ex.faults, "wallets fetched", wallets)


def show_providers(world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
    """Provider codes of a currency or country."""
    return granted(ex.faults, "providers fetched", list_providers(ex.params["code"]))


def show_banks(world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
    """Banks or mobile-money networks of a currency, where money can be paid out."""
    query = ex.query
    found = list_banks(ex.params["currency"], query.get("type", ""), query.get("country", ""))
    return granted(ex.faults, "banks fetched", found)


def _count(query: Any, name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Declined(400, f"{name} must be a whole number")
    return int(text)


def _day(text: str | None, *, end: bool) -> float | None:
    """Epoch seconds of a date or moment; a bare end date includes its whole day."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
        start = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Declined(400, "dates must be ISO 8601") from None
    return start + (_DAY_S if len(text) == 10 else 0.000_001) if end else start
