"""The operator's commands about merchants and their staff."""

import unicodedata
from typing import Any, Final

import msgspec

from bot.admin.base import AdminContext, CommandError
from bot.dialog import write_name
from bot.dialog.views import NewRole
from bot.money import (
    LEAST_MERCHANT_CODE,
    MOST_MERCHANT_CODE,
    MOST_MERCHANT_DIGITS,
    AmountProblem,
    Money,
    is_new_merchant_code,
    parse_amount,
    read_code,
    show_amount,
)
from bot.operations.actor import EffectResult
from bot.operations.limits import second_person_limit
from bot.operations.staff_roles import REMOVED
from bot.store.base import Conflict, KeepMerchant
from bot.store.records import MerchantRow, StaffRow

__all__ = [
    "merchants_add",
    "merchants_close",
    "merchants_limit",
    "merchants_list",
    "staff_add",
    "staff_remove",
    "staff_unlock",
]

_ROLES: Final = ("owner", "cashier", "accountant")
_NO_LIMIT: Final = "none"
_MOST_ASKED: Final = 20
# What would break a line, or turn the letters around it about: control characters and direction marks.
_NOT_IN_A_NAME: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


async def merchants_add(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code`, `name`, `account`, `max` (an amount a payment may have at the most, or empty), and
    `approve_over` and `approve_asker_over` as `merchants_limit` takes them, or empty; `asks_for`: what is
    asked of whoever pays, "none" for nothing, or empty."""
    code, name, account = (str(values.get(k, "")).strip() for k in ("code", "name", "account"))
    _check_name(name, "A merchant's name")
    accounts = ctx.accounts
    if account not in accounts:
        known = ", ".join(sorted(a.id for a in accounts)) or "none is configured"
        raise CommandError(f"There is no account {account!r}. Known: {known}.")
    currency = accounts.account(account).currency
    kept = await ctx.store.merchant_by_code(code)
    if kept is None and not is_new_merchant_code(code):
        raise CommandError(_why_not_code(code))
    if kept is None and code.casefold() in ctx.command_words:
        raise CommandError(f"{code} is a word that people type to move about; choose another merchant code.")
    most = kept.max_amount_minor if kept and kept.currency == currency else None
    if values.get("max"):
        parsed = parse_amount(str(values["max"]), currency)
        if isinstance(parsed, AmountProblem):
            raise CommandError(f"The greatest amount cannot be read: {parsed.value.replace('_', ' ')}.")
        most = parsed.amount_minor
    over = kept.approve_over_minor if kept else None
    if values.get("approve_over"):
        over = _limit(values["approve_over"], currency)
    asker = kept.approve_asker_over_minor if kept else None
    if values.get("approve_asker_over"):
        asker = _limit(values["approve_asker_over"], currency)
    if kept and kept.currency != currency:
        # Never dropped in passing: they keep money from leaving.
        for option, held in (("approve_over", kept.approve_over_minor), ("approve_asker_over", asker)):
            if held is not None and not values.get(option):
                raise CommandError(
                    f"{kept.name} needs a second person above {_shown(held, kept.currency)}."
                    f" Say --{option.replace('_', '-')} in {currency}, or none."
                )
    row = MerchantRow(
        id=kept.id if kept else ctx.ids.uuid(),
        code=kept.code if kept else code,
        name=name,
        account_id=account,
        currency=currency,
        created_ms=kept.created_ms if kept else ctx.clock(),
        active=kept.active if kept else True,
        max_amount_minor=most,
        approve_over_minor=over,
        approve_asker_over_minor=asker,
        asks_for=_asked(values, kept.asks_for if kept else ""),
    )
    try:
        await ctx.store.commit([KeepMerchant(row)])
    except Conflict:
        raise CommandError(f"Another merchant has the code {code}.") from None
    return {
        "code": row.code,
        "name": name,
        "account": account,
        "currency": currency,
        "new": kept is None,
        "warnings": _warnings(name, f"the code {row.code}"),
    }


def _asked(values: dict[str, Any], kept: str) -> str:
    """What is asked of whoever pays. It stands above a question, so that it must be short and readable."""
    said = " ".join(str(values.get("asks_for", "")).split())
    if not said:
        return kept
    if said.casefold() == _NO_LIMIT:
        return ""
    if len(said) > _MOST_ASKED or write_name(said) != said:
        raise CommandError(f"What a merchant asks for has {_MOST_ASKED} plain characters at most.")
    return said


def _why_not_code(code: str) -> str:
    if read_code(code) is not None and not code.isdigit():
        return f"{code} reads as the reference of an order; choose another merchant code."
    if code.isdigit() and len(code) > MOST_MERCHANT_DIGITS:
        return (
            f"A merchant code of digits only has {LEAST_MERCHANT_CODE} to {MOST_MERCHANT_DIGITS}:"
            " a longer one reads as a reference, a code by SMS or a phone number."
        )
    return (
        f"A merchant code is {LEAST_MERCHANT_CODE} to {MOST_MERCHANT_CODE} letters and digits,"
        f" or {LEAST_MERCHANT_CODE} to {MOST_MERCHANT_DIGITS} digits."
    )


async def merchants_list(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Every merchant, with the staff of each."""
    return [
        {
            "code": row.code,
            "name": row.name,
            "account": row.account_id,
            "currency": row.currency,
            "active": row.active,
            "max": _shown(row.max_amount_minor, row.currency),
            "approve_over": _shown(row.approve_over_minor, row.currency),
            "approve_asker_over": _shown(second_person_limit(row, ctx.clock()).asker_minor, row.currency),
            "asks_for": row.asks_for,
            "staff": [_shown_staff(s) for s in await _staff(ctx, row)],
        }
        for row in await ctx.store.merchants()
    ]


async def merchants_close(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code`: nobody can start a payment to the merchant any more; what is open goes on."""
    row = await _merchant(ctx, values)
    active = bool(values.get("active", False))
    await ctx.store.commit([KeepMerchant(msgspec.structs.replace(row, active=active))])
    return {"code": row.code, "active": active}


async def merchants_limit(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code` and `approve_over`: refunds and payouts of a day to one number above it need a second person;
    "0" all, "none" none. `approve_asker_over`: those of one asker; "none" five times as much as that."""
    row = await _merchant(ctx, values)
    over, asker = row.approve_over_minor, row.approve_asker_over_minor
    if not any(values.get(name) for name in ("approve_over", "approve_asker_over")):
        raise CommandError("Say --approve-over, --approve-asker-over or both.")
    if values.get("approve_over"):
        over = _limit(values["approve_over"], row.currency)
    if values.get("approve_asker_over"):
        asker = _limit(values["approve_asker_over"], row.currency)
    row = msgspec.structs.replace(row, approve_over_minor=over, approve_asker_over_minor=asker)
    await ctx.store.commit([KeepMerchant(row)])
    second = second_person_limit(row, ctx.clock())
    return {
        "code": row.code,
        "name": row.name,
        "approve_over": _shown(over, row.currency),
        "approve_asker_over": _shown(second.asker_minor, row.currency),
        "warnings": _warnings(row.name, f"the code {row.code}"),
    }


async def staff_add(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code` of the merchant, `name`, `role`: gives the one-time code that takes the role up."""
    row = await _merchant(ctx, values)
    name, role = str(values.get("name", "")).strip(), str(values.get("role", "owner"))
    _check_name(name, "A name")
    if role not in _ROLES:
        raise CommandError(f"A role is one of {', '.join(_ROLES)}.")
    invited = await ctx.operations.staff.invite(ctx.operator, merchant_id=row.id, role=role, name=name)
    await ctx.store.commit(invited.changes)
    view: NewRole = invited.result
    return {
        "merchant": row.name,
        "name": name,
        "role": role,
        "code": view.code,
        "days": view.days,
        "warnings": _warnings(name, f"the word {role}"),
    }


async def staff_unlock(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code` of the merchant and `name`: the staff PIN may be tried again."""
    row = await _merchant(ctx, values)
    name = str(values.get("name", "")).strip()
    found = await _named(ctx, row, name)
    unlock = ctx.operations.roles.unlock
    await _keep_all(ctx, [await unlock(ctx.operator, locked_id=s.id) for s in found])
    return {"merchant": row.name, "name": name}


async def staff_remove(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`code` of the merchant and `name`: the role ends on its number or chat at once, and a one-time code
    not used yet is void. Orders and approvals keep saying whose they were."""
    row = await _merchant(ctx, values)
    name = str(values.get("name", "")).strip()
    found = await _named(ctx, row, name)
    await _keep_all(ctx, [await ctx.operations.roles.remove(ctx.operator, s.id) for s in found])
    return {"merchant": row.name, "name": name, "roles": [s.role for s in found]}


def _check_name(name: str, what: str) -> None:
    """Raises CommandError for a name that could not stand in a sentence."""
    if not 1 <= len(name) <= 40:
        raise CommandError(f"{what} has 1 to 40 characters.")
    if any(unicodedata.category(c) in _NOT_IN_A_NAME or c in _DIRECTIONS for c in name):
        raise CommandError(f"{what} stands on one line, without control characters or direction marks.")


def _warnings(name: str, instead: str) -> list[str]:
    """What phones will make of a name whose letters they do not have."""
    written = write_name(name)
    if written == name:
        return []
    shown = f"{instead} stands in its place" if written is None else f"it reads {written!r}"
    return [f"Phones cannot show the name {name!r}: on their screens and in SMS {shown}."]


def _limit(text: Any, currency: str) -> int | None:
    """Minor units above which a second person is needed; None: above nothing."""
    text = str(text).strip()
    if text.lower() == _NO_LIMIT:
        return None
    if text == "0":
        return 0
    parsed = parse_amount(text, currency)
    if isinstance(parsed, AmountProblem):
        told = parsed.value.replace("_", " ")
        raise CommandError(f"The limit is an amount in {currency}, 0 or none; this cannot be read: {told}.")
    return parsed.amount_minor


def _shown(amount_minor: int | None, currency: str) -> str:
    return "" if amount_minor is None else show_amount(Money(amount_minor, currency))


async def _keep_all(ctx: AdminContext, outcomes: list[EffectResult]) -> None:
    await ctx.store.commit([change for outcome in outcomes for change in outcome.changes])


async def _staff(ctx: AdminContext, row: MerchantRow) -> list[StaffRow]:
    return [s for s in await ctx.store.staff_of_merchant(row.id) if s.role != REMOVED]


async def _named(ctx: AdminContext, row: MerchantRow, name: str) -> list[StaffRow]:
    found = [s for s in await _staff(ctx, row) if s.name == name]
    if not found:
        raise CommandError(f"{row.name} has no staff named {name!r}.")
    return found


def _shown_staff(row: StaffRow) -> str:
    notes = [row.role, *(["locked"] if row.locked else []), *(["not enrolled yet"] if row.enrol_hash else [])]
    return f"{row.name} ({', '.join(notes)})"


async def _merchant(ctx: AdminContext, values: dict[str, Any]) -> MerchantRow:
    code = str(values.get("code", "")).strip()
    row: MerchantRow | None = await ctx.store.merchant_by_code(code)
    if row is None:
        raise CommandError(f"No merchant has the code {code!r}.")
    return row
