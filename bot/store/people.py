"""People, their addresses, link codes, merchants and staff."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from typing import Final

from bot.store import announcing
from bot.store.base import (
    Conflict,
    CountTries,
    EndAddress,
    KeepLinkCode,
    KeepMerchant,
    KeepStaff,
    LinkAddress,
    RenewAddress,
    SaveAddress,
    SavePerson,
    SetPin,
    UnlinkChat,
    UseLinkCode,
)
from bot.store.records import AddressRow, LinkCode, MerchantRow, PersonRow, StaffRow
from bot.store.rows import ADDRESSES, LINK_CODES, MERCHANTS, PEOPLE, STAFF, Table, Tx

__all__ = [
    "addresses_of",
    "end_address",
    "keep_link_code",
    "keep_merchant",
    "keep_staff",
    "link_address",
    "link_code",
    "open_link_code",
    "merchant",
    "merchant_by_code",
    "merchants",
    "owner_of",
    "person",
    "recent_merchants",
    "renew_address",
    "save_address",
    "save_person",
    "set_pin",
    "staff_by_enrol_hash",
    "staff_member",
    "staff_of",
    "staff_of_merchant",
    "unlink_chat",
    "use_link_code",
]


def _upsert(table: Table[MerchantRow] | Table[StaffRow]) -> str:
    """Insert or update by id; another row's unique key is still refused."""
    given = ", ".join(f"{column} = excluded.{column}" for column in table.columns if column != "id")
    return table.insert.replace("ON CONFLICT DO NOTHING", f"ON CONFLICT (id) DO UPDATE SET {given}")


# ---- changes -------------------------------------------------------------------------------------

_SAVE_PERSON: Final = PEOPLE.insert.replace(
    "ON CONFLICT DO NOTHING",
    "ON CONFLICT (id) DO UPDATE SET language = excluded.language, language_chosen = excluded.language_chosen",
)


def save_person(tx: Tx, change: SavePerson) -> None:
    tx.execute(_SAVE_PERSON, PEOPLE.write(change.row))


# A turn that read the row before it was verified writes later: it must not take that back.
_UPDATE_ADDRESS: Final = """
    UPDATE addresses SET verified_ms = COALESCE(?, verified_ms), reachable = ?,
        seen_ms = CASE WHEN seen_ms > ? THEN seen_ms ELSE ? END
    WHERE id = ? AND kind = ? AND value = ? AND ended_ms IS NULL
"""


def save_address(tx: Tx, change: SaveAddress) -> None:
    row = change.row
    values = (row.verified_ms, int(row.reachable), row.seen_ms, row.seen_ms, row.id, row.kind, row.value)
    if (
        tx.execute(_UPDATE_ADDRESS, values).rowcount == 0
        and tx.execute(ADDRESSES.insert, ADDRESSES.write(row)).rowcount == 0
    ):
        raise Conflict("address")


_END_ADDRESS: Final = "UPDATE addresses SET ended_ms = ? WHERE kind = ? AND value = ? AND ended_ms IS NULL"


def end_address(tx: Tx, change: EndAddress) -> None:
    tx.execute(_END_ADDRESS, (change.at_ms, change.kind, change.value))


_LIVE_OWNER: Final = "SELECT person_id FROM addresses WHERE kind = ? AND value = ? AND ended_ms IS NULL"
_MOVE_ADDRESS: Final = """
    UPDATE addresses SET person_id = ?, verified_ms = ? WHERE kind = ? AND value = ? AND ended_ms IS NULL
"""
# Orders that an earlier owner of the chat began stay with that owner.
_MOVE_ORDERS: Final = """
    UPDATE orders SET person_id = ? WHERE origin_kind = ? AND origin_value = ? AND person_id = ?
"""
# The indexes of a chat's messages are partial: one statement for each, or the whole table is read.
_SOME: Final = ("state = 'queued'", "state = 'dead'", "sent_ms IS NOT NULL")
_THEIR_MESSAGES: Final = "WHERE address_kind = ? AND address_value = ? AND person_id = ? AND"
_MOVE_MESSAGES: Final = tuple(f"UPDATE messages SET person_id = ? {_THEIR_MESSAGES} {some}" for some in _SOME)
_END_CONVERSATIONS: Final = """
    UPDATE conversations SET state = 'ended', version = version + 1, updated_ms = ?
    WHERE person_id = ? AND address_kind = ? AND address_value = ? AND state = 'active'
"""


