"""`kasapay tour`: plays every kind of payment over real HTTP and prints it as a transcript.

Plays the phone (as the Africa's Talking gateway would), the wallet (on the sandbox) and a chat; it
believes nothing but what arrives there: SMS, chat messages and the sandbox's own record.
"""

import asyncio
import contextlib
import io
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.markup import escape

from bot.app.demo import CUSTOMERS, STAFF, STAFF_PIN, Embedded, run_embedded
from bot.runtime.logs import configure_logs
from bot.sandbox.gateways import GatewaySimulator, Sent, Upset, simulator_of

__all__ = ["Phone", "TourFailed", "Wallet", "run_tour"]

_PATIENCE_S: Final = 60.0
_CODE: Final = "*920*10#"


class TourFailed(Exception):
    """Something that should have arrived did not."""


class Phone:
    """A feature phone behind the Africa's Talking gateway: dial, answer, hang up."""

    def __init__(self, http: httpx.AsyncClient, url: str, msisdn: str, code: str = _CODE) -> None:
        self._http = http
        self._url = url
        self._msisdn = msisdn
        self._code = code
        self._simulator: GatewaySimulator
        self._last: Sent
        self.open = False

    async def dial(self, *args: str) -> str:
        """A new session; `args` are dialled behind the code. Returns the screen."""
        self._simulator = simulator_of("africastalking")(self._code, self._msisdn)
        self._last = self._simulator.dial("*".join((self._code.rstrip("#"), *args)) + "#")
        return await self._deliver()

    async def answer(self, text: str) -> str:
        """Type an answer into the open session. Returns the next screen."""
        if not self.open:
            raise TourFailed("the session is closed")
        self._last = self._simulator.answer(text)
        return await self._deliver()

    async def repeat(self) -> str:
        """Deliver the last request once more."""
        return await self._deliver()

    async def drop(self) -> None:
        """The line drops; the gateway says so."""
        self.open = False
        told = self._simulator.end()
        if told is not None:
            await self._post(told)

    async def _deliver(self) -> str:
        reply = await self._post(self._last)
        try:
            shown = self._simulator.read(reply.status_code, reply.content)
        except Upset as error:
            raise TourFailed(f"the gateway was answered {reply.status_code}") from error
        self.open = shown.is_open
        return shown.text

    async def _post(self, sent: Sent) -> httpx.Response:
        headers = {"content-type": sent.content_type}
        return await self._http.post(self._url + sent.target, content=sent.body, headers=headers)


class Wallet:
    """The wallet handset of a number, on the sandbox."""

    def __init__(self, http: httpx.AsyncClient, sandbox: str, msisdn: str, pin: str) -> None:
        self._http = http
        self._url = f"{sandbox}/_sandbox/handsets/{msisdn.removeprefix('+')}"
        self._pin = pin
        self._read: set[str] = set()

    async def prompt(self) -> dict[str, Any]:
        """The PIN prompt, as soon as it shows."""

        async def shown() -> dict[str, Any] | None:
            prompts = (await self._state())["prompts"]
            return prompts[0] if prompts else None

        found: dict[str, Any] = await arrived("the wallet's PIN prompt", shown)
        return found

    async def decide(self, action: str) -> None:
        prompt = await self.prompt()
        reply = await self._http.post(
            f"{self._url}/prompts/{prompt['id']}", json={"action": action, "pin": self._pin}
        )
        reply.raise_for_status()

    async def result(self, screen: str, begins: str) -> str:
        """The SMS with the result of the payment whose reference the screen named."""
        reference = screen.strip().rpartition(" ")[2]
        return await self.sms(
            f"the result of {reference}", lambda text: text.startswith(begins) and reference in text
        )

    async def sms(self, what: str, fits: Callable[[str], bool]) -> str:
        """The first SMS not read before that fits, as soon as it is there."""

        async def came() -> str | None:
            for message in (await self._state())["sms"]:
                if message["id"] not in self._read and fits(message["text"]):
                    self._read.add(message["id"])
                    return str(message["text"])
            return None

        found: str = await arrived(what, came)
        return found

    async def _state(self) -> dict[str, Any]:
        reply = await self._http.get(self._url)
        reply.raise_for_status()
        state: dict[str, Any] = reply.json()
        return state


