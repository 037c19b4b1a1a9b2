"""People and their addresses, merchants and their staff, and the codes that link a chat and a number."""

from typing import Protocol

import msgspec

from bot.store.records import AddressRow, LinkCode, MerchantRow, PersonRow, StaffRow

__all__ = [
    "CountTries",
    "EndAddress",
    "ForgetPerson",
    "KeepLinkCode",
    "KeepMerchant",
    "KeepStaff",
    "LinkAddress",
    "PeopleIntents",
    "RenewAddress",
    "SaveAddress",
    "SavePerson",
    "SetPin",
    "UnlinkChat",
    "UseLinkCode",
]


class SavePerson(msgspec.Struct, frozen=True):
    """Insert the person, or update language by id."""

    row: PersonRow


class SaveAddress(msgspec.Struct, frozen=True):
    """Insert, or by id update seen, verified and reachable. Conflict("address") where another live
    row owns (kind, value) or the kept row has ended. A verification is never taken back by it."""

    row: AddressRow


class ForgetPerson(msgspec.Struct, frozen=True):
    """Forget a person, as far as the ledger allows: addresses, what was said, roles, codes, and where orders
    began and what was noted on them. Orders, agreements and their ledgers stay, with the payer's number.

    Conflict("order") while an order that the person began is open, Conflict("agreement") while one stands
    with a number of theirs, Conflict("person") where there is nothing to forget.
    """

    person_id: str


class EndAddress(msgspec.Struct, frozen=True):
    """End the live row of (kind, value), if any."""

    kind: str
    value: str
    at_ms: int


class LinkAddress(msgspec.Struct, frozen=True):
    """Move a chat's live address and the orders begun there to `person_id`, verified at `at_ms`.

    What was sent and what waits to be sent there is that person's from then on. The conversations begun
    there end, also one saved in the same commit, since a link is applied after the commit's other changes.
    Roles never move: a role belongs to its enrolled address. Conflict("address") where nobody owns it. A
    person's own address is only verified.
    """

    kind: str
    value: str
    person_id: str
    at_ms: int


class RenewAddress(msgspec.Struct, frozen=True):
    """A live address goes on under `new`, with its owner's orders, its messages, conversations and roles.
    Whoever only knows the old value has nothing. Applied last of a commit. Conflict("address") where
    nobody owns it or `new` is taken."""

    kind: str
    value: str
    new: str
    at_ms: int


class UnlinkChat(msgspec.Struct, frozen=True):
    """End the chat's live address while it is `person_id`'s, the conversations held there, the roles taken
    up there, and the replies that wait to go there. Orders and results stay with the person.
    Conflict("address") where the chat is not theirs (any more)."""

    kind: str
    value: str
    person_id: str
    at_ms: int


class KeepMerchant(msgspec.Struct, frozen=True):
    """Insert or update by id. Conflict("merchant") where another owns the code."""

    row: MerchantRow


class KeepStaff(msgspec.Struct, frozen=True):
    """Insert or update by id. With `taken_up_by`, the hash of a one-time code, Conflict("staff") unless the
    kept row still waits for that very code: of two who take a role up one is first, and one that was
    removed meanwhile stays removed."""

    row: StaffRow
    taken_up_by: str = ""


class CountTries(msgspec.Struct, frozen=True):
    """Set what the tries at a role's PIN have come to, and nothing else of it. Nothing where it is gone.

    With `was`, Conflict("staff") where they were not so many any more: of two tries at once each counts.
    """

    staff_id: str
    wrong_tries: int
    locked: bool
    was: int | None = None


class SetPin(msgspec.Struct, frozen=True):
    """Put a role's PIN hash in place of `was`, all tries back. Conflict("staff") where it has another one
    by now, is locked or gone."""

    staff_id: str
    was: str
    pin_hash: str


class KeepLinkCode(msgspec.Struct, frozen=True):
    """Insert; earlier unused codes of the same person are ended."""

    row: LinkCode


class UseLinkCode(msgspec.Struct, frozen=True):
    """Mark a code used. Conflict("link") where it is used, expired or unknown."""

    hash: str
    at_ms: int


class PeopleIntents(Protocol):
    async def person(self, person_id: str) -> PersonRow | None: ...

    async def person_of(self, kind: str, value: str) -> tuple[PersonRow, AddressRow] | None:
        """Who owns a live address."""
        ...

    async def addresses_of(self, person_id: str) -> tuple[AddressRow, ...]:
        """Live ones, newest seen first."""
        ...

    async def recent_merchants(self, person_id: str, limit: int) -> tuple[MerchantRow, ...]:
        """Active merchants the person paid, latest first, each once."""
        ...

    async def merchant(self, merchant_id: str) -> MerchantRow | None: ...

    async def merchant_by_code(self, code: str) -> MerchantRow | None:
        """Active or not; case-insensitive."""
        ...

    async def merchants(self) -> tuple[MerchantRow, ...]: ...

    async def staff_of(self, kind: str, value: str) -> tuple[StaffRow, ...]: ...

    async def staff_of_merchant(self, merchant_id: str) -> tuple[StaffRow, ...]: ...

    async def staff_by_enrol_hash(self, enrol_hash: str) -> StaffRow | None: ...

    async def staff_member(self, staff_id: str) -> StaffRow | None: ...

    async def link_code(self, hash: str) -> LinkCode | None: ...

    async def open_link_code(self, msisdn: str, now_ms: int) -> LinkCode | None:
        """The number's code that is neither used nor over."""
        ...
