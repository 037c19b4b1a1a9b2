"""Those who talk: a feature phone behind a gateway, a web chat, a Telegram chat, and a wallet's owner."""

import hashlib
import hmac
import json
import re
import uuid
from dataclasses import dataclass, field

from bot.channels.ussd import Heard, Left, Read, WireRequest
from bot.channels.ussd.base import SCREEN_SEPTETS
from bot.dialog import Address, Answer, Inbound, Input, Typed, Waiting, fits, read_button
from bot.sandbox.handsets import pay_invoice, press, show_handset
from bot.store.base import TurnQuery
from bot.store.records import MessageKind
from tests.conversations.stage import _KEYS, Stage
from tests.fake_telegram import Message, Person
from tests.gateways import arrived, dialled, gateway_of, simulate

__all__ = [
    "Phone",
    "Screen",
    "Shown",
    "TelegramChat",
    "WebChat",
    "asked",
    "decide",
    "settle_invoice",
    "take_back",
]

_UCS2 = 70


@dataclass(frozen=True)
class Screen:
    """What a phone shows: its text, and whether it may be answered. `raw` are the gateway's bytes."""

    text: str
    is_open: bool
    raw: bytes


class Phone:
    """A feature phone whose gateway speaks to the real adapter. `new`: its owner was never here before."""

    def __init__(
        self, stage: Stage, msisdn: str, gateway: str = "africastalking", *, new: bool = False
    ) -> None:
        self.stage = stage
        if not new:
            stage.know("msisdn", msisdn)
        self.msisdn = msisdn
        self.gateway = gateway
        self.adapter = gateway_of(gateway)
        self.session = ""
        self.line = simulate(gateway, msisdn, "none")
        self.screen = Screen("", False, b"")
        self.last: WireRequest | None = None

    async def dial(self, *args: str, session: str = "") -> Screen:
        """A new session; `args` are dialled behind the code."""
        return await self.send(self.dial_request(*args, session=session))

    async def answer(self, text: str) -> Screen:
        """Type an answer into the open session."""
        assert self.screen.is_open, f"the session is closed: {self.screen.text}"
        return await self.send(self.answer_request(text))

    async def repeat(self) -> Screen:
        """The gateway delivers its last request once more."""
        assert self.last is not None
        return await self.send(self.last)

    async def drop(self) -> None:
        """The line drops, and the gateway says so, if it tells anybody."""
        await self._left("left")

    async def time_out(self) -> None:
        """The person waited too long, and the gateway says so, if it tells anybody."""
        await self._left("timeout")

    def dial_request(self, *args: str, session: str = "") -> WireRequest:
        self.session = session or uuid.uuid4().hex
        self.line = simulate(self.gateway, self.msisdn, self.session)
        return arrived(self.line.dial(dialled(*args)))

    def answer_request(self, text: str) -> WireRequest:
        return arrived(self.line.answer(text))

    async def send(self, request: WireRequest) -> Screen:
        """Deliver a request as the gateway would, and show what came back."""
        self.last = request
        heard = self.read(request)
        assert isinstance(heard, Heard), heard
        answer = await self.stage.kasapay.turns.take(heard.inbound)
        self.screen = self.show(heard, answer)
        return self.screen

    def read(self, request: WireRequest) -> Read:
        return self.adapter.read(request, region="GH")

    def show(self, heard: Heard, answer: Answer) -> Screen:
        """The screen of an answer, through the adapter's bytes; fits, or the test fails."""
        reply = self.adapter.build_reply(heard, answer.text, keep_open=answer.keep_open)
        shown = self.line.read(reply.status, reply.body)
        assert shown.text.strip(), "an empty screen"
        assert fits(shown.text, SCREEN_SEPTETS, _UCS2), f"does not fit: {shown.text!r}"
        return Screen(shown.text, shown.is_open, reply.body)

    async def _left(self, why: str) -> None:
        self.screen = Screen(self.screen.text, False, b"")
        sent = self.line.end(why)
        if sent is None:
            return
        read = self.read(arrived(sent))
        assert isinstance(read, Left), read
        await self.stage.kasapay.turns.left(
            self.gateway, read.session_id, read.msisdn, read.why, read.cumulative
        )


@dataclass(frozen=True)
class Shown:
    """Something that appeared in a chat. `edited`: an earlier message turned into it."""

    text: str
    buttons: tuple[tuple[str, str], ...] = ()  # label, data
    edited: bool = False
    keys: tuple[str, ...] = ()


