"""MTN MoMo as a server: the table of its operations, creating and asking.

One more operation is one row of `OPERATIONS` and, if it reads test numbers, one column in
`momo_magic`. Source: MTN MoMo developer portal, collection and disbursement operations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from bot.sandbox.config import PRODUCTS
from bot.sandbox.model import ApiUser, Entry, Prompt, Step, plain
from bot.sandbox.momo_access import (
    admit,
    callback_url,
    create_key,
    create_token,
    create_user,
    gateway_error,
    invalid,
    momo_error,
    parse_body,
    parse_reference,
    path_reference,
    show_user,
)
from bot.sandbox.momo_checks import Creation, check_holder, parse_creation, parse_notification
from bot.sandbox.momo_life import FAILED, SUCCESSFUL, Momo, build_result
from bot.sandbox.momo_magic import CURRENCIES, find_holder, find_outcome
from bot.sandbox.routing import Exchange, Handler, Route
from bot.sandbox.wire import Answer, BadBody, answer_json, parse_object
from bot.sandbox.world import World

ProductHandler = Callable[[World, Exchange, str], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """A creating operation and its status question."""

    kind: str
    product: str
    create_paths: tuple[str, ...]
    status_path: str
    party_field: str = "payer"
    callback_method: str = "PUT"


OPERATIONS = (
    Operation("request_to_pay", "collection", ("/v1_0/requesttopay",), "/v1_0/requesttopay/{reference}"),
)


def build_routes(momo: Momo) -> list[Route]:
    """All MoMo routes."""
    routes = [
        Route("POST", "/v1_0/apiuser", "momo.provisioning", create_user),
        Route("GET", "/v1_0/apiuser/{user}", "momo.provisioning", show_user),
        Route("POST", "/v1_0/apiuser/{user}/apikey", "momo.provisioning", create_key),
    ]
    for product in PRODUCTS:
        for method, path, group, handle in (
            ("POST", "/token/", "momo.token", create_token),
            ("GET", "/v1_0/account/balance", "momo.account", _balance),
            ("GET", "/v1_0/account/balance/{currency}", "momo.account", _balance),
            ("GET", "/v1_0/accountholder/{type}/{id}/active", "momo.account", _active),
            ("GET", "/v1_0/accountholder/{type}/{id}/basicuserinfo", "momo.account", _basic_user_info),
        ):
            routes.append(Route(method, f"/{product}{path}", group, _for_product(handle, product)))
    for op in OPERATIONS:
        for path in op.create_paths:
            routes.append(Route("POST", f"/{op.product}{path}", "momo.create", _creator(op, momo)))
        routes.append(Route("GET", f"/{op.product}{op.status_path}", "momo.status", _status_of(op)))
    notify = "/collection/v1_0/requesttopay/{reference}/deliverynotification"
    routes.append(Route("POST", notify, "momo.notification", _notify))
    return routes


def _for_product(handle: ProductHandler, product: str) -> Handler:
    return lambda world, ex: handle(world, ex, product)


# Creating.


def _creator(op: Operation, momo: Momo) -> Handler:
    def create(world: World, ex: Exchange) -> Answer:
        """202 and an entry in the record, or the refusal that fits; a refusal creates nothing."""
        strict = world.config.strict
        user = admit(world, ex, op.product)
        reference = parse_reference(ex, strict=strict)
        if strict and ex.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            raise gateway_error(415, "The body must be application/json.")
        wanted = parse_creation(parse_body(ex), op.party_field, strict=strict)
        if world.find_entry("momo", "", reference) is not None or reference == user.api_user:
            raise momo_error(409, "RESOURCE_ALREADY_EXIST")
        if wanted.currency not in CURRENCIES[user.environment]:
            raise momo_error(500, "INVALID_CURRENCY")
        entry = _accept(world, op, user, reference, wanted, callback_url(world, ex, user))
        entry.knobs = ex.knobs
        world.add_entry(entry)
        momo.forge_at_once(world, entry)
        ex.created = entry
        return Answer(202)

    return create


def _accept(
    world: World, op: Operation, user: ApiUser, reference: str, wanted: Creation, callback: str | None
) -> Entry:
    now, seq, party = world.now(), world.new_seq(), wanted.party
    entry = Entry(
        seq=seq,
        provider="momo",
        kind=op.kind,
        account="",  # a reference is used once, whoever uses it
        reference=reference,
        provider_reference=str(730_000_000 + seq),
        external_id=wanted.external_id,
        amount=wanted.amount,
        currency=wanted.currency,
        party=party.party_id,
        msisdn=party.msisdn,
        status="PENDING",
        created_at=now,
        updated_at=now,
        callback_url=callback,
        detail={
            "purse": user.api_user,
            "product": op.product,
            "environment": user.environment,
            "callback_method": op.callback_method,
            "party_field": op.party_field,
            "party_type": party.id_type,
            "party_id": party.party_id,
            "payer_message": wanted.payer_message,
            "payee_note": wanted.payee_note,
        },
    )
    times = world.config.momo
    if party.msisdn in world.handsets:
        entry.timeline = [Step(now + world.config.prompt_s, FAILED, times.expiry_reason)]
        entry.prompt = Prompt(
            id=uuid4().hex,
            msisdn=party.msisdn,
            payee=user.payee,
            message=wanted.payer_message or "",
            created_at=now,
            expires_at=now + world.config.prompt_s,
        )
        return entry
    outcome = find_outcome(op.kind, party.party_id)
    entry.status = outcome.first
    if outcome.when != "never":
        soon = times.failure_s if outcome.reason else times.success_s
        wait = times.delayed_s if outcome.when == "later" else soon
        entry.timeline = [Step(now + wait, FAILED if outcome.reason else SUCCESSFUL, outcome.reason)]
    return entry


# Asking.


def _find(world: World, ex: Exchange, product: str, kind: str) -> tuple[ApiUser, Entry]:
    user = admit(world, ex, product)
    entry = world.find_entry("momo", "", path_reference(ex, strict=world.config.strict))
    if (
        entry is None
        or entry.kind != kind
        or entry.detail["environment"] != user.environment
        or (world.config.strict and entry.detail["purse"] != user.api_user)
    ):
        raise momo_error(404, "RESOURCE_NOT_FOUND")
    return user, entry


def _status_of(op: Operation) -> Handler:
    def status(world: World, ex: Exchange) -> Answer:
        """200 and the state; a payment that failed is a 200 too."""
        _, entry = _find(world, ex, op.product, op.kind)
        faults = world.faults.over(entry.knobs | ex.knobs)
        entry.status_gets += 1
        if entry.status_gets <= faults.status_not_found_first:
            raise momo_error(404, "RESOURCE_NOT_FOUND")
        return answer_json(200, build_result(entry, faults))

    return status


def _notify(world: World, ex: Exchange) -> Answer:
    """One more SMS to the payer about a payment that succeeded."""
    _, entry = _find(world, ex, "collection", "request_to_pay")
    try:
        value = parse_object(ex.body).get("notificationMessage") if ex.body else None
    except BadBody as bad:
        raise invalid(bad.message) from None
    text = parse_notification(value if value is not None else ex.headers.get("notificationMessage"))
    if entry.status != SUCCESSFUL:
        raise momo_error(409, "NOT_SUCCESSFULLY_COMPLETED")
    if entry.msisdn is not None:
        world.send_sms(entry.msisdn, "MoMo", text)
    return Answer(200)


# Accounts.

_CANNED_BALANCES: dict[str, tuple[int, str]] = {
    "zero": (200, "0"),
    "negative": (200, "-25"),
    "not_allowed": (500, "NOT_ALLOWED"),
    "not_found": (404, "RESOURCE_NOT_FOUND"),
    "error": (500, "INTERNAL_PROCESSING_ERROR"),
}


def _balance(world: World, ex: Exchange, product: str) -> Answer:
    """The merchant's balance: what it began with and what the record says came in."""
    user = admit(world, ex, product)
    currencies = CURRENCIES[user.environment]
    currency = ex.params.get("currency", currencies[0])
    if currency not in currencies:
        raise momo_error(500, "INVALID_CURRENCY")
    mode: str = ex.faults.balance_answer
    if mode == "rotate":
        mode = world.chance.choice(["ledger", *_CANNED_BALANCES])
    if mode == "ledger":
        came_in = world.collected[f"momo:{user.api_user}"].get(currency, Decimal(0))
        return answer_json(200, {"availableBalance": plain(user.balance + came_in), "currency": currency})
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


def _active(world: World, ex: Exchange, product: str) -> Answer:
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


def _basic_user_info(world: World, ex: Exchange, product: str) -> Answer:
    """Name and birthday; everybody without a handset is the sandbox's own fixture person."""
    admit(world, ex, product)
    _, holder = _holder(world, ex)
    handset = world.handsets.get(holder.removeprefix("+"))
    name = handset.name if handset is not None else "Sand Box"
    given, _, family = name.partition(" ")
    info: dict[str, Any] = {
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
    return answer_json(200, info)
