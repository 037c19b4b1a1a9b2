"""What one of the staff does for another: approve what they asked for, unlock their PIN."""

from bot.dialog import Choice, Number, Screen, Talk, Text, Value
from bot.dialog.views import ApprovalView, Role
from flows.business_effects import DecideApproval, LockedStaff, Unlock, WaitingApprovals
from flows.closing import closing
from flows.staff import wrong_pin

__all__ = ["approve", "unlock"]


async def approve(talk: Talk, role: Role) -> Screen:
    """The second person's word on money that shall leave."""
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    waiting = await talk.look("waiting", WaitingApprovals(role.staff_id))
    if not waiting:
        return Screen("approve.none", {"merchant": role.merchant})
    picked = await talk.choose("which", [Choice(a.id, Text("approve.line", _values(a))) for a in waiting])
    one = next(a for a in waiting if a.id == picked)
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
    decided = await talk.choose("decide", offered, text=text, shown=values)
    if decided == "later":
        return Screen("business.done")
    text = "approve.confirm_yes" if decided == "approve" else "approve.confirm_no"
    if not await talk.confirm("confirm", text=text, shown=values):
        return Screen("business.cancelled")
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
    picked = await talk.choose("which", choices)
    one = next(one for one in locked if one.staff_id == picked)
    shown: dict[str, Value] = {"name": one.name, "merchant": role.merchant}
    if not await talk.confirm("confirm", shown=shown):
        return Screen("business.cancelled")
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
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
