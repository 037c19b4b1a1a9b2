"""The money that left the merchant: who asked for it, to whom it goes, and what became of it."""

from bot.dialog import Choice, Moment, Number, Screen, Talk, Text, Value
from bot.dialog.views import PayoutView, Role
from bot.money import OrderState
from flows.business_effects import PayoutsOf
from flows.closing import reason_text, state_text
from flows.staff import wrong_pin

__all__ = ["sent_money"]


async def sent_money(talk: Talk, role: Role) -> Screen:
    """The latest ones as a list, each with a screen of its own."""
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    listed = await talk.look("list", PayoutsOf(role.staff_id))
    if not listed:
        return Screen("sent_money.none", {"merchant": role.merchant})
    choices = [Choice(one.id, Text("sent_money.line", _values(one))) for one in listed]
    picked = await talk.choose("which", choices, text="sent_money.which")
    one = next(one for one in listed if one.id == picked)
    if one.state is OrderState.FAILED:
        return Screen("sent_money.failed", _values(one), shorter="sent_money.failed_only")
    return Screen("sent_money.approved" if one.approved_by else "sent_money.shown", _values(one))


def _values(one: PayoutView) -> dict[str, Value]:
    return {
        "code": one.code,
        "kind": Text(f"kind.{one.kind.value}"),
        "amount": one.amount,
        "to": Number(one.to) if one.to.startswith("+") else Text("party.bank_account"),
        "state": Text("state.waits") if one.waits else state_text(one.state, one.kind),
        "by": one.asked_by or Text("sent_money.by_itself"),
        "approver": one.approved_by,
        "when": Moment(one.at_ms),
        "reason": reason_text(one.reason, one.kind),
    }