@dataclass
class WebChat:
    """A browser with the page's chat open. `new`: of somebody who was never here before."""

    stage: Stage
    value: str = "0123456789abcdef0123456789abcdef"
    language: str = "en"
    peer: str = ""
    shown: list[Shown] = field(default_factory=list)
    last: Inbound | None = None
    _read: dict[str, str] = field(default_factory=dict)
    _count: int = 0
    new: bool = False

    def __post_init__(self) -> None:
        if not self.new:
            self.stage.know("web", self.value)

    async def says(self, text: str) -> None:
        await self._take(Typed(text))

    async def presses(self, data: str) -> None:
        pressed = read_button(data)
        assert pressed is not None
        await self._take(pressed)

    async def repeats(self) -> None:
        assert self.last is not None
        await self.stage.kasapay.turns.take(self.last)

    async def _take(self, said: Input) -> None:
        self._count += 1
        self.last = Inbound(
            channel="web",
            address=Address("web", self.value),
            input=said,
            turn_key=f"{self.value[:8]}-{self._count}",
            verified=False,
            language=self.language,
            peer=self.peer,
            # As the page's cookie: another one once the chat has more rights than before.
            renewed=f"{self._count:08x}{self.value[:24]}",
        )
        await self.stage.kasapay.turns.take(self.last)
        if await self.stage.store.person_of("web", self.last.renewed) is not None:
            self.value = self.last.renewed

    async def look(self) -> list[Shown]:
        """What has appeared since the last look."""
        rows = await self.stage.store.sent_messages("web", self.value, 0, 1000)
        new = []
        for row in rows:
            if row.id in self._read or row.kind is MessageKind.SAID:
                continue
            words = await self.stage.kasapay.outbox.render(row)
            replaces = row.kind in (MessageKind.RESULT, MessageKind.EDIT)
            edited = replaces and row.sent_ref in self._read.values()
            self._read[row.id] = row.sent_ref
            buttons = tuple((button.label, button.data) for button in words.buttons)
            new.append(Shown(words.text, buttons, edited=edited))
        self.shown += new
        return new


@dataclass
class TelegramChat:
    """A Telegram account with the bot's chat open. `new`: of somebody who was never here before."""

    stage: Stage
    person: Person
    shown: list[Shown] = field(default_factory=list)
    _seen: dict[int, tuple[str, bool]] = field(default_factory=dict)
    _on: dict[str, Message] = field(default_factory=dict)
    new: bool = False

    def __post_init__(self) -> None:
        if not self.new:
            self.stage.know("telegram", str(self.person.id))

    async def says(self, text: str) -> None:
        await self.person.says(text)

    async def presses(self, data: str) -> None:
        await self.person.presses_data(data, on=self._on[data])

    async def repeats(self) -> None:
        raise NotImplementedError("Telegram's repeats are told apart by their update id")

    async def look(self) -> list[Shown]:
        """What has appeared, or changed its words, since the last look."""
        new = []
        for message in self.person.messages:
            before = self._seen.get(message.message_id)
            if before is not None and before[0] == message.text:
                continue
            self._seen[message.message_id] = (message.text, True)
            inline = [key for row in message.rows for key in row if key.data]
            self._on |= {key.data: message for key in inline if key.data}
            keys = tuple(key.label for row in self.person.chat.keyboard for key in row)
            fixed = keys if message.fixed else ()
            buttons = tuple((key.label, key.data or "") for key in inline)
            new.append(Shown(message.text, buttons, edited=before is not None, keys=fixed))
        self.shown += new
        return new


async def asked(stage: Stage, kind: str, value: str) -> tuple[str, str]:
    """What the person's conversation waits for: the question's key and the id of its words.

    The keys are the state machine; words may change. Empty where nothing is asked.
    """
    found = (await stage.store.load_turn(TurnQuery(kind, value))).conversation
    if found is None:
        return "", ""
    if found.offering:
        return "resume", "talk.resume"
    run = stage.kasapay.turns._steps.run(found, found.journal)
    question = run.state.question if isinstance(run.state, Waiting) else None
    run.close()
    return (question.key, question.text.id) if question is not None else ("", "")


def decide(stage: Stage, msisdn: str, action: str, pin: str = "1234") -> None:
    """Answer the one prompt that stands on a wallet."""
    world = stage.sandbox.sandbox.world
    digits = re.sub(r"\D", "", msisdn)
    (entry,) = world.prompts_of(digits)
    assert entry.prompt is not None
    assert action in ("approve", "reject", "ignore")
    press(world, digits, entry.prompt.id, action, pin)  # type: ignore[arg-type]


def settle_invoice(stage: Stage, msisdn: str, payment_reference: str = "", pin: str = "1234") -> None:
    """Pay an invoice in the wallet's own menu; the only one that stands, where none is named."""
    world = stage.sandbox.sandbox.world
    digits = re.sub(r"\D", "", msisdn)
    if not payment_reference:
        (invoice,) = show_handset(world, world.handsets[digits])["invoices"]
        payment_reference = invoice["id"]
    pay_invoice(world, digits, payment_reference, pin)


async def take_back(stage: Stage, code: str) -> None:
    """A payment over Startbutton is reversed, and a signed event says so."""
    order = await stage.store.order_by_code(code)
    assert order is not None
    reference = order.reference.replace("-", "")
    entry = next(entry for entry in stage.entries if entry.reference == reference)
    entry.status = "reversed"
    transaction = {
        "transactionReference": order.provider_reference,
        "userTransactionReference": reference,
        "status": entry.status,
        "amount": order.amount_minor,
        "currency": order.currency,
    }
    body = json.dumps({"event": "collection.reversed", "data": {"transaction": transaction}}).encode()
    secret = _KEYS[order.account_id][1].encode()
    headers = {"x-startbutton-signature": hmac.new(secret, body, hashlib.sha512).hexdigest()}
    assert await stage.kasapay.callbacks.take_signed(order.account_id, headers, body)
