"""`kasapay dial`: a feature phone in the terminal, behind a gateway, over real HTTP.

Plays Africa's Talking or Hubtel to a Kasapay that runs, on this machine or elsewhere. What is typed
for a code or a PIN shows in the terminal, as it would on a phone.
"""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from bot.config import Settings
from bot.dialog import count_septets

__all__ = ["AfricasTalkingLine", "HandsetProblem", "HubtelLine", "Line", "dial_here"]

_TIMEOUT_S: Final = 15.0


class HandsetProblem(Exception):
    """Why the call cannot be made, as a sentence."""


class Line(Protocol):
    """One USSD session through a gateway: each call gives the screen and whether it stays open."""

    async def dial(self, code: str) -> tuple[str, bool]: ...

    async def answer(self, text: str) -> tuple[str, bool]: ...

    async def drop(self) -> None: ...


class AfricasTalkingLine:
    """Cumulative text in a form, CON or END back. Source: Africa's Talking USSD docs, November 2026."""

    def __init__(self, http: httpx.AsyncClient, url: str, msisdn: str, short_code: str) -> None:
        self._http, self._url, self._msisdn, self._short_code = http, url, msisdn, short_code
        self._session = f"ATUid_{uuid.uuid4().hex}"
        self._text = ""

    async def dial(self, code: str) -> tuple[str, bool]:
        own = self._short_code.strip("*#")
        dialled = code.strip("*#")
        self._text = dialled.removeprefix(own).strip("*") if dialled.startswith(own) else ""
        return await self._send()

    async def answer(self, text: str) -> tuple[str, bool]:
        self._text = f"{self._text}*{text}" if self._text else text
        return await self._send()

    async def drop(self) -> None:
        await self._http.post(f"{self._url}/events", data=self._form() | {"status": "Incomplete"})

    async def _send(self) -> tuple[str, bool]:
        reply = await self._http.post(self._url, data=self._form())
        kind, _, screen = reply.text.partition(" ")
        if reply.status_code != 200 or kind not in ("CON", "END"):
            raise HandsetProblem(
                f"The gateway's request was answered {reply.status_code}: {reply.text[:200]}"
            )
        return screen, kind == "CON"

    def _form(self) -> dict[str, str]:
        return {
            "sessionId": self._session,
            "phoneNumber": self._msisdn,
            "networkCode": "99999",
            "serviceCode": self._short_code,
            "text": self._text,
        }


class HubtelLine:
    """JSON with the newest input. Source: Hubtel Programmable Services docs, November 2026."""

    def __init__(self, http: httpx.AsyncClient, url: str, msisdn: str, short_code: str) -> None:
        self._http, self._url, self._msisdn, self._short_code = http, url, msisdn, short_code
        self._session = uuid.uuid4().hex
        self._sequence = 0

    async def dial(self, code: str) -> tuple[str, bool]:
        return await self._send("initiation", code)

    async def answer(self, text: str) -> tuple[str, bool]:
        return await self._send("response", text)

    async def drop(self) -> None:
        await self._send("release", "")

    async def _send(self, kind: str, message: str) -> tuple[str, bool]:
        self._sequence += 1
        body = {
            "Type": kind,
            "Message": message,
            "ServiceCode": self._short_code.strip("*#"),
            "Operator": "mtn",
            "Mobile": self._msisdn.removeprefix("+"),
            "SessionId": self._session,
            "Sequence": self._sequence,
        }
        reply = await self._http.post(self._url, json=body)
        try:
            answer: dict[str, Any] = reply.json()
            return str(answer["Message"]), str(answer["Type"]).lower() == "response"
        except (ValueError, KeyError, TypeError):
            raise HandsetProblem(_refused(reply)) from None


def _refused(reply: httpx.Response) -> str:
    return f"The gateway's request was answered {reply.status_code}: {reply.text[:200]}"


_LINES: Final[dict[str, type[AfricasTalkingLine] | type[HubtelLine]]] = {
    "africastalking": AfricasTalkingLine,
    "hubtel": HubtelLine,
}


async def dial_here(
    settings: Settings, *, code: str, msisdn: str, gateway: str, url: str, folder: Path
) -> None:
    """One dialogue in the terminal. Raises HandsetProblem."""
    if gateway not in _LINES:
        raise HandsetProblem(f"There is no gateway {gateway!r} to play; there are {', '.join(_LINES)}.")
    base, secret, short_code = _where(settings, gateway, url, folder)
    console = Console()
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as http:
        line: Line = _LINES[gateway](http, f"{base}/ussd/{gateway}/{secret}", msisdn, short_code)
        try:
            screen, is_open = await line.dial(code or short_code)
            while True:
                _show(console, screen, is_open=is_open)
                if not is_open:
                    return
                typed = await _typed()
                if typed is None:
                    await line.drop()
                    console.print("[dim]The line is dropped.[/dim]")
                    return
                screen, is_open = await line.answer(typed)
        except httpx.HTTPError as error:
            raise HandsetProblem(f"Kasapay cannot be reached at {base} ({type(error).__name__}).") from None


async def _typed() -> str | None:
    """A line from the keyboard; None where the person hangs up (Ctrl-D)."""
    try:
        return await asyncio.to_thread(input, "> ")
    except EOFError:
        return None


def _show(console: Console, screen: str, *, is_open: bool) -> None:
    septets = count_septets(screen)
    measured = f"{septets} septets" if septets is not None else f"{len(screen)} UCS-2 characters"
    end = "Ctrl-D hangs up" if is_open else "session ended"
    console.print(Panel(escape(screen), width=44, subtitle=f"[dim]{measured}; {end}[/dim]"))


def _where(settings: Settings, gateway: str, url: str, folder: Path) -> tuple[str, str, str]:
    """Address, secret and short code: the settings', or what a `run` on this machine left behind."""
    for entry in settings.gateways:
        if entry.name == gateway:
            base = url or settings.public_url or f"http://127.0.0.1:{settings.port}"
            return base.rstrip("/"), entry.secret.get_secret_value(), settings.short_code
    try:
        left = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return (url or left["url"]).rstrip("/"), left["ussd_secret"], left["short_code"]
    except (OSError, ValueError, KeyError):
        raise HandsetProblem(
            "No Kasapay is known here. Start one with `kasapay run`, or set USSD_GATEWAYS and USSD_SECRET."
        ) from None
