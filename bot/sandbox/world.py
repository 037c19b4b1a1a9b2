"""The state of the pretend world: its clock, people, credentials and entries, and what happens next.

Changes are made here synchronously, so that one event-loop step is one atomic change; the record
makes them durable before any answer leaves. What a status *means* lives with each provider.
"""

import asyncio
import hashlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import msgspec

from bot.sandbox.books import OUTSIDE, Books, handset_holder, purse_of
from bot.sandbox.config import PRODUCTS, SandboxConfig, parse_amounts
from bot.sandbox.events import Events
from bot.sandbox.faults import Faults
from bot.sandbox.model import ApiUser, Entry, Handset, Setting, Sms, Step, Token
from bot.sandbox.momo.magic import CURRENCIES
from bot.sandbox.record import Record

_LONGEST_NAP_S = 3600.0
AGREEMENTS = ("pre_approval", "invoice")  # kinds that stand for a while and are asked for by their party


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

    def __post_init__(self) -> None:
        self.books = Books(self.record)
        self.faults = Faults(self.config.faults)
        self.chance = random.Random(self.config.seed)
        self.woken = asyncio.Event()
        self._by_reference: dict[tuple[str, str, str], Entry] = {}
        self._by_prompt: dict[str, Entry] = {}
        self._agreements: dict[str, list[Entry]] = {}
        self._due: list[tuple[float, int]] = []
        self.last_seq = 0
        self.last_seen = 0

    # Beginning again.

    def forget_all(self) -> None:
        """Forget people and what happened; credentials stay valid."""
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
        self._agreements = {}
        self.books.clear()
        self.offset = 0.0
        self.chance.seed(self.config.seed)
        self.faults.reset()

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

    def take_up(self, entry: Entry) -> None:
        """Go on with an entry that the record held."""
        self._index(entry)
        self.schedule(entry)

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

    def agreements_of(self, party: str) -> list[Entry]:
        """Pre-approvals and invoices of a party (a number without plus), oldest first."""
        return self._agreements.get(party, [])

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
        if entry.kind in AGREEMENTS:
            self._agreements.setdefault(entry.msisdn or entry.party, []).append(entry)
        if entry.prompt is not None and entry.prompt.state != "closed":
            self._by_prompt[entry.prompt.id] = entry

    # Money.

    def charge(self, entry: Entry) -> bool:
        """Take the amount from the payer's handset (if there is one) to the merchant; False if it lacks."""
        handset = self.handsets.get(entry.msisdn or "")
        if handset is not None and not self._change(handset, entry.currency, -entry.amount):
            return False
        entry.times_charged += 1
        self.books.move(entry.kind, entry.currency, entry.amount, _customer(handset), purse_of(entry))
        return True

    def pay_out(self, entry: Entry) -> bool:
        """Bring the amount from the merchant to the payee's handset, or outside; False if it lacks."""
        if self.merchant_balance(purse_of(entry), entry.currency) < entry.amount:
            return False
        handset = self.handsets.get(entry.msisdn or "")
        if handset is not None:
            self._change(handset, entry.currency, entry.amount)
        entry.times_paid_out += 1
        self.books.move(entry.kind, entry.currency, entry.amount, purse_of(entry), _customer(handset))
        return True

    def give_back(self, entry: Entry) -> None:
        """Return the amount of a charge to the payer."""
        handset = self.handsets.get(entry.msisdn or "")
        if handset is not None:
            self._change(handset, entry.currency, entry.amount)
        entry.returned = True
        kind = f"{entry.kind}_returned"
        self.books.move(kind, entry.currency, entry.amount, purse_of(entry), _customer(handset))

    def purse(self, user: ApiUser, product: str) -> str:
        """Where an API user's money lies: the wallet it names, or one of its own, by configuration for
        each product."""
        own = user.api_user if self.config.momo.one_wallet else f"{user.api_user}/{product}"
        return user.wallet or own

    def openings(self) -> dict[str, dict[str, Decimal]]:
        """What each merchant's purse began with, by its holder name and currency."""
        found = {
            f"startbutton:{account.name}": parse_amounts(account.balance)
            for account in self.config.startbutton.accounts
        }
        for user in self.users.values():
            for product in PRODUCTS if user.product is None else (user.product,):
                purse = f"momo:{self.purse(user, product)}"
                found.setdefault(purse, dict.fromkeys(CURRENCIES[user.environment], user.balance))
        return found

    def merchant_balance(self, holder: str, currency: str) -> Decimal:
        """What a merchant's purse holds now."""
        opening = self.openings().get(holder, {}).get(currency, Decimal(0))
        return opening + self.books.balance(holder, currency)

    def _change(self, handset: Handset, currency: str, by: Decimal) -> bool:
        """Change what a handset has; False, and no change, if it has too little."""
        left = handset.balances.get(currency, Decimal(0)) + by
        if by < 0 and left < 0:
            return False
        handset.balances[currency] = left
        self.keep_handset(handset)
        return True

    # People and settings.

    def keep_handset(self, handset: Handset) -> None:
        """Write a new or changed handset."""
        self.handsets[handset.msisdn] = handset
        self.record.put("handset", handset.msisdn, handset)
        self.events.tell("handset", msisdn=handset.msisdn)

    def set_handset(self, handset: Handset) -> None:
        """Write a handset whose balances were set by hand; the books note what that added or took."""
        for currency, amount in handset.balances.items():
            self.books.open(handset_holder(handset.msisdn), currency, amount)
        self.keep_handset(handset)

    def drop_handset(self, msisdn: str) -> bool:
        """Remove a handset with what it has; False if there is none. Its inbox stays."""
        handset = self.handsets.pop(msisdn, None)
        if handset is None:
            return False
        for currency in handset.balances:
            self.books.open(handset_holder(msisdn), currency, Decimal(0))
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


def _customer(handset: Handset | None) -> str:
    return handset_holder(handset.msisdn) if handset is not None else OUTSIDE