def link_address(tx: Tx, change: LinkAddress) -> None:
    where = (change.kind, change.value)
    owner = tx.execute(_LIVE_OWNER, where).fetchone()
    if owner is None:
        raise Conflict("address")
    tx.execute(_MOVE_ADDRESS, (change.person_id, change.at_ms, *where))
    if owner[0] != change.person_id:
        tx.execute(_MOVE_ORDERS, (change.person_id, *where, owner[0]))
        for sql in _MOVE_MESSAGES:
            tx.execute(sql, (change.person_id, *where, owner[0]))
        tx.execute(_END_CONVERSATIONS, (change.at_ms, owner[0], *where))


_RENEW: Final = (
    "UPDATE addresses SET value = ? WHERE kind = ? AND value = ? AND person_id = ? AND ended_ms IS NULL",
    "UPDATE orders SET origin_value = ? WHERE origin_kind = ? AND origin_value = ? AND person_id = ?",
    *(f"UPDATE messages SET address_value = ? {_THEIR_MESSAGES} {some}" for some in _SOME),
    "UPDATE conversations SET address_value = ?"
    " WHERE address_kind = ? AND address_value = ? AND person_id = ? AND state = 'active'",
)
_RENEW_HOLDER: Final = (
    "UPDATE conversations SET holder = ? WHERE holder = ? AND person_id = ? AND state = 'active'"
)
_RENEW_ROLES: Final = """
    UPDATE staff SET address_value = ? WHERE address_kind = ? AND address_value = ? AND address_value <> ''
"""


def renew_address(tx: Tx, change: RenewAddress) -> None:
    owner = tx.execute(_LIVE_OWNER, (change.kind, change.value)).fetchone()
    if owner is None or tx.execute(_LIVE_OWNER, (change.kind, change.new)).fetchone() is not None:
        raise Conflict("address")
    for sql in _RENEW:
        tx.execute(sql, (change.new, change.kind, change.value, owner[0]))
    tx.execute(_RENEW_HOLDER, (f"{change.kind}:{change.new}", f"{change.kind}:{change.value}", owner[0]))
    tx.execute(_RENEW_ROLES, (change.new, change.kind, change.value))


_END_ROLES: Final = """
    UPDATE staff SET address_kind = '', address_value = '', pin_hash = ''
    WHERE address_kind = ? AND address_value = ? AND address_value <> ''
"""
_DROP_REPLIES: Final = """
    UPDATE messages SET state = 'dropped', lease_until_ms = 0
    WHERE address_kind = ? AND address_value = ? AND kind = 'reply' AND state = 'queued'
    AND lease_until_ms <= ?
"""


def unlink_chat(tx: Tx, change: UnlinkChat) -> None:
    where = (change.kind, change.value)
    owner = tx.execute(_LIVE_OWNER, where).fetchone()
    if owner is None or owner[0] != change.person_id:
        raise Conflict("address")
    end_address(tx, EndAddress(*where, change.at_ms))
    tx.execute(_END_CONVERSATIONS, (change.at_ms, change.person_id, *where))
    tx.execute(_END_ROLES, where)
    tx.execute(_DROP_REPLIES, (*where, change.at_ms))


_DROP_UNUSED_CODES: Final = "DELETE FROM link_codes WHERE person_id = ? AND used_ms IS NULL"
_USE_CODE: Final = "UPDATE link_codes SET used_ms = ? WHERE hash = ? AND used_ms IS NULL AND expires_ms > ?"


def keep_link_code(tx: Tx, change: KeepLinkCode) -> None:
    tx.execute(_DROP_UNUSED_CODES, (change.row.person_id,))
    if tx.execute(LINK_CODES.insert, LINK_CODES.write(change.row)).rowcount == 0:
        raise Conflict("link")


