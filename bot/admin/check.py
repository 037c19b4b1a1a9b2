"""`kasapay check`: what is wrong with the settings, and with what they lead to, all at once."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

from bot.channels.catalogue import drafts, native_name
from bot.channels.telegram import (
    TelegramChannel,
    connection_error,
    set_up,
    webhook_address,
    webhook_problem,
)
from bot.channels.ussd import GATEWAYS
from bot.money import PAYOUTS, OrderKind
from bot.orders.provider_calls import Calls
from bot.providers import PROVIDERS, Account, ProviderError, Sender, check_account
from bot.providers.accounts import Accounts
from bot.providers.base import HintCallback, ShowsBalance, WarnsOperator, able
from bot.runtime.keys import Sealer
from bot.runtime.logs import configure_logs
from bot.settings.insecure_values import readable_files
from bot.settings.settings import ENV_FILE, Settings, offered_languages
from bot.store import StoreUnavailable, damaged, sqlite_path, sqlite_store

__all__ = ["check_here", "gateway_doors", "open_doors", "warnings_of"]

_TRY_S: Final = 20.0


async def check_here(settings: Settings) -> list[str]:
    """Every problem found, as sentences for the operator; moves no money and changes nothing but Telegram's
    webhook, which is set as `serve` would set it."""
    configure_logs("CRITICAL", sys.stderr)  # what went wrong is in the sentences
    found = _on_paper(settings) + open_doors(settings)
    tried = await asyncio.gather(_database(settings), _accounts(settings), _telegram(settings))
    for problems in tried:
        found += problems
    return found


def _on_paper(settings: Settings) -> list[str]:
    found = []
    if not settings.secret_key.get_secret_value():
        found.append("SECRET_KEY is not set; make one with: openssl rand -hex 32")
    if not settings.accounts:
        names = ", ".join(f"{name.upper()}_..." for name in PROVIDERS)
        found.append(f"No provider account is configured: set {names} or KASAPAY_CONFIG.")
    telegram = settings.telegram_token.get_secret_value()
    if not settings.gateways and not telegram:
        found.append("Nobody can reach us: set USSD_GATEWAYS with USSD_SECRET, or TELEGRAM_TOKEN.")
    if not settings.public_url and any(map(_calls_back, settings.accounts)):
        found.append("PUBLIC_URL is not set: no callback can reach us, and results come by asking only.")
    if settings.gateways and not settings.africastalking_username:
        found.append("No SMS sender is configured: USSD payers learn the result only in a linked chat.")
    for account in settings.accounts:
        found += [f"Account {account.id}: {problem}" for problem in check_account(account)]
    return found


def open_doors(settings: Settings) -> list[str]:
    """What `serve` starts with all the same and says in its log: nobody has decided that it is to be so."""
    return readable_files(ENV_FILE, settings.kasapay_config) + [
        f"Account {account.id} can pay out without limit: set PAYOUT_LIMITS, such as"
        ' "number_day=1000 merchant_day=5000 total_day=20000" (payout_limits in a file), or none.'
        for account in settings.accounts
        if _pays_out(account) and not account.payout_limits and not account.payouts_unlimited
    ]


def _calls_back(account: Account) -> bool:
    """Whether its provider is told with each order where to call back."""
    adapter = PROVIDERS.get(account.provider)
    return adapter is not None and isinstance(adapter.callback, HintCallback)


def gateway_doors(settings: Settings) -> list[str]:
    """Where each gateway brings its requests to, for the operator to tell it."""
    base = settings.public_url.rstrip("/") or "our address"
    return [
        f"Gateway {given.name}: {' or '.join(sorted(GATEWAYS[given.name].manners.methods))}"
        f" {base}/ussd/{given.name}/<its secret>, from {' '.join(given.allow) or 'any address'}."
        for given in settings.gateways
    ]


def _pays_out(account: Account) -> bool:
    adapter = PROVIDERS.get(account.provider)
    return adapter is not None and not check_account(account) and bool(adapter.kinds(account) & PAYOUTS)


def warnings_of(settings: Settings) -> list[str]:
    """What works and should be thought about once more, as sentences for the operator."""
    found = [
        f"LANGUAGES offers {native_name(name)} ({name}), a draft that no native speaker has signed yet."
        for name in drafts(offered_languages(settings))
    ]
    for account in settings.accounts:
        adapter = PROVIDERS.get(account.provider)
        if adapter is None or check_account(account):
            continue
        if account.payouts_unlimited and _pays_out(account):
            found.append(f"Account {account.id} pays out without limit, as PAYOUT_LIMITS=none says.")
        if (warns := able(adapter, WarnsOperator)) is not None:
            found += [f"Account {account.id}: {warning}" for warning in warns.warnings(account)]
    return found


async def _database(settings: Settings) -> list[str]:
    path = sqlite_path(settings.database_url)
    if path is None:
        return ["DATABASE_URL must begin with sqlite:///."]
    if not Path(path).exists():
        return [f"The database {path} does not exist yet: run `kasapay migrate`."]
    store = sqlite_store(path, clock=lambda: 0, owner=False)
    try:
        await store.open()
        if faults := await store.examine():
            return [f"The database cannot be used: {damaged('; '.join(faults))}."]
        lost = sorted(await store.open_accounts() - {a.id for a in settings.accounts})
        accounts = Accounts(settings.accounts, PROVIDERS)
        return [
            *(f"Open orders need the account {name}, which is not configured." for name in lost),
            *(
                f"Open orders of the account {name} belong to {place}, and it leads to"
                f" {accounts.place(name)} now: they are neither sent nor asked about there."
                for name, place in sorted(await store.open_places())
                if name in accounts and not accounts.leads_to(name, place)
            ),
        ]
    except StoreUnavailable as error:
        return [f"The database cannot be used: {error}."]
    finally:
        await store.close()


async def _accounts(settings: Settings) -> list[str]:
    """Ask each account for its balance, by each product's keys: that needs working ones and moves nothing."""
    ready = [account for account in settings.accounts if not check_account(account)]
    if not ready:
        return []
    sender = Sender()
    calls = Calls(Accounts(ready, PROVIDERS), sender, Sealer("check" * 8), "")
    try:
        able = [a for a in ready if calls.accounts.can(a.id, ShowsBalance)]
        collecting = [a for a in able if OrderKind.COLLECTION in calls.accounts.kinds(a.id)]
        # Where an account only pays out, its balance is that of the wallet that does.
        tried = [(a, "keys") for a in able] + [(a, "payout keys") for a in collecting]
        answers = await asyncio.gather(
            *(calls.balance(a.id, _TRY_S) for a in able),
            *(calls.payout_balance(a.id, _TRY_S) for a in collecting),
        )
    finally:
        await sender.aclose()
    return [
        f"Account {account.id}: the provider did not take our {keys} or did not answer ({_told(answer)})."
        for (account, keys), answer in zip(tried, answers, strict=True)
        if isinstance(answer, ProviderError)
    ]


def _told(error: ProviderError) -> str:
    return error.provider_code or error.detail or type(error).__name__


async def _telegram(settings: Settings) -> list[str]:
    token = settings.telegram_token.get_secret_value()
    if not token:
        return []
    channel = TelegramChannel(token, settings.telegram_api_url)
    try:
        await channel.username()
    except Exception as error:
        await channel.close()
        return [f"Telegram did not take our token or did not answer: {connection_error(error)}."]
    try:
        return await _webhook(settings, channel) if settings.telegram_mode == "webhook" else []
    except Exception as error:
        return [f"Telegram does not take our webhook: {connection_error(error)}."]
    finally:
        await channel.close()


async def _webhook(settings: Settings, channel: TelegramChannel) -> list[str]:
    """How the webhook fares; where it is not set to us yet, whether Telegram takes it, as at every start."""
    info = await channel.bot.call("getWebhookInfo")
    address = webhook_address(settings.public_url)
    if isinstance(info, dict) and info.get("url") == address:
        problem = webhook_problem(info, address, int(time.time()))
        return [f"{problem}."] if problem else []
    secret = settings.telegram_webhook_secret.get_secret_value()
    await set_up(channel.bot, "webhook", public_url=settings.public_url, secret=secret)
    return []
