"""Payment messages: whether one of the staff hears of each payment, and in which hours not."""

from typing import Final

from bot.dialog import Choice, Screen, Talk, Text, Value, Whole
from bot.dialog.views import PaymentMessages, Role
from flows.business_effects import ChoosePaymentMessages, PaymentMessagesOf
from flows.closing import refusal
from flows.staff import wrong_pin

__all__ = ["payment_messages"]

# The quiet hours that are offered without being typed.
_NIGHT: Final = (22, 6)
_HOUR: Final = Whole(0, 23)


async def payment_messages(talk: Talk, role: Role) -> Screen:
    """On, with or without quiet hours, or off. They go where the role is: to its chats, or by SMS."""
    now = await talk.look("now", PaymentMessagesOf(role.staff_id))
    shown: dict[str, Value] = {"merchant": role.merchant, "quiet": _quiet_text(now)}
    night: dict[str, Value] = {"from": _NIGHT[0], "until": _NIGHT[1]}
    offered = [
        Choice("always", Text("messages.always")),
        Choice("night", Text("messages.night", night)),
        Choice("hours", Text("messages.hours")),
    ]
    if now.on:
        offered.append(Choice("off", Text("messages.off")))
    text = "messages.are_on" if now.on else "messages.are_off"
    picked = await talk.choose("what", offered, text=text, shown=shown)
    first, end = _NIGHT if picked == "night" else (0, 0)
    if picked == "hours":
        first = await talk.ask("from", _HOUR)
        end = await talk.ask("until", _HOUR)
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    chosen = ChoosePaymentMessages(role.staff_id, on=picked != "off", quiet_from=first, quiet_until=end)
    done = await talk.act("set", chosen)
    if not done.ok:
        return refusal("not_allowed", role.merchant)
    if picked == "off":
        return Screen("messages.stopped", {"merchant": role.merchant})
    if first == end:
        return Screen("messages.started", {"merchant": role.merchant})
    return Screen("messages.started_quiet", {"merchant": role.merchant, "from": first, "until": end})


def _quiet_text(now: PaymentMessages) -> Text:
    if now.quiet_from == now.quiet_until:
        return Text("quiet.none")
    return Text("quiet.hours", {"from": now.quiet_from, "until": now.quiet_until})
