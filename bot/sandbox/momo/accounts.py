"""MoMo's questions about accounts: the merchant's balance, an account holder, one more SMS to a payer.

Source: MTN MoMo developer portal, account, account holder and delivery notification; published client
libraries for the balances of the sandbox.
"""

from typing import Any

from bot.sandbox.model import Entry, plain
from bot.sandbox.momo.access import admit, gateway_error, invalid, momo_error
from bot.sandbox.momo.checks import check_holder, parse_notification
from bot.sandbox.momo.magic import CURRENCIES, find_holder
from bot.sandbox.momo.results import SUCCESSFUL
from bot.sandbox.routing import Exchange
from bot.sandbox.wire import Answer, BadBody, answer_json, parse_object
from bot.sandbox.world import World

_CANNED_BALANCES: dict[str, tuple[int, str]] = {
    "zero": (200, "0"),
    "negative": (200, "-25"),
    "not_allowed": (500, "NOT_ALLOWED"),
    "not_found": (404, "RESOURCE_NOT_FOUND"),
    "error": (500, "INTERNAL_PROCESSING_ERROR"),
}


def show_balance(world: World, ex: Exchange, product: str) -> Answer:
    """The merchant's balance: what it began with and what the books say since."""
    user = admit(world, ex, product)
    currencies = CURRENCIES[user.environment]
    currency = ex.params.get("currency", currencies[0])
    if currency not in currencies:
        raise momo_error(500, "INVALID_CURRENCY")
    mode: str = ex.faults.balance_answer
    if mode == "rotate":
        mode = world.chance.choice(["ledger", *_CANNED_BALANCES])
    if mode == "ledger":
        balance = world.merchant_balance(f"momo:{world.purse(user, product)}", currency)
        return answer_json(200, {"availableBalance": plain(balance), "currency": currency})
    status, text = _CANNED_BALANCES[mode]
    if status != 200:
        raise momo_error(status, text)
    return answer_json(200, {"availableBalance": text, "currency": currency})


def _holder(world: World, ex: Exchange) -> tuple[str, str]:
    id_type, holder = ex.params["type"], ex.params["id"]
    if not world.config.strict:
        id_type = id_type.lower()
    if id_type not in ("msisdn", "email", "party_code"):
        raise invalid("The id type must be msisdn, email or party_code.")
    check_holder(id_type.upper(), holder, strict=world.config.strict)
    return id_type, holder


def show_active(world: World, ex: Exchange, product: str) -> Answer:
    """Whether there is such an account holder. Says nothing about limits."""
    admit(world, ex, product)
    id_type, holder = _holder(world, ex)
    if id_type == "msisdn" and holder.removeprefix("+") in world.handsets:
        status, result = 200, True
    else:
        status, found = find_holder(id_type, holder)
        if isinstance(found, str):
            raise momo_error(status, found)
        result = found
    return answer_json(status, result if ex.faults.active_shape == "bare" else {"result": result})


def show_basic_info(world: World, ex: Exchange, product: str) -> Answer:
    """Name and birthday of an account holder."""
    admit(world, ex, product)
    _, holder = _holder(world, ex)
    return answer_json(200, describe_person(world, holder.removeprefix("+")))


def describe_person(world: World, msisdn: str) -> dict[str, Any]:
    """What everybody may know; whoever has no handset is the sandbox's own fixture person."""
    handset = world.handsets.get(msisdn)
    name = handset.name if handset is not None else "Sand Box"
    given, _, family = name.partition(" ")
    return {
        "sub": "0",
        "name": name,
        "given_name": given,
        "family_name": family or given,
        "birthdate": "1976-08-13",
        "locale": "sv_SE",
        "gender": "MALE",
        "status": "ACTIVE",
        "updated_at": int(world.now()),
    }


def notify(world: World, ex: Exchange, entry: Entry) -> Answer:
    """One more SMS to the payer of a payment that succeeded: not too soon after the last, nor too late.

    Source: the portal describes both refusals in prose only; their figures are ours.
    """
    try:
        value = parse_object(ex.body).get("notificationMessage") if ex.body else None
    except BadBody as bad:
        raise invalid(bad.message) from None
    text = parse_notification(value if value is not None else ex.headers.get("notificationMessage"))
    if entry.status != SUCCESSFUL or entry.final_at is None:
        raise momo_error(409, "NOT_SUCCESSFULLY_COMPLETED")
    now, times = world.now(), world.config.momo
    if now > entry.final_at + times.notify_until_s:
        raise gateway_error(410, "It is too late to notify the payer of this transaction.")
    sent: list[dict[str, Any]] = entry.detail.setdefault("notified", [])
    if sent and now < sent[-1]["at"] + times.notify_gap_s:
        raise gateway_error(429, "The payer was notified of this transaction a moment ago.")
    sent.append({"at": now, "text": text})
    if entry.msisdn is not None:
        world.send_sms(entry.msisdn, "MoMo", text)
    world.keep_entry(entry)
    return Answer(200)
