"""Sentences for the operator about settings every adapter has: the address and the keys."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.providers.base import Secret

__all__ = ["base_url_problem", "key_problems"]


def base_url_problem(base_url: str) -> list[str]:
    """What is wrong with `base_url`; plain http is taken for one's own machine and network only."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ["The base URL cannot be read."]
    if parts.scheme not in ("http", "https") or not host:
        return ["The base URL must be a full address that begins with https://."]
    if parts.query or parts.fragment or parts.username:
        return ["The base URL must be an address only, without user, query or fragment."]
    if parts.scheme == "http" and not _is_near(host):
        return [f"The base URL must begin with https:// because keys are sent to {host}."]
    return []


def key_problems(keys: Mapping[str, Secret]) -> list[str]:
    """One sentence for each key that is missing or cannot stand in a header, by its name only."""
    found = []
    for name, key in keys.items():
        text = key.reveal()
        if not text:
            found.append(f"The {name} is missing.")
        elif not text.isascii() or not text.isprintable() or " " in text:
            found.append(f"The {name} holds a space or a character that cannot be sent.")
    return found


def _is_near(host: str) -> bool:
    """Loopback, a private address, or a name without a dot (a container's)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))
    return address.is_loopback or address.is_private
