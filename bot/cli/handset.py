"""`kasapay dial`: a feature phone in the terminal, behind a gateway, over real HTTP.

Plays Africa's Talking or Hubtel to a Kasapay that runs, on this machine or elsewhere. Where that is a
`run` on pretend money, the same terminal shows the number's SMS and asks for its wallet PIN. What is
typed for a code or a PIN shows in the terminal, as it would on a phone.
"""

import asyncio
import contextlib
import json
import uuid
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from bot.app.typed_command import typed_command
from bot.cli.keyboard import Keyboard
from bot.cli.pretend_wallet import PretendWallet, Prompt, open_wallet
from bot.dialog import count_septets
from bot.money import parse_msisdn
from bot.settings.settings import Settings

__all__ = ["AfricasTalkingLine", "HandsetProblem", "HubtelLine", "Line", "dial_here"]

_TIMEOUT_S: Final = 15.0
_LOOK_EVERY_S: Final = 0.4
# How long a result is waited for where nobody can press Enter.
_PATIENCE_S: Final = 60.0


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
    """One dialogue in the terminal, and what the phone shows after it. Raises HandsetProblem."""
    if gateway not in _LINES:
        raise HandsetProblem(f"There is no gateway {gateway!r} to play; there are {', '.join(_LINES)}.")
    number = parse_msisdn(msisdn, settings.default_region)
    if number is None:
        raise HandsetProblem(f"{msisdn!r} is no phone number; write it like +233240000001.")
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as http:
        base, secret, short_code = await _where(http, settings, gateway, url, folder)
        line: Line = _LINES[gateway](http, f"{base}/ussd/{gateway}/{secret}", number, short_code)
        try:
            wallet = await open_wallet(http, base, number)
            with Keyboard() as keyboard:
                await _Phone(line, wallet, keyboard).call(code or short_code)
        except httpx.HTTPError as error:
            raise HandsetProblem(
                f"Kasapay cannot be reached at {base} ({type(error).__name__}). "
                f"Is it running? `{typed_command()} run` starts one."
            ) from None


class _Phone:
    """What the person sees and types: the dialogue first, then the wallet's prompt and the SMS."""

    def __init__(self, line: Line, wallet: PretendWallet | None, keyboard: Keyboard) -> None:
        self._line, self._wallet, self._keyboard = line, wallet, keyboard
        self._console = Console()
        self._typed_ahead: list[str] = []

    async def call(self, code: str) -> None:
        screen, is_open = await self._line.dial(code)
        while True:
            self._show(screen, is_open=is_open)
            if not is_open:
                break
            typed = await self._answer()
            if typed is None:
                await self._line.drop()
                self._console.print("[dim]The line is dropped.[/dim]")
                return
            screen, is_open = await self._line.answer(typed)
        if self._wallet is not None:
            await self._follow(self._wallet)

    async def _answer(self) -> str | None:
        """A line from the keyboard, None where the person hangs up (Ctrl-D). SMS show as they come: one
        may hold the code that is asked for."""
        self._ask("> ")
        while True:
            try:
                return await self._keyboard.line(_LOOK_EVERY_S if self._wallet is not None else None)
            except TimeoutError:
                pass
            if self._wallet is not None:
                _, messages = await self._wallet.look()
                for message in messages:
                    self._console.print()
                    self._show_sms(message.sender, message.text)
                    self._ask("> ")

    async def _follow(self, wallet: PretendWallet) -> None:
        """After the dialogue: the PIN prompt and the SMS, until a message came and nothing is asked any
        more, or the person has seen enough."""
        self._console.print("[dim]The wallet's request and SMS show here as they come. Enter ends.[/dim]")
        pressed, told = False, False
        ends_at = asyncio.get_running_loop().time() + _PATIENCE_S
        while True:
            prompts, messages = await wallet.look()
            for message in messages:
                self._show_sms(message.sender, message.text)
                told = True
            if prompts:
                if not await self._decide(wallet, prompts[0]):
                    return
                pressed = True
            elif told or await self._had_enough(pressed=pressed):
                return
            elif self._keyboard.ended and asyncio.get_running_loop().time() > ends_at:
                self._console.print("[dim]No message came.[/dim]")
                return

    async def _had_enough(self, *, pressed: bool) -> bool:
        """Whether the person pressed Enter within a moment. Anything else is the PIN, typed early."""
        if self._keyboard.ended and (pressed or self._typed_ahead):
            await asyncio.sleep(_LOOK_EVERY_S)
            return False
        try:
            typed = await self._keyboard.line(_LOOK_EVERY_S)
        except TimeoutError:
            return False
        if typed:
            self._typed_ahead.append(typed)
        return typed == "" or (typed is None and not pressed)

    async def _decide(self, wallet: PretendWallet, prompt: Prompt) -> bool:
        """Have the prompt answered. False where the person leaves it."""
        title = f"{prompt.text}: {prompt.amount}" if prompt.amount else prompt.text
        self._console.print(Panel(escape(title), width=44, title="Wallet", border_style="yellow"))
        hint = f" (it is {wallet.pin})" if wallet.pin else ""
        while True:
            self._ask(f"PIN{hint}, r to reject, Enter to leave it: ")
            typed = self._typed_ahead.pop(0) if self._typed_ahead else await self._keyboard.line()
            if not typed:
                self._console.print("[dim]The request stays on the wallet.[/dim]")
                return False
            rejected = typed.strip().lower() in ("r", "reject")
            refusal = await wallet.press(prompt, "reject" if rejected else "approve", typed.strip())
            if not refusal:
                self._console.print(f"[dim]{'Rejected' if rejected else 'Approved'}.[/dim]")
                return True
            self._console.print(escape(refusal))
            prompts, _ = await wallet.look()
            if prompt.id not in [one.id for one in prompts]:
                return True

    def _show(self, screen: str, *, is_open: bool) -> None:
        septets = count_septets(screen)
        measured = f"{septets} septets" if septets is not None else f"{len(screen)} UCS-2 characters"
        end = "Ctrl-D hangs up" if is_open else "session ended"
        self._console.print(Panel(escape(screen), width=44, subtitle=f"[dim]{measured}; {end}[/dim]"))

    def _show_sms(self, sender: str, text: str) -> None:
        title = f"SMS from {escape(sender)}"
        self._console.print(Panel(escape(text), width=44, title=title, border_style="green"))

    @staticmethod
    def _ask(words: str) -> None:
        print(words, end="", flush=True)


async def _where(
    http: httpx.AsyncClient, settings: Settings, gateway: str, url: str, folder: Path
) -> tuple[str, str, str]:
    """Address, secret and short code: of the `run` on this machine if it answers, else the settings'."""
    left: dict[str, str] | None = None
    with contextlib.suppress(OSError, ValueError):
        left = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    entry = next((entry for entry in settings.gateways if entry.name == gateway), None)
    if left is not None and not {"url", "ussd_secret", "short_code"} <= left.keys():
        left = None
    if left is not None and (entry is None or (not url and await _answers(http, left["url"]))):
        return (url or left["url"]).rstrip("/"), left["ussd_secret"], left["short_code"]
    if entry is not None:
        base = url or settings.public_url or f"http://127.0.0.1:{settings.port}"
        return base.rstrip("/"), entry.secret.get_secret_value(), settings.short_code
    raise HandsetProblem(
        f"No Kasapay is known here. Start one with `{typed_command()} run`, "
        "or set USSD_GATEWAYS and USSD_SECRET."
    )


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    """Whether the page of a `run` is there."""
    try:
        return (await http.get(f"{url}/try/setup")).is_success
    except httpx.HTTPError:
        return False
