"""Who may call MoMo: subscription keys, credentials and tokens as shown, and the header rules.

Source: MTN MoMo developer portal (common headers, errors); users' reports for what the gateway
refuses. Lenient mode takes what published client libraries send.
"""

import base64
import binascii
import ipaddress
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.config import PRODUCTS
from bot.sandbox.model import ApiUser, Token
from bot.sandbox.routing import Exchange
from bot.sandbox.wire import Answer, BadBody, answer_json, parse_object
from bot.sandbox.world import World, digest

_HEX_KEY = re.compile(r"[0-9a-fA-F]{32}")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


class Refused(Exception):
    """The request is refused; `answer` is what the caller gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_MESSAGES = {
    "RESOURCE_NOT_FOUND": "Requested resource was not found.",
    "RESOURCE_ALREADY_EXIST": "Duplicated reference id. Creation of resource failed.",
    "INVALID_CALLBACK_URL_HOST": "The callback host is not the one registered for this API user.",
    "INVALID_CURRENCY": "This currency is not used in the target environment.",
    "NOT_ALLOWED_TARGET_ENVIRONMENT": "This API user may not use the target environment.",
    "NOT_ALLOWED": "This API user may not do that.",
    "INTERNAL_PROCESSING_ERROR": "The request could not be processed.",
    "SERVICE_UNAVAILABLE": "The service is not available, try again later.",
    "NOT_SUCCESSFULLY_COMPLETED": "The transaction is not successfully completed.",
    "TRANSACTION_CANCELED.": "The transaction was cancelled.",
}


def momo_error(status: int, code: str, message: str = "") -> Refused:
    """A refusal by MoMo itself: `{"code", "message"}`."""
    return Refused(answer_json(status, {"code": code, "message": message or message_of(code)}))


def gateway_error(status: int, message: str) -> Refused:
    """A refusal by the gateway in front: `{"statusCode", "message"}`."""
    return Refused(answer_json(status, {"statusCode": status, "message": message}))


def invalid(message: str) -> Refused:
    """A 400 about a field or header."""
    return momo_error(400, "VALIDATION_ERROR", message)


def message_of(code: str) -> str:
    """A sentence for a code."""
    return _MESSAGES.get(code, code.replace("_", " ").capitalize() + ".")


def parse_body(ex: Exchange) -> dict[str, Any]:
    """The JSON object of a creating call; anything else is refused with 400."""
    try:
        return parse_object(ex.body)
    except BadBody as bad:
        raise invalid(bad.message) from None


def parse_reference(ex: Exchange, *, strict: bool) -> str:
    """The `X-Reference-Id` in lower case; refused unless it is a UUID v4."""
    text = ex.headers.get("X-Reference-Id", "")
    reference = text if strict else text.strip().lower()
    if not UUID4.fullmatch(reference):
        raise invalid("X-Reference-Id must be a UUID version 4.")
    ex.reference = reference
    return reference


def path_reference(ex: Exchange, *, strict: bool) -> str:
    """The reference in the path; refused with 400 unless it is a UUID."""
    text = ex.params["reference"]
    reference = text if strict else text.strip().lower()
    if not UUID.fullmatch(reference):
        raise invalid("The reference id must be a UUID.")
    ex.reference = reference
    return reference


# Basic credentials.


def basic_user(world: World, ex: Exchange, key: str) -> ApiUser | None:
    """The API user whose Basic credentials these are and who may use this subscription key."""
    scheme, _, encoded = ex.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, api_key = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    user = world.users.get(name) or world.users.get(name.lower())
    wanted = digest(api_key)
    if user is None or not any(secrets.compare_digest(wanted, kept) for kept in user.key_hashes):
        return None
    if user.subscription_keys and key not in user.subscription_keys:
        return None
    return user


def login_refused(world: World, ex: Exchange) -> Refused:
    """The 401 for wrong Basic credentials."""
    error = "invalid_client" if is_new_gateway(world, ex) else "login_failed"
    return Refused(answer_json(401, {"error": error}))


def is_new_gateway(world: World, ex: Exchange) -> bool:
    """Whether this request meets the new gateway, by configuration or switch."""
    return world.config.momo.new_gateway or ex.faults.new_gateway


def platform_of(world: World, ex: Exchange) -> str:
    """The platform a request meets: what one created the other does not know.

    Source: the author of a client library who moved from one to the other in 2026.
    """
    return "new" if is_new_gateway(world, ex) else "legacy"


# Product calls.


def admit(world: World, ex: Exchange, product: str) -> ApiUser:
    """The API user of a product call whose headers are all right; otherwise `Refused`.

    The gateway looks first (subscription key, token: 401), then MoMo (environment: 400 or 500).
    """
    key = subscription_key(world, ex, product)
    token = bearer_token(world, ex)
    user = world.users.get(token.api_user) if token is not None else None
    if token is None or user is None or token.product != product or token.use != "product":
        raise gateway_error(401, "Unauthorized. The access token is missing, wrong or expired.")
    if user.subscription_keys and key not in user.subscription_keys:
        raise gateway_error(401, "Access denied: the subscription key is not valid here.")
    check_environment(ex, user, product)
    return user


def bearer_token(world: World, ex: Exchange) -> Token | None:
    """The token in `Authorization` if it is one of ours and still good."""
    scheme, _, text = ex.headers.get("Authorization", "").partition(" ")
    bearer = scheme == "Bearer" or (not world.config.strict and scheme.lower() == "bearer")
    token = world.tokens.get(digest(text.strip())) if bearer and text.strip() else None
    return token if token is not None and token.expires_at > world.now() else None


def check_environment(ex: Exchange, user: ApiUser, product: str) -> None:
    """Refuse another product's user, and a missing or wrong environment."""
    if user.product not in (None, product):
        raise momo_error(500, "NOT_ALLOWED_TARGET_ENVIRONMENT")
    environment = ex.headers.get("X-Target-Environment", "")
    if not environment:
        raise invalid("X-Target-Environment is required.")
    if environment != user.environment:
        raise momo_error(500, "NOT_ALLOWED_TARGET_ENVIRONMENT")


