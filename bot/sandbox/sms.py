"""Africa's Talking's sending API: what it takes lands in the inbox of the number.

Source: Africa's Talking documentation, SMS sending; recipient codes as its reference lists them.
"""

import re
from decimal import Decimal
from typing import Any

from bot.sandbox.routing import Exchange, Route
from bot.sandbox.wire import Answer, BadBody, answer_json, parse_form
from bot.sandbox.world import World

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_COST = Decimal("0.8000")
_LONGEST = 10 * 160
_MOST_RECIPIENTS = 1000
_TAKEN = {100: "Processed", 101: "Success", 102: "Queued"}
_REFUSED = {
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}


def build_routes() -> list[Route]:
    """The one route."""
    return [Route("POST", "/version1/messaging", "sms.send", _send)]


def refuse(status: int, message: str) -> Answer:
    """A refusal in the words of this API."""
    return answer_json(status, {"errorMessage": message})


def _send(world: World, ex: Exchange) -> Answer:
    """201 and a line per recipient; success is told there and not by the HTTP status."""
    config = world.config.sms
    key = ex.headers.get("apiKey", "")
    if not key or (config.api_keys and key not in config.api_keys):
        return refuse(401, "The supplied authentication is invalid")
    try:
        form = parse_form(ex.body)
    except BadBody as bad:
        return refuse(bad.status, bad.message)
    missing = [name for name in ("username", "to", "message") if not form.get(name, "").strip()]
    if missing:
        return refuse(400, f"Required field missing: {missing[0]}")
    numbers = [number.strip() for number in form["to"].split(",") if number.strip()]
    if len(numbers) > _MOST_RECIPIENTS or len(form["message"]) > _LONGEST:
        return refuse(400, "The message is too long or has too many recipients")
    if ex.faults.sms_no_recipients:
        return _answer("InvalidSenderId", [])
    sender = form.get("from") or config.sender
    recipients = [_deliver(world, ex, number, sender, form["message"]) for number in numbers]
    taken = sum(line["statusCode"] in _TAKEN for line in recipients)
    return _answer(f"Sent to {taken}/{len(numbers)} Total Cost: KES {_COST * taken}", recipients)


def _deliver(world: World, ex: Exchange, number: str, sender: str, text: str) -> dict[str, Any]:
    code = ex.faults.sms_code or 101
    if not _NUMBER.fullmatch(number):
        code = 403
    if code not in _TAKEN:
        status = _REFUSED.get(code, "Unknown")
        return {"statusCode": code, "number": number, "status": status, "cost": "0", "messageId": "None"}
    sms = world.send_sms(number.removeprefix("+"), sender, text)
    cost = f"KES {_COST}"
    return {"statusCode": code, "number": number, "status": _TAKEN[code], "cost": cost, "messageId": sms.id}


def _answer(message: str, recipients: list[dict[str, Any]]) -> Answer:
    return answer_json(201, {"SMSMessageData": {"Message": message, "Recipients": recipients}})
