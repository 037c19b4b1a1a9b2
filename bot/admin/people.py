"""Shows whose number it is and which chats are linked to it, ends links, and erases people."""

from typing import Any, Final

from bot.admin.base import AdminContext, CommandError
from bot.money import FINAL, parse_msisdn, read_code
from bot.store.base import Conflict, ForgetPerson
from bot.store.records import PersonRow

__all__ = ["people_forget", "people_show", "people_unlink"]

_MOST_ORDERS: Final = 100_000


async def people_show(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`number`: the person, the chats linked to it, and the roles at merchants of each."""
    number, person = await _person(ctx, values)
    return {
        "number": number,
        "language": person.language,
        "created_ms": person.created_ms,
        "roles": await _roles(ctx, "msisdn", number),
        "chats": [
            {
                "id": row.id[:8],
                "kind": row.kind,
                "linked_ms": row.verified_ms,
                "seen_ms": row.seen_ms,
                "reachable": row.reachable,
                "roles": await _roles(ctx, row.kind, row.value),
            }
            for row in await ctx.operations.links.chats_of(ctx.operator, person.id)
        ],
    }


async def people_unlink(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`number`, and `chat`, the beginning of a chat's id, or `all`: that chat sees nothing of the person any
    more, and roles taken up there end. Payments go on, and their results go to the phone."""
    number, person = await _person(ctx, values)
    wanted = str(values.get("chat", "")).strip()
    chats = await ctx.operations.links.chats_of(ctx.operator, person.id)
    chosen = (
        list(chats) if values.get("all") else [row for row in chats if wanted and row.id.startswith(wanted)]
    )
    if not chosen:
        raise CommandError(f"No linked chat fits; see: kasapay people show {number}")
    if len(chosen) > 1 and not values.get("all"):
        raise CommandError("More than one chat begins like that; write more of its id, or --all.")
    ended = await ctx.operations.links.unlink_chats(ctx.operator, person.id, {row.id for row in chosen})
    try:
        await ctx.store.commit(ended.changes)
    except Conflict:
        raise CommandError("The chat has changed meanwhile; look at it once more.") from None
    ctx.wake()
    return {"number": number, "chats": [row.kind for row in chosen]}


async def people_forget(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`who`: a number, or the code of an order that its person began. All that is known of the person goes;
    orders, agreements and their ledgers stay, with the payer's number."""
    person = await _person_of_order(ctx, str(values.get("who", "")))
    if person is None:
        _, person = await _person(ctx, {"number": values.get("who", "")})
    orders = await ctx.store.orders_of_person(person.id, _MOST_ORDERS)
    try:
        await ctx.store.commit([ForgetPerson(person.id)])
    except Conflict as lost:
        raise CommandError(
            _why_not(lost.what, [row.code for row in orders if row.state not in FINAL])
        ) from None
    return {"orders": len(orders)}


def _why_not(what: str, codes: list[str]) -> str:
    if what == "order":
        shown = ", ".join(codes[:10])
        return f"Not yet: nobody knows what becomes of {shown}. Forget the person once they are final."
    if what == "agreement":
        return "Not yet: an auto-debit, an invoice or a consent stands with the number. It must end first."
    return "There is nothing to forget: only orders are known."


async def _person_of_order(ctx: AdminContext, text: str) -> PersonRow | None:
    code = read_code(text.strip())
    order = await ctx.store.order_by_code(code) if code else None
    return None if order is None else await ctx.store.person(order.person_id)


async def _person(ctx: AdminContext, values: dict[str, Any]) -> tuple[str, PersonRow]:
    text = str(values.get("number", "")).strip()
    number = parse_msisdn(text, ctx.region) or parse_msisdn("+" + text.removeprefix("+"), "")
    if not number:
        raise CommandError("That is no phone number. With its country it is written like +233240000001.")
    found = await ctx.store.person_of("msisdn", number)
    if found is None:
        raise CommandError(f"Nobody has spoken to us from {number}.")
    return number, found[0]


async def _roles(ctx: AdminContext, kind: str, value: str) -> list[str]:
    found = []
    for row in await ctx.store.staff_of(kind, value):
        merchant = await ctx.store.merchant(row.merchant_id)
        found.append(f"{row.role} of {merchant.name if merchant else row.merchant_id}")
    return found
