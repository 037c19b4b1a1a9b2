"""MTN MoMo as a server: the table of its operations, creating and asking.

One more operation is one row of `OPERATIONS`, a reader in `momo_checks` and, if it reads test numbers, one
column in `momo_magic`. Source: MTN MoMo developer portal, collection and disbursement operations.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from bot.sandbox.config import PRODUCTS
from bot.sandbox.model import ApiUser, Entry
from bot.sandbox.momo.access import (
    admit,
    callback_url,
    gateway_error,
    momo_error,
    parse_body,
    parse_reference,
    path_reference,
    platform_of,
)
from bot.sandbox.momo.accounts import notify, show_active, show_balance, show_basic_info
from bot.sandbox.momo.agreements import cancel_approved, list_approved
from bot.sandbox.momo.checks import (
    Creation,
    parse_cancellation,
    parse_deposit,
    parse_invoice,
    parse_payment,
    parse_payout,
    parse_pre_approval,
    parse_refund,
    parse_request,
)
from bot.sandbox.momo.consent import ask_consent, renew_or_redeem, show_user_info
from bot.sandbox.momo.life import Momo
from bot.sandbox.momo.magic import CURRENCIES
from bot.sandbox.momo.plan import new_entry, plan
from bot.sandbox.momo.provisioning import create_key, create_token, create_user, show_user
from bot.sandbox.momo.results import build_result
from bot.sandbox.routing import Exchange, Handler, Route
from bot.sandbox.wire import Answer, answer_json
from bot.sandbox.world import World

ProductHandler = Callable[[World, Exchange, str], Answer]
PUT, POST = "PUT", "POST"


@dataclass(frozen=True, slots=True)
class Operation:
    """A creating operation and its status question.

    `creates` gives each path with the method of its callback: the older paths call back by POST.
    """

    kind: str
    product: str
    creates: tuple[tuple[str, str], ...]
    status_path: str
    parse: Callable[..., Creation]
    direction: Literal["in", "out", "none"] = "in"
    party_field: str = "payer"
    method: str = "POST"


_PAY = "/v1_0/requesttopay"
_INVOICE = "/v2_0/invoice/{reference}"
OPERATIONS = (
    Operation("request_to_pay", "collection", ((_PAY, PUT),), f"{_PAY}/{{reference}}", parse_request),
    Operation(
        "request_to_withdraw",
        "collection",
        (("/v1_0/requesttowithdraw", PUT), ("/v2_0/requesttowithdraw", PUT)),
        "/v1_0/requesttowithdraw/{reference}",
        parse_request,
    ),
    Operation(
        "pre_approval",
        "collection",
        (("/v2_0/preapproval", PUT),),
        "/v2_0/preapproval/{reference}",
        parse_pre_approval,
        direction="none",
    ),
    Operation("invoice", "collection", (("/v2_0/invoice", PUT),), _INVOICE, parse_invoice),
    Operation(
        "invoice_cancellation",
        "collection",
        ((_INVOICE, PUT),),
        _INVOICE,
        parse_cancellation,
        direction="none",
        method="DELETE",
    ),
    Operation(
        "payment",
        "collection",
        (("/v2_0/payment", PUT),),
        "/v2_0/payment/{reference}",
        parse_payment,
        direction="out",
    ),
    Operation(
        "transfer",
        "disbursement",
        (("/v1_0/transfer", PUT),),
        "/v1_0/transfer/{reference}",
        parse_payout,
        direction="out",
        party_field="payee",
    ),
    Operation(
        "deposit",
        "disbursement",
        (("/v1_0/deposit", POST), ("/v2_0/deposit", PUT)),
        "/v1_0/deposit/{reference}",
        parse_deposit,
        direction="out",
        party_field="payee",
    ),
    Operation(
        "refund",
        "disbursement",
        (("/v1_0/refund", POST), ("/v2_0/refund", PUT)),
        "/v1_0/refund/{reference}",
        parse_refund,
        direction="out",
        party_field="payee",
    ),
)


def build_routes(momo: Momo) -> list[Route]:
    """All MoMo routes."""
    routes = [
        Route("POST", "/v1_0/apiuser", "momo.provisioning", create_user),
        Route("GET", "/v1_0/apiuser/{user}", "momo.provisioning", show_user),
        Route("POST", "/v1_0/apiuser/{user}/apikey", "momo.provisioning", create_key),
    ]
    holder = "/v1_0/accountholder/{type}/{id}"
    for product in PRODUCTS:
        table: list[tuple[str, str, str, ProductHandler]] = [
            ("POST", "/token/", "momo.token", create_token),
            ("GET", "/v1_0/account/balance", "momo.account", show_balance),
            ("GET", "/v1_0/account/balance/{currency}", "momo.account", show_balance),
            ("GET", f"{holder}/active", "momo.account", show_active),
            ("GET", f"{holder}/basicuserinfo", "momo.account", show_basic_info),
            ("POST", "/v1_0/bc-authorize", "momo.consent", ask_consent),
            ("POST", "/oauth2/token/", "momo.oauth", renew_or_redeem),
            ("GET", "/oauth2/v1_0/userinfo", "momo.consent", show_user_info),
        ]
        if product == "collection":
            approved = "/v1_0/preapprovals/{type}/{id}"
            table += [
                ("GET", approved, "momo.agreement", list_approved),
                ("DELETE", "/v1_0/preapproval/{id}", "momo.agreement", cancel_approved),
                ("POST", f"{_PAY}/{{reference}}/deliverynotification", "momo.notification", _notify),
            ]
        for method, path, group, handle in table:
            routes.append(Route(method, f"/{product}{path}", group, _for_product(handle, product)))
    for op in OPERATIONS:
        for path, callback_method in op.creates:
            create = _creator(op, callback_method, momo)
            routes.append(Route(op.method, f"/{op.product}{path}", "momo.create", create))
        if op.method == "POST":
            routes.append(Route("GET", f"/{op.product}{op.status_path}", "momo.status", _status_of(op)))
    return routes


def _for_product(handle: ProductHandler, product: str) -> Handler:
    return lambda world, ex: handle(world, ex, product)


# Creating.


def _creator(op: Operation, callback_method: str, momo: Momo) -> Handler:
    def create(world: World, ex: Exchange) -> Answer:
        """202 and an entry in the record, or the refusal that fits; a refusal creates nothing."""
        strict = world.config.strict
        user = admit(world, ex, op.product)
        about = _find(world, ex, user, "invoice") if op.kind == "invoice_cancellation" else None
        reference = parse_reference(ex, strict=strict)
        typed = ex.headers.get("Content-Type", "").partition(";")[0].strip() == "application/json"
        if strict and not typed:
            raise gateway_error(415, "The body must be application/json.")
        bare = about is not None and not ex.body and not strict
        wanted = op.parse({} if bare else parse_body(ex), strict=strict)
        if world.find_entry("momo", "", reference) is not None or reference == user.api_user:
            raise momo_error(409, "RESOURCE_ALREADY_EXIST")
        if wanted.currency and wanted.currency not in CURRENCIES[user.environment]:
            raise momo_error(500, "INVALID_CURRENCY")
        if about is not None:
            wanted = replace(wanted, about=about.reference)
        entry = new_entry(world, ex, user, op.product, op.kind, reference, wanted)
        entry.direction = op.direction
        entry.callback_url = callback_url(world, ex, user)
        entry.detail |= {"callback_method": callback_method, "party_field": op.party_field}
        plan(world, entry, user)
        world.add_entry(entry)
        momo.tell_creation(world, entry)
        ex.created = entry
        return Answer(202)

    return create


# Asking.


def _find(world: World, ex: Exchange, user: ApiUser, *kinds: str) -> Entry:
    """The entry of one of these kinds that the reference in the path names, if this user may see it."""
    entry = world.find_entry("momo", "", path_reference(ex, strict=world.config.strict))
    if (
        entry is None
        or entry.kind not in kinds
        or entry.detail["environment"] != user.environment
        or entry.detail.get("platform", "legacy") != platform_of(world, ex)
        or (world.config.strict and entry.detail["user"] != user.api_user)
    ):
        raise momo_error(404, "RESOURCE_NOT_FOUND")
    return entry


def _status_of(op: Operation) -> Handler:
    kinds = [other.kind for other in OPERATIONS if other.status_path == op.status_path]

    def status(world: World, ex: Exchange) -> Answer:
        """200 and the state; a payment that failed is a 200 too."""
        entry = _find(world, ex, admit(world, ex, op.product), *kinds)
        faults = world.faults.over(entry.knobs | ex.knobs)
        entry.status_gets += 1
        if entry.status_gets <= faults.status_not_found_first:
            raise momo_error(404, "RESOURCE_NOT_FOUND")
        return answer_json(200, build_result(entry, faults))

    return status


def _notify(world: World, ex: Exchange, product: str) -> Answer:
    return notify(world, ex, _find(world, ex, admit(world, ex, product), "request_to_pay"))