async def arrived(what: str, look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds, looked for until patience ends. Raises TourFailed naming it."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while (found := await look()) is None:  # noqa: ASYNC110 - another process' state
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        raise TourFailed(f"{what} did not arrive within {_PATIENCE_S:.0f} s") from None


class _Story:
    """Prints what happens as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def chapter(self, title: str) -> None:
        self._console.print(f"\n[bold]# {escape(title)}[/bold]")

    def types(self, text: str) -> None:
        self._console.print(f"[cyan]> {escape(text)}[/cyan]", highlight=False)

    def screen(self, text: str) -> None:
        for line in text.splitlines():
            self._console.print(f"< {escape(line)}", highlight=False)

    def event(self, mark: str, text: str, style: str = "yellow") -> None:
        self._console.print(f"[{style}]{mark} {escape(text)}[/{style}]", highlight=False)

    async def say(self, phone: Phone, text: str) -> str:
        self.types(text)
        screen = await phone.answer(text)
        self.screen(screen)
        return screen

    async def dial(self, phone: Phone, *args: str) -> str:
        self.types("dials " + (f"{_CODE[:-1]}*{'*'.join(args)}#" if args else _CODE))
        screen = await phone.dial(*args)
        self.screen(screen)
        return screen


async def run_tour(console: Console | None = None) -> bool:
    """Play every chapter on a Kasapay of its own. True only if every result arrived."""
    console = console or Console()
    story = _Story(console)
    log = io.StringIO()
    configure_logs(stream=log)
    with tempfile.TemporaryDirectory(prefix="kasapay-tour-") as folder:
        async with (
            run_embedded(Path(folder)) as embedded,
            httpx.AsyncClient(timeout=20, trust_env=False) as http,
        ):
            try:
                await _approved(story, embedded, http)
                await _rejected(story, embedded, http)
                await _with_otp(story, embedded, http)
                await _callback_lost(story, embedded, http)
                await _staff_balance(story, embedded, http)
            except (TourFailed, httpx.HTTPError) as error:
                console.print(f"\n[bold red]The tour failed: {escape(str(error))}[/bold red]")
                console.print(escape(log.getvalue()[-4000:]))
                return False
    console.print("\n[bold green]Every result arrived.[/bold green]")
    return True


def _people(embedded: Embedded, http: httpx.AsyncClient, index: int) -> tuple[Phone, Wallet]:
    customer = CUSTOMERS[index]
    phone = Phone(http, embedded.url + embedded.ussd_path, customer.msisdn)
    return phone, Wallet(http, embedded.sandbox_url, customer.msisdn, customer.pin)


def _wants(screen: str, words: str) -> None:
    if words not in screen:
        raise TourFailed(f"expected {words!r} on the screen, saw {screen!r}")


def _choice(screen: str, words: str) -> str:
    """The number to type for a line of the menu."""
    for line in screen.splitlines():
        number, _, rest = line.partition(" ")
        if rest == words:
            return number
    raise TourFailed(f"expected {words!r} in the menu, saw {screen!r}")


async def _to_the_end(story: _Story, phone: Phone, screen: str) -> str:
    """Take the first choice, as a person in a hurry does, until the dialogue is over; its last screen."""
    while phone.open:
        screen = await story.say(phone, "1")
    return screen


async def _approved(story: _Story, embedded: Embedded, http: httpx.AsyncClient) -> None:
    story.chapter("Efua pays GHS 12.50 with MTN MoMo and approves")
    phone, wallet = _people(embedded, http, 0)
    await story.dial(phone)
    await story.say(phone, "1")
    await story.say(phone, "1001")
    _wants(await story.say(phone, "12.50"), "GHS 12.50")
    last = await story.say(phone, "1")
    _wants(last, "Enter your PIN")
    prompt = await wallet.prompt()
    story.event("!", f"the wallet shows: {prompt['payee']} asks {prompt['currency']} {prompt['amount']}")
    await wallet.decide("approve")
    story.event("!", "Efua types her PIN and approves")
    text = await wallet.result(last, "Paid")
    story.event("~", f"SMS: {text}", "green")


async def _rejected(story: _Story, embedded: Embedded, http: httpx.AsyncClient) -> None:
    story.chapter("She pays again, straight from the dial, and declines")
    phone, wallet = _people(embedded, http, 0)
    last = await _to_the_end(story, phone, await story.dial(phone, "1001", "3"))
    _wants(last, "Enter your PIN")
    await wallet.decide("reject")
    story.event("!", "Efua declines on the wallet")
    text = await wallet.result(last, "Not paid")
    story.event("~", f"SMS: {text}", "green")


async def _with_otp(story: _Story, embedded: Embedded, http: httpx.AsyncClient) -> None:
    story.chapter("Kwame pays through Startbutton, which asks for a code first")
    phone, wallet = _people(embedded, http, 1)
    screen = await story.dial(phone, "1002", "8")
    while "Enter the SMS code" not in screen:
        screen = await story.say(phone, "1")
    otp = await wallet.sms("the code", lambda t: any(w.strip(".").isdigit() for w in t.split()))
    code = next(w.strip(".") for w in otp.split() if w.strip(".").isdigit() and len(w.strip(".")) >= 4)
    story.event("~", f"SMS: {otp}")
    story.event("!", "the line drops before he can type it", "red")
    await phone.drop()
    _wants(await story.dial(phone), "code")
    last = await story.say(phone, code)
    text = await wallet.result(last, "Paid")
    story.event("~", f"SMS: {text}", "green")


async def _callback_lost(story: _Story, embedded: Embedded, http: httpx.AsyncClient) -> None:
    story.chapter("The provider's callback is lost; Kasapay asks by itself and finds out")
    phone, wallet = _people(embedded, http, 0)
    reply = await http.put(f"{embedded.sandbox_url}/_sandbox/faults", json={"callback_lost": -1})
    reply.raise_for_status()
    last = await _to_the_end(story, phone, await story.dial(phone, "1001", "2"))
    await wallet.decide("approve")
    story.event("!", "Efua approves; the callback never comes", "red")
    text = await wallet.result(last, "Paid")
    story.event("~", f"SMS: {text}", "green")
    await http.delete(f"{embedded.sandbox_url}/_sandbox/faults")


async def _staff_balance(story: _Story, embedded: Embedded, http: httpx.AsyncClient) -> None:
    story.chapter("Ama looks at her business' balance, with her staff PIN")
    phone = Phone(http, embedded.url + embedded.ussd_path, STAFF[0].msisdn)
    screen = await story.dial(phone)
    screen = await story.say(phone, _choice(screen, "My business"))
    await story.say(phone, _choice(screen, "Balance"))
    story.types("****")
    screen = await phone.answer(STAFF_PIN)
    story.screen(screen)
    _wants(screen, "Balance")
    with contextlib.suppress(TourFailed):
        await phone.drop()
