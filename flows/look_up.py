"""Find a payment of the merchant, and what can be done with it: a note to its payer, a refund."""

from typing import Final

from bot.dialog import Choice, Code, FreeText, Moment, Number, Screen, Talk, Text, Value
from bot.dialog.views import FoundPayment, OrderView, Role
from bot.money import OrderState, Right
from flows.business_effects import FindPayment, LatestPayments, SendNote
from flows.closing import reason_text, refunded, state_text
from flows.lists import choose_among
from flows.receipt import receipt_text
from flows.refunds import finder, give_back
from flows.staff import wrong_pin

__all__ = ["look_up", "one_found"]

_NOTE_REFUSALS: Final = ("not_allowed", "too_early", "too_late")


async def look_up(talk: Talk, role: Role) -> Screen:
    """A payment by its code or among the latest, as it stands."""
    how = [Choice("code", Text("look_up.by_code")), Choice("latest", Text("look_up.latest"))]
    code = ""
    if await talk.choose("how", how) == "code":
        code = await talk.ask("code", Code(), found=finder(role), missing="look_up.no_such")
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    if not code:
        latest = await talk.look("latest", LatestPayments(role.staff_id))
        if not latest:
            return Screen("look_up.none", {"merchant": role.merchant})
        choices = [Choice(order.code, _line(role, order)) for order in latest]
        code = await choose_among(talk, "which", choices)
    return await one_found(talk, role, code)


async def one_found(talk: Talk, role: Role, code: str) -> Screen:
    """The payment with this reference: its amount and masked number, and what can be done with it."""
    found = await talk.look("payment", FindPayment(role.staff_id, code))
    if found is None:
        return Screen("look_up.unknown", {"merchant": role.merchant, "code": code})
    return await _shown(talk, role, found)


def _line(role: Role, order: OrderView) -> Text:
    if not order.given:
        return Text("look_up.line", _values(role, order))
    return Text("look_up.line_given", {**_values(role, order), "given": order.given})


async def _shown(talk: Talk, role: Role, found: FoundPayment) -> Screen:
    order = found.order
    text = "look_up.failed" if order.state is OrderState.FAILED else "look_up.shown"
    values = _values(role, order) | {"when": Moment(order.at_ms)}
    offered = []
    if found.can_note and Right.NOTE in role.offers:
        offered.append(Choice("note", Text("look_up.send_note")))
    if found.refundable is not None and Right.REFUND in role.offers:
        offered.append(Choice("refund", Text("look_up.give_back")))
    if found.receipt is not None:
        offered.append(Choice("receipt", Text("payments.receipt")))
    if not offered:
        return Screen(text, values)
    picked = await talk.choose(
        "next", [*offered, Choice("done", Text("choice.done"))], text=text, shown=values
    )
    if picked == "note":
        return await _note(talk, role, order, found.note_most)
    if picked == "refund":
        return await give_back(talk.sub("refund"), role, found)
    if picked == "receipt" and found.receipt is not None:
        receipt = receipt_text(found.receipt)
        # A question, since it may take more than one page: last words have one.
        done = [Choice("done", Text("choice.done"))]
        await talk.choose("receipt", done, text=receipt.id, shown=receipt.values)
    return Screen("business.done")


async def _note(talk: Talk, role: Role, order: OrderView, most: int) -> Screen:
    said = await talk.ask(
        "note", FreeText(most, words=True), payer=Number(order.payer), most=most, merchant=role.merchant
    )
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    noted = await talk.act("send", SendNote(role.staff_id, order.id, said))
    shown: dict[str, Value] = {"payer": Number(order.payer), "code": order.code}
    if not noted.refused:
        return Screen("note.sent", shown)
    why = noted.refused if noted.refused in _NOTE_REFUSALS else "not_available"
    return Screen(f"note.refused.{why}", shown)


def _values(role: Role, order: OrderView) -> dict[str, Value]:
    return {
        "code": order.code,
        "amount": order.amount,
        "payer": Number(order.payer, region=role.region),
        "state": state_text(order.state, order.kind, refunded=refunded(order)),
        # Read by staff, whose wallet it is not.
        "reason": reason_text(order.reason, order.kind, by_owner=False),
        "when": Moment(order.at_ms, seen_ms=order.seen_ms),
    }
