"""Reads a transcript, plays it on a stage, and writes down what really happened.

A transcript is text that a product owner can read:

    # pay: happy path, MoMo          a remark
    @ Efua, phone                    who acts from here on: phone, phone on Hubtel, Telegram, web chat;
                                     "new phone": who was never here before and has no language yet
    ! dials                          something done; the list is in `Play._does`
    < What would you like to do?     a line of the screen, or of a message
    > 1                              typed; `> [2 Check a number]` presses the second button of the last
                                     message, `> [old 2 ...]` of the one before, `> [notice 1 ...]` of the
                                     last that begins a conversation
    - the session ends
    ~ sms to 0240000001: Paid ...    what arrives by itself
    = CODE GHS 12.50 ...             at the end: every payment, and what the sandbox's record says of it

Codes drawn by chance read CODE, OTP, LINK and STAFF; typing those words types the code, `Kwame's OTP` the
one that was sent to him. Lines that begin
with `@`, `!`, `>` or `#` are the script; the others are what came of it. With UPDATE_TRANSCRIPTS=1 the
files are rewritten: only the script matters then, and of a button only its number.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.money import PAYOUTS, OrderKind, show_local
from bot.store.records import OrderRow
from tests.conversations.interpreter import Interpreter
from tests.conversations.people import Phone, Shown, TelegramChat, WebChat, decide, settle_invoice, take_back
from tests.conversations.stage import ACCOUNTANT, CASHIER, EFUA, KWAME, STAFF, STAFF_PIN, WANJIRU, Stage
from tests.end_to_end.log_keeping import forbid

__all__ = ["Play", "needs_telegram", "play", "play_in_two"]

PEOPLE = {
    "Efua": EFUA,
    "Kwame": KWAME,
    "Wanjiru": WANJIRU,
    "Ama": STAFF,
    "Kojo": CASHIER,
    "Adwoa": ACCOUNTANT,
}
_THINKING_S = 3
# A callback is a hint; two questions about one order are at least 5 s apart.
_NEWS_S = 6
_SPOKEN = re.compile(r"> ?(.*)")
_BUTTON = re.compile(r"\[(old |notice )?(\d+)\b.*\]")
_TIME = re.compile(r"(\d+) (second|minute|hour|day)s? pass(?:es)?")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_LOOKUPS_PER_HOUR = 10

Actor = Phone | WebChat | TelegramChat


def needs_telegram(script: str) -> bool:
    return any(line.startswith("@") and "Telegram" in line for line in script.splitlines())


async def play(stage: Stage, path: Path, language: str, restart: Callable[[], bool] = lambda: False) -> str:
    """The transcript at `path` as it goes today. `restart`: asked before each act whether to kill first."""
    return await Play(stage, language, restart).play(path.read_text(encoding="utf-8"))


async def play_in_two(stage: Stage, path: Path, language: str, interpreter: Interpreter) -> tuple[str, str]:
    """The transcript at `path` as it goes today, and how it reads for who hears it in the other language."""
    one = Play(stage, language, lambda: False, interpreter)
    played = await one.play(path.read_text(encoding="utf-8"))
    return played, one.heard_elsewhere()


class Play:
    def __init__(
        self,
        stage: Stage,
        language: str,
        restart: Callable[[], bool],
        interpreter: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._stage = stage
        self._language = language
        self._restart = restart
        self._actors: dict[str, Actor] = {}
        self._actor: Actor | None = None
        self._name = ""
        self._out: list[str] = []
        self._interpreter = interpreter
        self._elsewhere: list[str] = []
        self._sms_seen = 0
        self._staff_codes: list[str] = []
        self._codes: list[str] = []
        self._typed_secrets: set[str] = set()

    async def play(self, script: str) -> str:
        for line in script.splitlines():
            if line.startswith(("@", "!", ">")):
                if self._restart():
                    await self._stage.restart()
                await self._act(line)
            elif line.startswith("#") or not line.strip():
                self._write(line)
        await self._sum_up()
        await self._stage.judge()
        assert not self._stage.rows("SELECT update_id FROM inbox WHERE body IS NOT NULL"), "an update waits"
        assert not self._stage.rows("SELECT key FROM turns WHERE state = 'running'"), "a turn never ended"
        for secret in self._typed_secrets:
            assert not self._stage.holds(secret), "a secret stands in the database"
        return _joined(self._out)

    def heard_elsewhere(self) -> str:
        return _joined(self._elsewhere)

    # ---- the script

    async def _act(self, line: str) -> None:
        stage = self._stage
        if line.startswith("@"):
            self._write(line)
            self._choose(line.removeprefix("@").strip())
            return
        stage.clock.ms += _THINKING_S * 1000
        await self._settle()  # what fell due while the person thought
        if line.startswith(">"):
            await self._says(line)
        else:
            self._write(line)
            await self._does(line.removeprefix("!").strip())
        await self._settle()

    def _choose(self, who: str) -> None:
        name, _, where = who.partition(", ")
        assert name in PEOPLE, f"nobody is called {name}"
        self._name = name
        if who not in self._actors:
            self._actors[who] = self._new_actor(name, where)
        self._actor = self._actors[who]

    def _new_actor(self, name: str, where: str) -> Actor:
        stage, number = self._stage, list(PEOPLE).index(name)
        match where:
            case "phone":
                return Phone(stage, PEOPLE[name])
            case "new phone":
                return Phone(stage, PEOPLE[name], new=True)
            case "new phone on Hubtel":
                return Phone(stage, PEOPLE[name], "hubtel", new=True)
            case "phone on Hubtel":
                return Phone(stage, PEOPLE[name], "hubtel")
            case "web chat":
                return WebChat(stage, f"{number}" * 32, self._language)
            case "new web chat":
                return WebChat(stage, f"{number}" * 32, self._language, new=True)
            case "Telegram" | "new Telegram" | "new Telegram in German":
                assert stage.telegram is not None
                digits = PEOPLE[name].removeprefix("+")
                language = "de" if where.endswith("German") else self._language
                person = stage.telegram.person(name, phone=digits, language=language)
                return TelegramChat(stage, person, new=where.startswith("new"))
        raise AssertionError(f"there is no such way to talk: {where}")

    async def _says(self, line: str) -> None:
        found = _SPOKEN.fullmatch(line)
        assert found is not None
        said, actor = found[1], self._actor
        pressed = _BUTTON.fullmatch(said)
        if isinstance(actor, Phone):
            self._write(f"> {said}")
            self._show_screen((await actor.answer(self._meant(said))).text, actor.screen.is_open)
            return
        assert actor is not None
        if pressed:
            with_buttons = [shown for shown in actor.shown if shown.buttons]
            if pressed[1] == "notice ":
                with_buttons = [one for one in with_buttons if one.buttons[0][1].startswith("2:")]
            shown = with_buttons[-2 if pressed[1] == "old " else -1]
            label, data = shown.buttons[int(pressed[2]) - 1]
            self._write(f"> [{pressed[1] or ''}{pressed[2]} ", label, "]")
            await actor.presses(data)
        else:
            self._write(f"> {said}")
            await actor.says(self._meant(said))
        await self._stage.settle()
        await self._show_chat(actor, "<")

    async def _does(self, what: str) -> None:
        stage, actor = self._stage, self._actor
        if found := _TIME.fullmatch(what):
            await stage.pass_time(int(found[1]) * _UNITS[found[2]])
            return
        if found := re.fullmatch(r"dials(?: \*920\*10\*(.+)#)?", what):
            assert isinstance(actor, Phone)
            args = found[1].split("*") if found[1] else []
            screen = await actor.dial(*args)
            self._show_screen(screen.text, screen.is_open)
            return
        if what == "dials again with the same id":
            assert isinstance(actor, Phone)
            screen = await actor.dial(session=actor.session)
            self._show_screen(screen.text, screen.is_open)
            return
        if what == "types 1 all the same":
            assert isinstance(actor, Phone)
            screen = await actor.send(actor.answer_request("1"))
            self._show_screen(screen.text, screen.is_open)
            return
        if found := re.fullmatch(r"(\w+)'s wallet (approve|reject|ignore)s", what):
            decide(stage, PEOPLE[found[1]], found[2])
            await stage.pass_time(_NEWS_S)
            return
        if found := re.fullmatch(r"wallet (approve|reject|ignore)s", what):
            decide(stage, PEOPLE[self._name], found[1])
            await stage.pass_time(_NEWS_S)
            return
        if found := re.fullmatch(r"(?:(\w+)'s )?wallet pays the invoice(?: of (\w+))?", what):
            settle_invoice(stage, PEOPLE[found[1] or self._name], self._meant(found[2] or ""))
            await stage.pass_time(_NEWS_S)
            return
        if found := re.fullmatch(r"the network takes (\w+) back", what):
            await take_back(stage, self._meant(found[1]))
            await stage.pass_time(_NEWS_S)
            return
        if found := re.fullmatch(r"the operator takes no more than (\d+) at (\d+)", what):
            most_minor = int(found[1]) * 100
            stage.change("UPDATE merchants SET max_amount_minor = ? WHERE code = ?", most_minor, found[2])
            return
        if found := re.fullmatch(r"the operator wants no second person at (\d+)", what):
            stage.change("UPDATE merchants SET approve_over_minor = NULL WHERE code = ?", found[1])
            return
        if found := re.fullmatch(r"the operator names (\d+) (.+)", what):
            stage.change("UPDATE merchants SET name = ? WHERE code = ?", found[2], found[1])
            return
        if found := re.fullmatch(r"the operator has (\d+) ask for (.+)", what):
            stage.change("UPDATE merchants SET asks_for = ? WHERE code = ?", found[2], found[1])
            return
        if found := re.fullmatch(r"the operator makes a staff code for (\d+)(?: as (\w+))?", what):
            self._staff_codes.append(await stage.staff_code(found[1], found[2] or "owner"))
            return
        if found := re.fullmatch(r"the operator switches payouts (on|off)", what):
            await stage.switch_payouts(off=found[1] == "off")
            return
        if found := re.fullmatch(r"the operator unlocks the staff PIN of (\w+) at (\d+)", what):
            await stage.unlock_staff(found[2], found[1])
            return
        does: dict[str, Callable[[], Awaitable[None]]] = {
            "drops the line": self._drops,
            "waits too long": self._waits,
            "presses twice": self._repeats,
            "shares the number": self._shares,
            "shares somebody else's number": self._shares_foreign,
            "shares a forwarded card": self._shares_forwarded,
            "somebody asks about the number very often": self._asked_often,
        }
        if what in does:
            await does[what]()
            return
        switches: dict[str, dict[str, object]] = {
            "the provider is down": {
                "rules": [{"group": group, "set": {"error_status": 503}} for group in ("momo", "startbutton")]
            },
            "text messages do not arrive": {"rules": [{"group": "sms", "set": {"sms_code": 406}}]},
            "the provider lets nobody in": {
                "rules": [{"group": "momo.token", "set": {"error_status": 503, "error_times": -1}}]
            },
            "the provider's look-ups are down": {
                "rules": [{"group": "momo.account", "set": {"error_status": 503}}]
            },
            "the reply to the code will be lost": {
                "rules": [{"group": "startbutton.otp", "set": {"drop_reply": 1}, "times": 1}]
            },
            "the reply to the request will be lost": {
                "rules": [
                    {"group": group, "set": {"drop_reply": 1}, "times": 1}
                    for group in ("momo.create", "startbutton.create")
                ]
            },
            "callbacks are lost": {"callback_lost": -1},
            "the provider will refuse the next request": {
                "rules": [
                    {
                        "group": "momo.create",
                        "set": {"error_status": 400, "error_code": "PAYEE_NOT_FOUND"},
                        "times": 1,
                    }
                ]
            },
            "the provider will not know the number of the next request": {
                "rules": [
                    {
                        "group": "momo.create",
                        "set": {"error_status": 400, "error_code": "PAYER_NOT_FOUND"},
                        "times": 1,
                    }
                ]
            },
            "the provider will not say what becomes of the next request": {
                "rules": [{"group": "momo.create", "set": {"status_word": "PENDING"}, "times": 1}]
            },
            "the provider's lists of auto-debits are down": {
                "rules": [{"group": "momo.agreement", "set": {"error_status": 503}}]
            },
            "the provider's questions for details are down": {
                "rules": [{"group": "momo.consent", "set": {"error_status": 503}}]
            },
        }
        if what == "everything works again":
            stage.faults()
        elif what in switches:
            stage.faults(**switches[what])
        else:
            raise AssertionError(f"nobody knows how to do this: {what}")

    async def _drops(self) -> None:
        assert isinstance(self._actor, Phone)
        await self._actor.drop()

    async def _waits(self) -> None:
        assert isinstance(self._actor, Phone)
        await self._actor.time_out()

    async def _repeats(self) -> None:
        actor = self._actor
        assert isinstance(actor, Phone | WebChat)
        if isinstance(actor, WebChat):
            await actor.repeats()
            return
        before = actor.screen
        screen = await actor.repeat()
        assert screen.raw == before.raw, "a repeat is answered with other bytes"
        self._write("- the same answer again")

    async def _shares(self) -> None:
        await self._share()

    async def _shares_foreign(self) -> None:
        await self._share(phone="233240000777", user_id=999)

    async def _shares_forwarded(self) -> None:
        await self._share(forwarded=True)

    async def _share(self, **card: object) -> None:
        actor = self._actor
        assert isinstance(actor, TelegramChat)
        await actor.person.shares_contact(**card)  # type: ignore[arg-type]
        await self._stage.settle()
        await self._show_chat(actor, "<")

    async def _asked_often(self) -> None:
        store, sealer = self._stage.store, self._stage.kasapay.sealer
        hashed = sealer.hash("holder", PEOPLE[self._name])
        for _ in range(_LOOKUPS_PER_HOUR):
            await store.count(f"holder:{hashed}", 3600_000, self._stage.clock(), _LOOKUPS_PER_HOUR)

    def _meant(self, said: str) -> str:
        """The code behind a placeholder; what is secret in it is looked for on the disk in the end."""
        if found := re.fullmatch(r"(?:(\w+)'s )?OTP", said):
            code = self._stage.otp(PEOPLE[found[1] or self._name])
            self._typed_secrets.add(code)
            forbid(code)
            return code
        if said == "PIN":
            self._typed_secrets.add(STAFF_PIN)
            return STAFF_PIN
        if said == "LINK":
            return [code for code in self._stage.ids.drawn if code not in self._staff_codes][-1]
        if said == "STAFF":
            return self._staff_codes[-1]
        if found := re.fullmatch(r"CODE(\d*)", said):
            return self._codes[int(found[1] or 1) - 1]
        return said

    # ---- what comes of it

    def _write(self, mark: str, said: str = "", end: str = "") -> None:
        """A line; `said` is what reads otherwise in another language."""
        self._out.append(f"{mark}{said}{end}".rstrip())
        self._elsewhere.append(f"{mark}{self._interpreter(said)}{end}".rstrip())

    def _write_lines(self, mark: str, text: str, first: str = "") -> None:
        """The lines of a screen or a message, each behind its mark."""
        for out, words in ((self._out, text), (self._elsewhere, self._interpreter(text))):
            for number, line in enumerate(self._named(words).splitlines()):
                out.append(f"{mark} {'' if number else first}{line}".rstrip())

    def _show_screen(self, text: str, is_open: bool) -> None:
        self._write_lines("<", text)
        if not is_open:
            self._write("- the session ends")

    async def _settle(self) -> None:
        """Let everything happen, and write down what arrived anywhere."""
        await self._stage.settle()
        world = self._stage.sandbox.sandbox.world
        for sms in world.sms[self._sms_seen :]:
            number = show_local(f"+{sms.msisdn}", "GH")
            for out, words in ((self._out, sms.text), (self._elsewhere, self._interpreter(sms.text))):
                out.append(f"~ sms to {number}: {self._named(words, one_line=True)}")
        self._sms_seen = len(world.sms)
        for name, actor in self._actors.items():
            if not isinstance(actor, Phone):
                where = "" if actor is self._actor else f"{name}: "
                await self._show_chat(actor, f"~ {where}".rstrip(), arrived=True)

    async def _show_chat(self, actor: WebChat | TelegramChat, mark: str, *, arrived: bool = False) -> None:
        news = await actor.look()
        while not news and isinstance(actor, TelegramChat) and not arrived:
            # A chat takes one message a second: the next one may be waiting for its turn.
            due_ms = await self._stage.kasapay.outbox.next_ms()
            if due_ms is None or due_ms > self._stage.clock.ms + 2000:
                return
            self._stage.clock.ms = max(due_ms, self._stage.clock.ms + 1)
            await self._stage.settle()
            news = await actor.look()
        for shown in news:
            self._show_message(shown, mark)

    def _show_message(self, shown: Shown, mark: str) -> None:
        self._write_lines(mark, shown.text, "(in place of the earlier message) " if shown.edited else "")
        for out, in_words in ((self._out, str), (self._elsewhere, self._interpreter)):
            if shown.buttons:
                labels = enumerate((in_words(label) for label, _ in shown.buttons), 1)
                out.append(f"{mark} {' '.join(f'[{n} {label}]' for n, label in labels)}")
            if shown.keys:
                out.append(f"{mark} keys: {' '.join(f'[{in_words(key)}]' for key in shown.keys)}")

    def _named(self, text: str, *, one_line: bool = False) -> str:
        """The text with codes drawn by chance as words; the code of a second order shown is CODE2."""
        ids = self._stage.ids
        unknown = [code for code in ids.codes if code in text and code not in self._codes]
        self._codes += sorted(unknown, key=text.index)
        for number, code in enumerate(self._codes, 1):
            text = text.replace(code, "CODE" if number == 1 else f"CODE{number}")
        for code in ids.drawn:
            text = text.replace(code, "STAFF" if code in self._staff_codes else "LINK")
        text = re.sub(r"\b\d{6} is your code", "OTP is your code", text)
        for row in self._stage.rows("SELECT payment_reference FROM agreements WHERE payment_reference <> ''"):
            text = text.replace(row["payment_reference"], "INVOICE")
        return " / ".join(text.splitlines()) if one_line else text

    async def _sum_up(self) -> None:
        orders = await self._stage.orders()
        entries = {entry.reference: entry for entry in self._stage.entries}
        agreements = self._stage.rows("SELECT code, kind, state FROM agreements ORDER BY created_ms, id")
        if orders or agreements:
            self._write("")

        def told(order: OrderRow) -> tuple[int, int]:
            # Those of one moment as people heard of them.
            known = order.code in self._codes
            return order.created_ms, self._codes.index(order.code) if known else len(self._codes)

        for order in sorted(orders, key=told):
            entry = entries.get(order.reference) or entries.get(order.reference.replace("-", ""))
            if entry is None and order.kind is OrderKind.REFUND:
                # Startbutton's bear no reference of ours; those of one payment are never alike here.
                alike = (e for e in entries.values() if e.kind == "refund" and e.provider == "startbutton")
                entry = next((e for e in alike if e.amount * 100 == order.amount_minor), None)
            nothing = "nothing was paid out" if order.kind in PAYOUTS else "nothing was taken"
            charged = "the provider never heard of it" if entry is None else nothing
            if order.kind is OrderKind.PREAPPROVAL_CANCEL:
                charged = "nothing was taken"  # it is no request of its own there
            if entry is not None and entry.times_charged:
                charged = "taken once" if entry.times_charged == 1 else "TAKEN MORE THAN ONCE"
            if entry is not None and entry.times_paid_out:
                charged = "paid out once" if entry.times_paid_out == 1 else "PAID OUT MORE THAN ONCE"
            amount = f"{order.currency} {order.amount_minor / 100:.2f}"
            party = f"from {show_local(order.payer, 'GH')}"
            if order.kind in PAYOUTS:
                party = f"to {show_local(order.payee, 'GH') or order.details.account_number}"
            if order.kind is OrderKind.BILL:
                party = f"for {order.details.service_provider} {order.details.customer_reference}"
            kind = "" if order.kind is OrderKind.COLLECTION else f"{order.kind.value} "
            self._write(f"= {self._named(order.code)} {kind}{amount} {party}: {order.state.value}, {charged}")
        for row in agreements:
            self._write(f"= {self._named(row['code'])} {row['kind']}: {row['state']}")


def _joined(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
