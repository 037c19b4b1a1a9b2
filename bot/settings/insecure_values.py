"""Values that are well formed and leave a door open: secrets that can be guessed, proxies that are everybody,
addresses without https. Pure but for `readable_files`.

No sentence holds a secret.
"""

import ipaddress
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["door_problems", "readable_files", "telegram_problems", "too_wide", "weak_secret"]

# A network wider than this holds strangers, whoever owns it.
_WIDEST: Final = {4: 8, 6: 16}
_FEWEST_CHARACTERS: Final = 8
_PLACEHOLDERS: Final = (
    "changeme",
    "change-me",
    "change_me",
    "your-secret",
    "your_secret",
    "replaceme",
    "password",
)
_BOT_TOKEN: Final = re.compile(r"\d+:[A-Za-z0-9_-]+", re.ASCII)
_WEBHOOK_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_WEBHOOK_PORTS: Final = (None, 443, 80, 88, 8443)
_ADDRESSES: Final = ("public_url", "telegram_api_url", "africastalking_api_url")


def door_problems(settings: Any) -> list[str]:
    """What nobody should start with, as sentences for the operator."""
    found = []
    secret = settings.secret_key.get_secret_value()
    if len(secret) >= 32 and weak_secret(secret):
        found.append(f"SECRET_KEY can be guessed: {weak_secret(secret)}; make one with: openssl rand -hex 32")
    webhook_secret = settings.telegram_webhook_secret.get_secret_value()
    if webhook_secret and weak_secret(webhook_secret):
        found.append(f"TELEGRAM_WEBHOOK_SECRET can be guessed: {weak_secret(webhook_secret)}.")
    found += [
        f"TRUSTED_PROXIES: {network} is nearly everybody, and whoever is in it may claim any address;"
        " name your proxies' own."
        for network in too_wide(settings.trusted_proxies)
    ]
    for name in _ADDRESSES:
        found += [f"{name.upper()} {problem}" for problem in _address_problems(getattr(settings, name))]
    return found


def telegram_problems(settings: Any) -> list[str]:
    """What Telegram would refuse.

    Source: Telegram Bot API, setWebhook and "Making requests", November 2026.
    """
    token = settings.telegram_token.get_secret_value()
    if not token:
        return []
    found = []
    if not _BOT_TOKEN.fullmatch(token):
        found.append(
            "TELEGRAM_TOKEN is no bot's token: digits, a colon, letters and digits, as @BotFather writes it."
        )
    if settings.telegram_mode != "webhook":
        return found
    secret = settings.telegram_webhook_secret.get_secret_value()
    if secret and not _WEBHOOK_SECRET.fullmatch(secret):
        found.append(
            "TELEGRAM_WEBHOOK_SECRET has a character that Telegram refuses, or too many: 1 to 256 of A-Z a-z"
            " 0-9 _ and -; make one with: openssl rand -hex 32"
        )
    if settings.public_url and not _is_near(urlsplit(settings.telegram_api_url).hostname or ""):
        # A Bot API server of one's own takes any address.
        found += _webhook_address_problems(settings.public_url)
    return found


def _webhook_address_problems(public_url: str) -> list[str]:
    try:
        parts = urlsplit(public_url)
        port = parts.port
    except ValueError:
        return []  # said elsewhere
    if parts.scheme != "https":
        return [
            "PUBLIC_URL must begin with https:// where TELEGRAM_MODE is webhook: Telegram brings updates"
            " nowhere else. Without a public address set TELEGRAM_MODE=polling."
        ]
    if port not in _WEBHOOK_PORTS:
        return ["PUBLIC_URL: Telegram brings updates to the ports 443, 80, 88 and 8443 only."]
    return []


def too_wide(addresses: str) -> list[str]:
    """Those networks of a list that hold nearly everybody."""
    return [str(n) for n in _networks(addresses) if n.prefixlen < _WIDEST[n.version]]


def weak_secret(secret: str) -> str:
    """Why somebody could guess it; empty where nothing shows that."""
    if any(word in secret.lower() for word in _PLACEHOLDERS):
        return "it is a placeholder"
    if len(set(secret)) < _FEWEST_CHARACTERS:
        return "it is made of a few characters only"
    if secret in (secret + secret)[1:-1]:
        return "it repeats itself"
    return ""


def readable_files(env_file: str | Path, accounts_file: str | Path = "") -> list[str]:
    """A sentence for each of the two that holds keys and that everybody on the machine can read."""
    if os.name == "nt":
        return []
    files = [Path(env_file)]
    if accounts_file and _holds_keys(Path(accounts_file)):
        files.append(Path(accounts_file))
    return [
        f"Everybody on this machine can read {path}, and keys are in there: chmod o= {path}"
        for path in files
        if path.is_file() and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)
    ]


def _holds_keys(path: Path) -> bool:
    """Whether a key stands in the file itself and not in a variable that it names."""
    try:
        return _has_key(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False


def _has_key(table: Mapping[str, Any]) -> bool:
    return any(
        _has_key(value)
        if isinstance(value, dict)
        else name.endswith("_key") and name != "public_key" and not str(value).startswith("env:")
        for name, value in table.items()
    )


def _networks(text: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for part in text.replace(",", " ").split():
        try:
            yield ipaddress.ip_network(part, strict=False)
        except ValueError:
            continue  # said elsewhere


def _address_problems(url: str) -> list[str]:
    if not url:
        return []
    if not url.startswith(("http://", "https://")):
        return ["must begin with https:// (or http:// on your own machine)."]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ["cannot be read."]
    if not host:
        return ["names no host."]
    if parts.query or parts.fragment or parts.username is not None:
        return ["is an address only, without user, query or fragment."]
    if parts.scheme == "http" and not _is_near(host):
        return [f"must begin with https://: over http:// everybody on the way to {host} reads along."]
    return []


def _is_near(host: str) -> bool:
    """This machine, a private network, or a name without a dot (a container's)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))
    return address.is_loopback or address.is_private
