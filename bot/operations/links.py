"""Links of a chat and a number: by a code obtained over USSD, or by a number the chat vouches for; and
their end."""

import hmac
from collections.abc import Set
from typing import Final

import msgspec

from bot.dialog import views as v
from bot.money import Msisdn
from bot.operations.actor import Actor, EffectResult, Operator
from bot.operations.staff_roles import freed
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.security_events import SecurityEvents
from bot.runtime.timeouts import Timeouts
from bot.store.base import (
    Change,
    EndAddress,
    KeepLinkCode,
    KeepStaff,
    LinkAddress,
    SaveAddress,
    SavePerson,
    Store,
    UnlinkChat,
    UseLinkCode,
)
from bot.store.records import AddressRow, LinkCode

__all__ = ["Links"]

_HOUR_MS: Final = 3600_000
# Wrong link codes of everybody within a code's life, above which an operator is warned.
_WRONG_LINKS: Final = 200


class Links:
    """What people and operators do with links: make one, see them, end them."""

    def __init__(
        self,
        store: Store,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        security: SecurityEvents,
    ) -> None:
        self._store = store
        self._security = security
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts

    async def make_code(self, actor: Actor) -> EffectResult:
        """A link code for the actor's number, to be typed in a chat."""
        now_ms = self._clock()
        code = self._ids.digits(8)
        kept = LinkCode(
            hash=self._sealer.hash("link", code),
            person_id=actor.person.id,
            msisdn=actor.msisdn,
            expires_ms=now_ms + int(self._timeouts.link_code_s * 1000),
        )
        minutes = int(self._timeouts.link_code_s // 60)
        return EffectResult((KeepLinkCode(kept),), v.NewLinkCode(code=code, minutes=minutes))

    async def link(self, actor: Actor, proof: str) -> EffectResult:
        """By the chat's own word for its number."""
        return await self._shared(proof.removeprefix("shared:"), actor)

    async def link_with(self, actor: Actor, secret: str, msisdn: Msisdn) -> EffectResult:
        """Wrong tries count against whoever makes them, and end no other number's code. Whether the number
        has an open code cannot be told from the answer."""
        now_ms = self._clock()
        peer = self._sealer.hash("peer", actor.peer)
        if not await self._store.count(f"link:{peer}", _HOUR_MS, now_ms, self._timeouts.link_tries_an_hour):
            return EffectResult(result=v.Linked(refused="tries"))
        code = await self._store.open_link_code(msisdn, now_ms)
        bucket = code.hash if code is not None else self._sealer.hash("link", msisdn)
        window_ms = int(self._timeouts.link_code_s * 1000)
        left = await self._store.count(f"code:{bucket}", window_ms, now_ms, self._timeouts.link_code_tries)
        right = code is not None and hmac.compare_digest(code.hash, self._sealer.hash("link", secret))
        if code is None or not left or not right:
            await self._watch(actor, now_ms)
            return EffectResult(result=v.Linked(refused="code"))
        changes: list[Change] = [UseLinkCode(code.hash, now_ms)]
        if code.person_id != actor.person.id:
            changes.append(_joined(code.person_id, actor, now_ms))
        else:
            changes.append(SaveAddress(msgspec.structs.replace(actor.address_row, verified_ms=now_ms)))
        changes += actor.renewal(now_ms)
        return EffectResult(tuple(changes), v.Linked(msisdn=code.msisdn))

    async def _watch(self, actor: Actor, now_ms: int) -> None:
        """Many wrong codes of all together stop nobody, but somebody should know of them."""
        self._security.note("link_code", channel=actor.channel, person=actor.person.id)
        window_ms = int(self._timeouts.link_code_s * 1000)
        if not await self._store.count("link:wrong", window_ms, now_ms, _WRONG_LINKS):
            self._security.note("link_brake")

    async def _shared(self, msisdn: Msisdn, actor: Actor) -> EffectResult:
        """The chat vouches for the number: it joins the number's person, or the number joins the chat's."""
        now_ms = self._clock()
        owner = await self._store.person_of("msisdn", msisdn)
        if owner is not None and owner[0].id != actor.person.id:
            return EffectResult((_joined(owner[0].id, actor, now_ms),), v.Linked(msisdn=msisdn))
        changes: list[Change] = []
        if owner is None:
            number = AddressRow(
                id=self._ids.uuid(),
                person_id=actor.person.id,
                kind="msisdn",
                value=msisdn,
                created_ms=now_ms,
                seen_ms=now_ms,
                verified_ms=now_ms,
            )
            changes.append(SaveAddress(number))
        changes.append(SaveAddress(msgspec.structs.replace(actor.address_row, verified_ms=now_ms)))
        return EffectResult(tuple(changes), v.Linked(msisdn=msisdn))

    async def chats(self, actor: Actor) -> tuple[v.ChatCard, ...]:
        """The actor's own chats, the one that spoke last first."""
        return tuple(v.ChatCard(row.id, row.kind, row.seen_ms) for row in await self._linked(actor.person.id))

    async def chats_of(self, operator: Operator, person_id: str) -> tuple[AddressRow, ...]:
        """Anybody's chats, with all that is known of them."""
        return await self._linked(person_id)

    async def _linked(self, person_id: str) -> tuple[AddressRow, ...]:
        rows = await self._store.addresses_of(person_id)
        return tuple(row for row in rows if row.kind != "msisdn" and row.verified_ms is not None)

    async def unlink(self, actor: Actor, chat_id: str) -> EffectResult:
        """End the link of one of the actor's chats; without an id, of the chat they speak in."""
        if not chat_id:
            return self._leave(actor, self._clock())
        return await self._end(actor.person.id, {chat_id})

    async def unlink_chats(self, operator: Operator, person_id: str, chat_ids: Set[str]) -> EffectResult:
        """End links of anybody's: those chats see nothing of the person any more, and roles there end."""
        return await self._end(person_id, chat_ids)

    async def _end(self, person_id: str, chat_ids: Set[str]) -> EffectResult:
        found = [row for row in await self._linked(person_id) if row.id in chat_ids]
        if len(found) < len(chat_ids):
            return EffectResult(result=v.Done(ok=False))
        now_ms = self._clock()
        return EffectResult(
            tuple(UnlinkChat(row.kind, row.value, row.person_id, now_ms) for row in found), v.Done()
        )

    def _leave(self, actor: Actor, now_ms: int) -> EffectResult:
        """The chat becomes a new person's, who knows nothing of the one before."""
        row = actor.address_row
        person = msgspec.structs.replace(actor.person, id=self._ids.uuid(), created_ms=now_ms)
        fresh = AddressRow(
            id=self._ids.uuid(),
            person_id=person.id,
            kind=row.kind,
            value=row.value,
            created_ms=now_ms,
            seen_ms=now_ms,
        )
        changes: tuple[Change, ...] = (
            EndAddress(row.kind, row.value, now_ms),
            SavePerson(person),
            SaveAddress(fresh),
            *(KeepStaff(freed(role)) for role in actor.staff),
        )
        return EffectResult(changes, v.Done(), person=person)


def _joined(person_id: str, actor: Actor, now_ms: int) -> LinkAddress:
    return LinkAddress(actor.address.kind, actor.address.value, person_id, now_ms)