def use_link_code(tx: Tx, change: UseLinkCode) -> None:
    if tx.execute(_USE_CODE, (change.at_ms, change.hash, change.at_ms)).rowcount == 0:
        raise Conflict("link")


_SAVE_MERCHANT: Final = _upsert(MERCHANTS)
_CODE_OF_ANOTHER: Final = "SELECT 1 FROM merchants WHERE lower(code) = lower(?) AND id <> ?"


def keep_merchant(tx: Tx, change: KeepMerchant) -> None:
    if tx.execute(_CODE_OF_ANOTHER, (change.row.code, change.row.id)).fetchone() is not None:
        raise Conflict("merchant")
    tx.execute(_SAVE_MERCHANT, MERCHANTS.write(change.row))


_SAVE_STAFF: Final = _upsert(STAFF)
_ENROLMENT_OF_ANOTHER: Final = "SELECT 1 FROM staff WHERE enrol_hash = ? AND enrol_hash <> '' AND id <> ?"


_WAITS_FOR: Final = "SELECT 1 FROM staff WHERE id = ? AND enrol_hash = ?"
_COUNT_TRIES: Final = "UPDATE staff SET wrong_tries = ?, locked = ? WHERE id = ?"
_COUNTED: Final = "SELECT wrong_tries FROM staff WHERE id = ?"


def count_tries(tx: Tx, change: CountTries) -> None:
    counted = tx.execute(_COUNTED, (change.staff_id,)).fetchone()
    if change.was is not None and counted is not None and counted[0] != change.was:
        raise Conflict("staff")
    tx.execute(_COUNT_TRIES, (change.wrong_tries, int(change.locked), change.staff_id))


_SET_PIN: Final = (
    "UPDATE staff SET pin_hash = ?, wrong_tries = 0 WHERE id = ? AND pin_hash = ? AND locked = 0"
)


def set_pin(tx: Tx, change: SetPin) -> None:
    if tx.execute(_SET_PIN, (change.pin_hash, change.staff_id, change.was)).rowcount == 0:
        raise Conflict("staff")


_ANSWERS_ELSEWHERE: Final = """
    SELECT 1 FROM staff WHERE id = ? AND address_value <> '' AND (address_kind <> ? OR address_value <> ?)
"""


def keep_staff(tx: Tx, change: KeepStaff) -> None:
    waits = change.taken_up_by and tx.execute(_WAITS_FOR, (change.row.id, change.taken_up_by)).fetchone()
    if change.taken_up_by and waits is None:
        raise Conflict("staff")
    if tx.execute(_ENROLMENT_OF_ANOTHER, (change.row.enrol_hash, change.row.id)).fetchone() is not None:
        raise Conflict("staff")
    row = change.row
    if tx.execute(_ANSWERS_ELSEWHERE, (row.id, row.address_kind, row.address_value)).fetchone() is not None:
        announcing.end(tx, row.id)  # whoever takes up the role switches them on anew
    tx.execute(_SAVE_STAFF, STAFF.write(row))


# ---- reads ---------------------------------------------------------------------------------------

