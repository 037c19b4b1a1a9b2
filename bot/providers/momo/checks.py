"""What an operator must mend before a MoMo account can be used: keys, environment, currency, settings.

Source: MTN MoMo Open API, environments (momodeveloper.mtn.com), client libraries and users' reports, read
November 2026. An API user is any text: the ids of the new gateway are no UUIDs.
"""

from typing import Final
from urllib.parse import urlsplit

from bot.money import EXPONENTS, exponent_of
from bot.providers.base import Secret
from bot.providers.checks import base_url_problem, key_problems
from bot.providers.momo.encoding import COLLECTION, DISBURSEMENT, wire_currency
from bot.providers.momo.settings import MomoAccount
from bot.providers.momo.words import ENVIRONMENTS

__all__ = ["has_credentials", "momo_problems", "momo_warnings"]

_MEANINGS: Final = ("", "created", "paid")
_VERSIONS: Final = ("v1_0", "v2_0")


def has_credentials(account: MomoAccount, product: str) -> bool:
    """Whether all three parts of the product's credentials are there."""
    return all(_parts(account, product).values())


def momo_problems(account: MomoAccount) -> list[str]:
    found = base_url_problem(account.base_url)
    # Payouts are an extra of the contract; an account may also be for them alone.
    given = [p for p in (COLLECTION, DISBURSEMENT) if any(_parts(account, p).values())]
    for product in given or [COLLECTION]:
        found += key_problems(_parts(account, product))
    if account.invoice_successful_means not in _MEANINGS:
        found.append(
            f"What an invoice's SUCCESSFUL means (invoice_successful_means) is {' or '.join(_MEANINGS[1:])},"
            f" not {account.invoice_successful_means!r}; empty while nobody knows."
        )
    if account.api_version not in _VERSIONS:
        found.append(f"The API version is {' or '.join(_VERSIONS)}, not {account.api_version!r}.")
    found += [
        f"The bill {name!r} names no service provider." for name, user in account.bills.items() if not user
    ]
    return found + _environment_problems(account)


def momo_warnings(account: MomoAccount) -> list[str]:
    if not has_credentials(account, COLLECTION) or account.invoice_successful_means:
        return []
    return [
        "nobody has said what an invoice's SUCCESSFUL means, so that none is taken for paid by it alone."
        " Ask MTN, then set MOMO_INVOICE_SUCCESSFUL_MEANS (invoice_successful_means in a file) to created or"
        " paid."
    ]


def _parts(account: MomoAccount, product: str) -> dict[str, Secret]:
    held = account.held(product)
    return {
        f"{product} subscription key": held.subscription_key,
        f"{product} API user": Secret(held.api_user),
        f"{product} API key": held.api_key,
    }


def _environment_problems(account: MomoAccount) -> list[str]:
    environment, wire = account.target_environment, wire_currency(account)
    found = []
    if not environment:
        found.append("The target environment is missing (X-Target-Environment, such as mtnghana or sandbox).")
    elif environment not in ENVIRONMENTS:
        found.append(
            f"The target environment {environment!r} is not one of {', '.join(sorted(ENVIRONMENTS))}."
        )
    elif wire not in ENVIRONMENTS[environment]:
        takes = " or ".join(ENVIRONMENTS[environment])
        found.append(f"The environment {environment} takes {takes}, but the account would send {wire}.")
    if account.currency not in EXPONENTS:
        found.append(f"The currency {account.currency!r} is not one MoMo moves.")
    elif wire in EXPONENTS and exponent_of(wire) < exponent_of(account.currency):
        found.append(f"Amounts in {account.currency} do not fit {wire}, which has fewer decimals.")
    host = urlsplit(account.base_url).hostname or ""
    if host.endswith(".mtn.com") or host.endswith(".momo.africa"):
        real_sandbox = host == "sandbox.momodeveloper.mtn.com"
        if environment in ENVIRONMENTS and real_sandbox != (environment == "sandbox"):
            found.append(f"The environment {environment} does not belong to the host {host}.")
    return found
