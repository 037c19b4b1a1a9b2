"""`kasapay dial`: a feature phone in the terminal, behind a gateway, over real HTTP.

Plays any of the gateways, by its simulator, to a Kasapay that runs on this machine or elsewhere. Where that
is a `run` on pretend money, the same terminal shows the number's SMS and asks for its wallet PIN. What is
typed for a code or a PIN shows in the terminal, as it would on a phone.
"""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from bot.app.typed_command import typed_command
from bot.channels.ussd import GATEWAYS
from bot.cli.keyboard import Keyboard
from bot.cli.pretend_wallet import PretendWallet, Prompt, open_wallet
from bot.dialog import count_septets
from bot.money import parse_msisdn
from bot.sandbox.gateways import GatewaySimulator, Sent, Shown, Upset, simulator_of
from bot.settings.settings import Settings

__all__ = ["HandsetProblem", "dial_here"]

_TIMEOUT_S: Final = 15.0
_LOOK_EVERY_S: Final = 0.4
# How long a result is waited for where nobody can press Enter.
_PATIENCE_S: Final = 60.0


class HandsetProblem(Exception):
    """Why the call cannot be made, as a sentence."""


class _Line:
    """One USSD session through a gateway, over HTTP: each call gives the screen."""

    def __init__(self, http: httpx.AsyncClient, url: str, simulator: GatewaySimulator) -> None:
        self._http, self._url, self._simulator = http, url, simulator

    async def dial(self, code: str) -> Shown:
        return await self._show(self._simulator.dial(code))

    async def answer(self, text: str) -> Shown:
        return await self._show(self._simulator.answer(text))

    async def drop(self) -> None:
        """Tell of the end, where this gateway tells anybody."""
        sent = self._simulator.end()
        if sent is not None:
            await self._send(sent)

    async def _show(self, sent: Sent) -> Shown:
        reply = await self._send(sent)
        try:
            return self._simulator.read(reply.status_code, reply.content)
        except Upset:
            raise HandsetProblem(
                f"The gateway's request was answered {reply.status_code}: {reply.text[:200]}"
            ) from None

    async def _send(self, sent: Sent) -> httpx.Response:
        return await self._http.request(
            sent.method,
            f"{self._url}{sent.target}",
            content=sent.body,
            headers={"content-type": sent.content_type},
        )


async def dial_here(
    settings: Settings, *, code: str, msisdn: str, gateway: str, url: str, folder: Path
) -> None:
    """One dialogue in the terminal, and what the phone shows after it. Raises HandsetProblem."""
    if gateway not in GATEWAYS:
        raise HandsetProblem(f"There is no gateway {gateway!r} to play; there are {', '.join(GATEWAYS)}.")
    number = parse_msisdn(msisdn, settings.default_region)
    if number is None:
        raise HandsetProblem(f"{msisdn!r} is no phone number; write it like +233240000001.")
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as http:
        base, secret, short_code = await _where(http, settings, gateway, url, folder)
        if not _reaches(code or short_code, short_code):
            raise HandsetProblem(f"This phone reaches {short_code} only; {code!r} is another code.")
        simulator = simulator_of(gateway)(short_code, number)
        line = _Line(http, f"{base}/ussd/{gateway}/{secret}", simulator)
        try:
            wallet = await open_wallet(http, base, number)
            with Keyboard() as keyboard:
                await _Phone(line, wallet, keyboard).call(code or short_code)
        except httpx.HTTPError as error:
            raise HandsetProblem(
                f"Kasapay cannot be reached at {base} ({type(error).__name__}). "
                f"Is it running? `{typed_command()} run` starts one."
            ) from None


def _reaches(code: str, service: str) -> bool:
    """Whether the code is the service's, perhaps with answers behind it."""
    return code == service or (code.startswith(service.removesuffix("#") + "*") and code.endswith("#"))


class _Phone:
    """What the person sees and types: the dialogue first, then the wallet's prompt and the SMS."""

    def __init__(self, line: _Line, wallet: PretendWallet | None, keyboard: Keyboard) -> None:
        self._line, self._wallet, self._keyboard = line, wallet, keyboard
        self._console = Console()
        self._typed_ahead: list[str] = []

    async def call(self, code: str) -> None:
        screen = await self._line.dial(code)
        while True:
            self._show(screen.text, is_open=screen.is_open)
            if not screen.is_open:
                break
            typed = await self._answer()
            if typed is None:
                await self._line.drop()
                self._console.print("[dim]The line is dropped.[/dim]")
                return
            screen = await self._line.answer(typed)
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
        code = entry.options.code or settings.short_code
        return base.rstrip("/"), entry.secret.get_secret_value(), code
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
