"""The wallet and the inbox of one number at a Kasapay that runs on pretend money: what its owner sees and
does, through the same doors as the try-it page. Elsewhere nobody has one."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from bot.money import Msisdn, from_major, show_amount

__all__ = ["PretendWallet", "Prompt", "Sms", "open_wallet"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A provider asks for the wallet's PIN. `amount` is empty where no money is named."""

    id: str
    text: str
    amount: str


@dataclass(frozen=True, slots=True)
class Sms:
    sender: str
    text: str


class PretendWallet:
    """`pin` is what the page would say it is; empty where it does not say."""

    def __init__(self, http: httpx.AsyncClient, url: str, msisdn: Msisdn, pin: str) -> None:
        self._http, self._url = http, f"{url}/try/sandbox"
        self._digits = msisdn.removeprefix("+")
        self.pin = pin
        self._read: set[str] = set()

    async def look(self) -> tuple[list[Prompt], list[Sms]]:
        """The open prompts, oldest first, and the messages that came since the last look."""
        reply = await self._http.get(f"{self._url}/handsets/{self._digits}")
        if reply.status_code == 404:  # a number without a wallet gets SMS all the same
            reply = await self._http.get(f"{self._url}/sms", params={"msisdn": self._digits})
        reply.raise_for_status()
        state: dict[str, Any] = reply.json()
        fresh = [message for message in state["sms"] if message["id"] not in self._read]
        self._read |= {message["id"] for message in fresh}
        prompts = [
            Prompt(
                id=prompt["id"],
                text=prompt["text"],
                amount=_show_amount(prompt["amount"], prompt["currency"]),
            )
            for prompt in state.get("prompts", ())
        ]
        return prompts, [Sms(message["from"], message["text"]) for message in fresh]

    async def press(self, prompt: Prompt, action: str, pin: str = "") -> str:
        """Approve with the PIN, or reject. Returns why it was not taken, as a sentence, else nothing."""
        body = {"action": action} | ({"pin": pin} if pin else {})
        path = f"{self._url}/handsets/{self._digits}/prompts/{prompt.id}"
        reply = await self._http.post(path, json=body)
        if reply.is_success:
            return ""
        said: dict[str, Any] = reply.json()
        left = said.get("tries_left")
        return str(said["error"]) + (f" Tries left: {left}." if left else "")


def _show_amount(amount: str | None, currency: str) -> str:
    return "" if amount is None else show_amount(from_major(Decimal(amount), currency))


async def open_wallet(http: httpx.AsyncClient, url: str, msisdn: Msisdn) -> PretendWallet | None:
    """The number's wallet, where a Kasapay on pretend money answers at `url`; messages that came before
    are taken as read."""
    try:
        reply = await http.get(f"{url}/try/setup")
        setup = reply.json() if reply.is_success else None
    except (httpx.HTTPError, ValueError):
        return None
    if not isinstance(setup, dict) or "customers" not in setup:
        return None
    pins = {person["msisdn"]: person["pin"] for person in setup["customers"]}
    wallet = PretendWallet(http, url, msisdn, pins.get(msisdn, ""))
    await wallet.look()
    return wallet
