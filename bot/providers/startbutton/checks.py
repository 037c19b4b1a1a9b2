"""What an operator must mend before a Startbutton account can be used. Pure: settings in, sentences out."""

import re

from bot.providers.checks import base_url_problem, key_problems
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.providers.startbutton.words import COUNTRIES, MARKETS, REFUND_UNITS, TRANSFERS, UNSURE_FACTOR

__all__ = ["problems_of"]


def problems_of(account: StartbuttonAccount) -> list[str]:
    """One sentence each; none names a key or a number."""
    found = base_url_problem(account.base_url)
    found += key_problems({"public key": account.public_key, "secret key": account.secret_key})
    if account.public_key and account.public_key == account.secret_key:
        found.append("The public key and the secret key are the same.")
    if account.sign_key:
        found += key_problems({"sign key": account.sign_key})
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", account.email):
        found.append("An e-mail address is missing: charges carry it in place of the payer's own.")
    if account.wire_currency not in ("", account.currency):
        found.append("Startbutton takes the account's own currency; no other can be sent in its place.")
    if account.refund_unit not in ("", *REFUND_UNITS):
        found.append(
            f"A refund's unit is {' or '.join(REFUND_UNITS)} (refund_unit), not {account.refund_unit!r}:"
            " ask Startbutton which; without it nothing is refunded."
        )
    if account.currency not in MARKETS:
        found.append(f"Wallets in {account.currency!r} cannot be charged; only in {', '.join(MARKETS)}.")
        return found
    return found + _unsure(account) + _networks(account)


def _unsure(account: StartbuttonAccount) -> list[str]:
    if account.currency not in UNSURE_FACTOR or account.factor_confirmed:
        return []
    return [
        f"Startbutton's unit for {account.currency} is not certain: ask them whether 100 means"
        f" {account.currency} 1, then say so in the settings (factor_confirmed)."
    ]


def _networks(account: StartbuttonAccount) -> list[str]:
    offered = MARKETS[account.currency].networks
    found = [
        f"The network {code!r} is not one of {', '.join(offered) or 'those to be named: none is'}."
        for code in account.networks
        if code not in offered
    ]
    if account.currency in TRANSFERS and account.region not in COUNTRIES:
        found.append(
            f"The country {account.region!r} (region) is none whose name Startbutton takes in a payout."
        )
    return found
