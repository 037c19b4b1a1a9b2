"""What one of the staff does for another: approve what they asked for, unlock their PIN."""

from typing import Final

import msgspec

from bot.dialog import Choice, Number, Screen, Talk, Text, Value
from bot.dialog.views import ApprovalView, Role
from flows.business_effects import DecideApproval, LockedStaff, OpenApproval, Unlock, WaitingApprovals
from flows.closing import closing, refusal
from flows.lists import choose_among
from flows.staff import signed, wrong_pin

__all__ = ["approve", "opened_approval", "unlock"]


# What may have become of it before it was opened.
_OVER: Final = ("approved", "refused", "expired")


async def approve(talk: Talk, role: Role) -> Screen:
    """The second person's word on money that shall leave."""
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    waiting = await talk.look("waiting", WaitingApprovals(role.staff_id))
    if not waiting:
        return Screen("approve.none", {"merchant": role.merchant})
    choices = [Choice(a.id, Text("approve.line", _values(a))) for a in waiting]
    picked = await choose_among(talk, "which", choices)
    # The PIN was asked for a moment ago, and this is the same errand.
    proved = msgspec.structs.replace(role, pin=False)
    return await _decide(talk, proved, next(a for a in waiting if a.id == picked))


async def opened_approval(talk: Talk) -> Screen:
    """The one that a message's button names: it is decided with the next tap."""
    found = await talk.look("opened", OpenApproval(talk.facts.about))
    one, role = found.approval, found.role
    if one is not None and found.refused in _OVER:
        return Screen(f"approve.over.{found.refused}", _values(one) | {"by": found.by})
    if found.refused == "gone":
        return Screen("approve.gone")
    if one is None or role is None or found.refused:
        return refusal(found.refused, role.merchant if role is not None else "")
    return await _decide(talk.sub("approve"), role, one)


async def _decide(talk: Talk, role: Role, one: ApprovalView) -> Screen:
    """Show all of it, and take the word on it. The PIN comes last where it was not asked for before."""
    values = _values(one)
    if one.to.startswith("+") and not one.about:
        # Whoever answers for it must be able to check where it goes. A refund goes where it came from.
        values["to"] = Number(one.to, masked=False)
    offered = [
        Choice("approve", Text("approve.yes")),
        Choice("refuse", Text("approve.no")),
        Choice("later", Text("approve.later")),
    ]
    text = "approve.shown_about" if one.about else "approve.shown"
    # Not "decide": that was asked about once more, so that its answer in an older journal decides nothing.
    decided = await talk.choose("word", offered, text=text, shown=values)
    if decided == "later":
        return Screen("business.done")
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    wanted = DecideApproval(role.staff_id, one.id, approve=decided == "approve")
    order = await talk.act("decision", wanted)
    # What becomes of it is told to whoever asked for it.
    if decided == "approve" and not order.refused:
        return Screen("approve.approved", values)
    if decided == "refuse" and order.refused == "declined":
        return Screen("approve.declined", values)
    return closing(order)


async def unlock(talk: Talk, role: Role) -> Screen:
    """Give a colleague their three tries back."""
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    locked = await talk.look("locked", LockedStaff(role.staff_id))
    if not locked:
        return Screen("unlock.none", {"merchant": role.merchant})
    choices = [
        Choice(one.staff_id, Text("unlock.line", {"name": one.name, "role": Text(f"role.{one.role}")}))
        for one in locked
    ]
    picked = await choose_among(talk, "which", choices)
    one = next(one for one in locked if one.staff_id == picked)
    shown: dict[str, Value] = {"name": one.name, "merchant": role.merchant}
    agreed = await signed(talk, role, "unlock.confirm", shown=shown)
    if isinstance(agreed, Screen):
        return agreed
    done = await talk.act("request", Unlock(role.staff_id, one.staff_id))
    return Screen("unlock.done" if done.ok else "unlock.gone", shown)


def _values(one: ApprovalView) -> dict[str, Value]:
    return {
        "kind": Text(f"kind.{one.kind}"),
        "amount": one.amount,
        "to": Number(one.to) if one.to.startswith("+") else Text("party.bank_account"),
        "by": one.asked_by,
        "about": one.about,
    }