def subscription_key(world: World, ex: Exchange, product: str | None) -> str:
    """The subscription key of a request, refused with 401 unless it is good for `product` (None: any)."""
    config = world.config.momo
    key = ex.headers.get("Ocp-Apim-Subscription-Key") or ex.query.get("subscription-key") or ""
    if not key:
        raise gateway_error(401, "Access denied: the subscription key is missing.")
    takes_any = config.accept_any_key if config.accept_any_key is not None else not world.config.strict
    if takes_any:
        return key
    products: Mapping[Any, tuple[str, ...]] = config.subscription_keys
    if not products:  # a fresh account whose keys nobody told us: their form must be right
        known = bool(_HEX_KEY.fullmatch(key))
    else:
        known = any(key in products.get(name, ()) for name in ([product] if product else PRODUCTS))
    if not known:
        raise gateway_error(401, "Access denied: the subscription key is not valid here.")
    return key


def binds(world: World) -> bool:
    """Whether a provisioned user belongs to the product of its subscription key."""
    bind = world.config.momo.bind_users
    return world.config.strict if bind is None else bind


# Callback address.


def callback_url(world: World, ex: Exchange, user: ApiUser) -> str | None:
    """The checked `X-Callback-Url`, None without one; refused with 500 if its host is not the user's.

    Strict refuses IP addresses, as the real service does at payment time; lenient takes them for
    local runs. A preset user without a callback host takes any.
    """
    url = ex.headers.get("X-Callback-Url")
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise momo_error(500, "INVALID_CALLBACK_URL_HOST") from None
    wanted = _host_of(user.callback_host)
    allowed = parts.scheme in ("http", "https") and host and (not wanted or host == wanted)
    if not allowed or (world.config.strict and _is_address(host)):
        raise momo_error(500, "INVALID_CALLBACK_URL_HOST")
    return url


def _host_of(text: str) -> str:
    """The host in what was registered: some clients register a whole URL."""
    try:
        return (urlsplit(text if "//" in text else f"//{text}").hostname or "").lower()
    except ValueError:
        return text.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