_PERSON: Final = f"SELECT {PEOPLE.select} FROM people WHERE id = ?"
_OWNER: Final = f"""
    SELECT {ADDRESSES.columns_of("a")}, {PEOPLE.columns_of("p")}
    FROM addresses a JOIN people p ON p.id = a.person_id
    WHERE a.kind = ? AND a.value = ? AND a.ended_ms IS NULL
"""
_ADDRESSES_OF: Final = f"""
    SELECT {ADDRESSES.select} FROM addresses WHERE person_id = ? AND ended_ms IS NULL
    ORDER BY seen_ms DESC, id
"""
_LINK_CODE: Final = f"SELECT {LINK_CODES.select} FROM link_codes WHERE hash = ?"
_MERCHANT: Final = f"SELECT {MERCHANTS.select} FROM merchants WHERE id = ?"
_MERCHANT_BY_CODE: Final = f"SELECT {MERCHANTS.select} FROM merchants WHERE lower(code) = lower(?)"
_MERCHANTS: Final = f"SELECT {MERCHANTS.select} FROM merchants ORDER BY created_ms, id"
_RECENT_MERCHANTS: Final = f"""
    SELECT {MERCHANTS.columns_of("m")} FROM merchants m
    JOIN (
        SELECT merchant_id, MAX(created_ms) AS last_ms FROM orders
        WHERE person_id = ? AND kind = 'collection' AND state = 'SUCCESSFUL' GROUP BY merchant_id
    ) paid ON paid.merchant_id = m.id
    WHERE m.active = 1 ORDER BY paid.last_ms DESC, m.id LIMIT ?
"""
# The condition on '' lets the partial index answer.
_STAFF_OF: Final = f"""
    SELECT {STAFF.select} FROM staff
    WHERE address_kind = ? AND address_value = ? AND address_value <> '' ORDER BY created_ms, id
"""
_STAFF_OF_MERCHANT: Final = f"SELECT {STAFF.select} FROM staff WHERE merchant_id = ? ORDER BY created_ms, id"
_STAFF_BY_ENROLMENT: Final = f"SELECT {STAFF.select} FROM staff WHERE enrol_hash = ? AND enrol_hash <> ''"


def person(tx: Tx, person_id: str) -> PersonRow | None:
    return PEOPLE.one(tx, _PERSON, person_id)


def owner_of(tx: Tx, kind: str, value: str) -> tuple[PersonRow, AddressRow] | None:
    row = tx.execute(_OWNER, (kind, value)).fetchone()
    if row is None:
        return None
    width = len(ADDRESSES.columns)
    return PEOPLE.read(row[width:]), ADDRESSES.read(row[:width])


def addresses_of(tx: Tx, person_id: str) -> tuple[AddressRow, ...]:
    return ADDRESSES.all(tx, _ADDRESSES_OF, person_id)


def link_code(tx: Tx, hash: str) -> LinkCode | None:
    return LINK_CODES.one(tx, _LINK_CODE, hash)


_OPEN_LINK_CODE: Final = f"""
    SELECT {LINK_CODES.select} FROM link_codes WHERE msisdn = ? AND used_ms IS NULL AND expires_ms > ?
    ORDER BY expires_ms DESC, hash LIMIT 1
"""


def open_link_code(tx: Tx, msisdn: str, now_ms: int) -> LinkCode | None:
    return LINK_CODES.one(tx, _OPEN_LINK_CODE, msisdn, now_ms)


def merchant(tx: Tx, merchant_id: str) -> MerchantRow | None:
    return MERCHANTS.one(tx, _MERCHANT, merchant_id)


def merchant_by_code(tx: Tx, code: str) -> MerchantRow | None:
    return MERCHANTS.one(tx, _MERCHANT_BY_CODE, code)


def merchants(tx: Tx) -> tuple[MerchantRow, ...]:
    return MERCHANTS.all(tx, _MERCHANTS)


def recent_merchants(tx: Tx, person_id: str, limit: int) -> tuple[MerchantRow, ...]:
    return MERCHANTS.all(tx, _RECENT_MERCHANTS, person_id, limit)


def staff_of(tx: Tx, kind: str, value: str) -> tuple[StaffRow, ...]:
    return STAFF.all(tx, _STAFF_OF, kind, value)


def staff_of_merchant(tx: Tx, merchant_id: str) -> tuple[StaffRow, ...]:
    return STAFF.all(tx, _STAFF_OF_MERCHANT, merchant_id)


_STAFF_MEMBER: Final = f"SELECT {STAFF.select} FROM staff WHERE id = ?"


def staff_member(tx: Tx, staff_id: str) -> StaffRow | None:
    return STAFF.one(tx, _STAFF_MEMBER, staff_id)


def staff_by_enrol_hash(tx: Tx, enrol_hash: str) -> StaffRow | None:
    return STAFF.one(tx, _STAFF_BY_ENROLMENT, enrol_hash)
