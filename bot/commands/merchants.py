"""Who is paid, and who works for them."""

import re
from typing import Any, Final

import msgspec

from bot.commands.base import CommandError, Desk
from bot.money import AmountProblem, Money, parse_amount, show_amount
from bot.store.base import Conflict, KeepMerchant, KeepStaff
from bot.store.records import MerchantRow, StaffRow

__all__ = ["merchants_add", "merchants_close", "merchants_list", "staff_add", "staff_unlock"]

_CODE: Final = re.compile(r"[A-Za-z0-9]{3,12}", re.ASCII)
_ROLES: Final = ("owner", "cashier", "accountant")
_ENROL_MS: Final = 7 * 24 * 3600_000


async def merchants_add(at: Desk, values: dict[str, Any]) -> dict[str, Any]:
    """`code`, `name`, `account`, and `max` (an amount a payment may have at the most, or empty)."""
    code, name, account = (str(values.get(k, "")).strip() for k in ("code", "name", "account"))
    if not _CODE.fullmatch(code):
        raise CommandError("A merchant code is 3 to 12 letters and digits.")
    if not 1 <= len(name) <= 40:
        raise CommandError("A merchant's name has 1 to 40 characters.")
    connections = at.connections
    if account not in connections:
        known = ", ".join(sorted(a.id for a in connections)) or "none is configured"
        raise CommandError(f"There is no account {account!r}. Known: {known}.")
    currency = connections.account(account).currency
    kept = await at.store.merchant_by_code(code)
    most = kept.max_amount_minor if kept and kept.currency == currency else None
    if values.get("max"):
        parsed = parse_amount(str(values["max"]), currency)
        if isinstance(parsed, AmountProblem):
            raise CommandError(f"The greatest amount cannot be read: {parsed.value.replace('_', ' ')}.")
        most = parsed.amount_minor
    row = MerchantRow(
        id=kept.id if kept else at.ids.uuid(),
        code=kept.code if kept else code,
        name=name,
        connection=account,
        currency=currency,
        created_ms=kept.created_ms if kept else at.clock(),
        active=kept.active if kept else True,
        max_amount_minor=most,
    )
    try:
        await at.store.commit([KeepMerchant(row)])
    except Conflict:
        raise CommandError(f"Another merchant has the code {code}.") from None
    return {"code": row.code, "name": name, "account": account, "currency": currency, "new": kept is None}


async def merchants_list(at: Desk, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Every merchant, with the staff of each."""
    return [
        {
            "code": row.code,
            "name": row.name,
            "account": row.connection,
            "currency": row.currency,
            "active": row.active,
            "max": _shown_limit(row),
            "staff": [_shown_staff(s) for s in await at.store.staff_of_merchant(row.id)],
        }
        for row in await at.store.merchants()
    ]


async def merchants_close(at: Desk, values: dict[str, Any]) -> dict[str, Any]:
    """`code`: nobody can start a payment to the merchant any more; what is open goes on."""
    row = await _merchant(at, values)
    active = bool(values.get("active", False))
    await at.store.commit([KeepMerchant(msgspec.structs.replace(row, active=active))])
    return {"code": row.code, "active": active}


async def staff_add(at: Desk, values: dict[str, Any]) -> dict[str, Any]:
    """`code` of the merchant, `name`, `role`: gives the one-time code that takes the role up."""
    row = await _merchant(at, values)
    name, role = str(values.get("name", "")).strip(), str(values.get("role", "owner"))
    if not 1 <= len(name) <= 40:
        raise CommandError("A name has 1 to 40 characters.")
    if role not in _ROLES:
        raise CommandError(f"A role is one of {', '.join(_ROLES)}.")
    code = at.ids.digits(8)
    staff = StaffRow(
        id=at.ids.uuid(),
        merchant_id=row.id,
        role=role,
        name=name,
        created_ms=at.clock(),
        enrol_hash=at.sealer.hash("enrol", code),
        enrol_expires_ms=at.clock() + _ENROL_MS,
    )
    await at.store.commit([KeepStaff(staff)])
    return {"merchant": row.name, "name": name, "role": role, "code": code, "days": _ENROL_MS // 86_400_000}


async def staff_unlock(at: Desk, values: dict[str, Any]) -> dict[str, Any]:
    """`code` of the merchant and `name`: the staff PIN may be tried again."""
    row = await _merchant(at, values)
    name = str(values.get("name", "")).strip()
    found = [s for s in await at.store.staff_of_merchant(row.id) if s.name == name]
    if not found:
        raise CommandError(f"{row.name} has no staff named {name!r}.")
    await at.store.commit([KeepStaff(msgspec.structs.replace(s, wrong_tries=0, locked=False)) for s in found])
    return {"merchant": row.name, "name": name}


def _shown_limit(row: MerchantRow) -> str:
    return "" if row.max_amount_minor is None else show_amount(Money(row.max_amount_minor, row.currency))


def _shown_staff(row: StaffRow) -> str:
    notes = [row.role, *(["locked"] if row.locked else []), *(["not enrolled yet"] if row.enrol_hash else [])]
    return f"{row.name} ({', '.join(notes)})"


async def _merchant(at: Desk, values: dict[str, Any]) -> MerchantRow:
    code = str(values.get("code", "")).strip()
    row: MerchantRow | None = await at.store.merchant_by_code(code)
    if row is None:
        raise CommandError(f"No merchant has the code {code!r}.")
    return row
