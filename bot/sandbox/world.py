"""The state of the pretend world: its clock, people, credentials and entries, and what happens next.

Changes are made here synchronously, so that one event-loop step is one atomic change; the record
makes them durable before any answer leaves. What a status *means* lives with each provider.
"""

import asyncio
import hashlib
import heapq
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import msgspec

from bot.sandbox.config import SandboxConfig, parse_amounts, plain_digits
from bot.sandbox.events import Events
from bot.sandbox.faults import Faults
from bot.sandbox.model import ApiUser, Entry, Handset, Setting, Sms, Step, Token
from bot.sandbox.record import Record

_LONGEST_NAP_S = 3600.0


class Player(Protocol):
    """What the world asks of a provider."""

    def apply(self, world: "World", entry: Entry, step: Step) -> None:
        """Carry out a step whose time has come."""

    def approve(self, world: "World", entry: Entry) -> None:
        """The payer gave the right PIN."""

    def reject(self, world: "World", entry: Entry) -> None:
        """The payer said no."""

    def lock(self, world: "World", entry: Entry) -> None:
        """The payer gave a wrong PIN too often."""


def digest(secret: str) -> str:
    """What a key or token is kept as: the file of a sandbox holds no credential either."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class World:
    """One sandbox. `now` is the clock given from outside; `offset` is what was advanced by hand."""

    config: SandboxConfig
    record: Record
    clock: Callable[[], float]
    players: dict[str, Player] = field(default_factory=dict)
    offset: float = 0.0
    events: Events = field(default_factory=Events)
    handsets: dict[str, Handset] = field(default_factory=dict)
    sms: list[Sms] = field(default_factory=list)
    users: dict[str, ApiUser] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    known_phones: set[str] = field(default_factory=set)
    collected: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        self.faults = Faults(self.config.faults)
        self.chance = random.Random(self.config.seed)
        self.woken = asyncio.Event()
        self._by_reference: dict[tuple[str, str, str], Entry] = {}
        self._by_prompt: dict[str, Entry] = {}
        self._due: list[tuple[float, int]] = []
        self.last_seq = 0
        self.last_seen = 0

    # Beginning.

    async def load(self) -> None:
        """Take up what the record holds, then add what the configuration presets."""
        record = self.record
        self.handsets = await record.load_documents("handset", Handset)
        self.users = await record.load_documents("user", ApiUser)
        self.tokens = await record.load_documents("token", Token)
        self.sms = sorted((await record.load_documents("sms", Sms)).values(), key=lambda sms: sms.seq)
        self.known_phones = set(await record.load_documents("phone", Setting))
        settings = await record.load_documents("setting", Setting)
        if "offset" in settings:
            self.offset = msgspec.json.decode(settings["offset"].value, type=float)
        for entry in await record.load_entries():
            self._index(entry)
            self._count(entry, entry.times_charged - entry.returned)
            self.schedule(entry)
        self.last_seq = await record.last_seq("entries")
        self.last_seen = await record.last_seq("requests")
        self.preset()

    def preset(self) -> None:
        """Add the configured handsets that are not there, and the configured API users."""
        for given in self.config.handsets:
            msisdn = plain_digits(given.msisdn)
            if msisdn not in self.handsets:
                balances = parse_amounts(given.balance)
                self.keep_handset(Handset(msisdn=msisdn, name=given.name, pin=given.pin, balances=balances))
        for user in self.config.momo.users:
            self.keep_user(
                ApiUser(
                    api_user=user.api_user,
                    key_hashes=[digest(user.api_key)],
                    callback_host=user.callback_host,
                    environment=user.environment or self.config.momo.environment,
                    product=user.product,
                    subscription_keys=list(user.subscription_keys),
                    payee=user.payee,
                    balance=Decimal(user.balance),
                    preset=True,
                )
            )

    def forget_all(self) -> None:
        """Back to the beginning, except that credentials stay valid."""
        for handset in self.handsets.values():
            self.record.forget("handset", handset.msisdn)
        for sms in self.sms:
            self.record.forget("sms", sms.id)
        for phone in self.known_phones:
            self.record.forget("phone", phone)
        self.record.forget("setting", "offset")
        self.record.wipe("entries", "deliveries", "requests")
        self.handsets, self.sms, self.known_phones = {}, [], set()
        self.entries, self._by_reference, self._by_prompt, self._due = {}, {}, {}, []
        self.collected.clear()
        self.offset = 0.0
        self.chance.seed(self.config.seed)
        self.faults.reset()
        self.preset()
        self.events.tell("reset")

    # Time.

    def now(self) -> float:
        """Epoch seconds on the sandbox's clock."""
        return self.clock() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock on and do what became due."""
        self.offset += seconds
        self.keep_setting("offset", self.offset)
        self.run_due()
        self.events.tell("clock", offset_s=self.offset)
        self.woken.set()

    def schedule(self, entry: Entry) -> None:
        """Have the next step of `entry` happen in time."""
        if entry.timeline:
            heapq.heappush(self._due, (entry.timeline[0].at, entry.seq))
            self.woken.set()

    def run_due(self) -> None:
        """Carry out every step whose time has come, in order."""
        now = self.now()
        while self._due and self._due[0][0] <= now:
            _, seq = heapq.heappop(self._due)
            entry = self.entries.get(seq)
            while entry is not None and entry.timeline and entry.timeline[0].at <= now:
                step = entry.timeline.pop(0)
                self.players[entry.provider].apply(self, entry, step)
                self.keep_entry(entry)
                self.schedule(entry)

    def next_due(self) -> float:
        """Seconds until the next step, at most an hour."""
        if not self._due:
            return _LONGEST_NAP_S
        return min(max(self._due[0][0] - self.now(), 0.0), _LONGEST_NAP_S)

    # Entries.

    def new_seq(self) -> int:
        """The next place in the record."""
        self.last_seq += 1
        return self.last_seq

    def add_entry(self, entry: Entry) -> None:
        """Put an accepted creation into the record. Its timeline starts with `schedule`."""
        self._index(entry)
        self.keep_entry(entry)

    def keep_entry(self, entry: Entry) -> None:
        """Write a changed entry and tell the page."""
        self.record.put_entry(entry)
        self.events.tell("record", seq=entry.seq, reference=entry.reference, status=entry.status)
        if entry.msisdn in self.handsets:
            self.events.tell("handset", msisdn=entry.msisdn)

    def find_entry(self, provider: str, account: str, reference: str) -> Entry | None:
        """The entry created under this reference, or known to its provider by it."""
        return self._by_reference.get((provider, account, reference))

    def find_any(self, reference: str) -> Entry | None:
        """The newest entry with this reference at any provider."""
        for entry in reversed(self.entries.values()):
            if reference in (entry.reference, entry.provider_reference):
                return entry
        return None

    def find_prompt(self, prompt_id: str) -> Entry | None:
        """The entry whose prompt this is."""
        return self._by_prompt.get(prompt_id)

    def prompts_of(self, msisdn: str) -> list[Entry]:
        """Entries with an open prompt on a handset, oldest first."""
        return [
            entry
            for entry in self._by_prompt.values()
            if entry.prompt is not None and entry.prompt.msisdn == msisdn and entry.prompt.state == "open"
        ]

    def index_prompt(self, entry: Entry) -> None:
        """Let the prompt of `entry` be found by its id."""
        if entry.prompt is not None:
            self._by_prompt[entry.prompt.id] = entry

    def drop_prompt(self, entry: Entry) -> None:
        """Close the prompt of `entry`, if it has one."""
        if entry.prompt is not None:
            entry.prompt.state = "closed"
            self._by_prompt.pop(entry.prompt.id, None)
            self.events.tell("handset", msisdn=entry.prompt.msisdn)

    def _index(self, entry: Entry) -> None:
        self.entries[entry.seq] = entry
        for reference in (entry.reference, entry.provider_reference):
            self._by_reference.setdefault((entry.provider, entry.account, reference), entry)
        if entry.prompt is not None and entry.prompt.state != "closed":
            self._by_prompt[entry.prompt.id] = entry

    # Money.

    def charge(self, entry: Entry) -> bool:
        """Take the amount from the payer's handset (if there is one) to the merchant; False if it lacks."""
        handset = self.handsets.get(entry.msisdn or "")
        if handset is not None:
            left = handset.balances.get(entry.currency, Decimal(0)) - entry.amount
            if left < 0:
                return False
            handset.balances[entry.currency] = left
            self.keep_handset(handset)
        entry.times_charged += 1
        self._count(entry, 1)
        return True

    def give_back(self, entry: Entry) -> None:
        """Return the amount to the payer."""
        handset = self.handsets.get(entry.msisdn or "")
        if handset is not None:
            handset.balances[entry.currency] = handset.balances.get(entry.currency, Decimal(0)) + entry.amount
            self.keep_handset(handset)
        entry.returned = True
        self._count(entry, -1)

    def _count(self, entry: Entry, times: int) -> None:
        purse = self.collected[f"{entry.provider}:{entry.detail.get('purse', entry.account)}"]
        purse[entry.currency] = purse.get(entry.currency, Decimal(0)) + entry.amount * times

    # People and settings.

    def keep_handset(self, handset: Handset) -> None:
        """Write a new or changed handset."""
        self.handsets[handset.msisdn] = handset
        self.record.put("handset", handset.msisdn, handset)
        self.events.tell("handset", msisdn=handset.msisdn)

    def drop_handset(self, msisdn: str) -> bool:
        """Remove a handset; False if there is none. Its inbox stays."""
        if self.handsets.pop(msisdn, None) is None:
            return False
        self.record.forget("handset", msisdn)
        self.events.tell("handset", msisdn=msisdn)
        return True

    def send_sms(self, msisdn: str, sender: str, text: str) -> Sms:
        """Put a message into a number's inbox."""
        seq = self.sms[-1].seq + 1 if self.sms else 1
        sms = Sms(seq, f"ATXid_{seq}", msisdn, sender, text, self.now())
        self.sms.append(sms)
        self.record.put("sms", sms.id, sms)
        self.events.tell("sms", msisdn=msisdn, id=sms.id)
        return sms

    def keep_user(self, user: ApiUser) -> None:
        """Write a new or changed API user."""
        self.users[user.api_user] = user
        self.record.put("user", user.api_user, user)

    def keep_token(self, text: str, token: Token) -> None:
        """Write a token under its digest, and drop those that ran out."""
        for key in [key for key, kept in self.tokens.items() if kept.expires_at <= self.now()]:
            del self.tokens[key]
            self.record.forget("token", key)
        self.tokens[digest(text)] = token
        self.record.put("token", digest(text), token)

    def remember_phone(self, phone: str) -> None:
        """A phone that has given an OTP is not asked for one again."""
        if phone not in self.known_phones:
            self.known_phones.add(phone)
            self.record.put("phone", phone, Setting(msgspec.Raw(b"true")))

    def keep_setting(self, name: str, value: object) -> None:
        """Write a setting that outlives a restart."""
        self.record.put("setting", name, Setting(msgspec.Raw(msgspec.json.encode(value))))
