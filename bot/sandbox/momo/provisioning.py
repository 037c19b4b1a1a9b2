"""Making MoMo API users, their keys and their access tokens.

Source: MTN MoMo developer portal (API user provisioning, token); users' reports for the token's length
and the new gateway's answers. Lenient mode takes what published client libraries send.
"""

import base64
import re
import secrets
import uuid
from decimal import Decimal

import msgspec

from bot.sandbox.model import ApiUser, Token, moment
from bot.sandbox.momo.access import (
    UUID,
    basic_user,
    binds,
    gateway_error,
    invalid,
    is_new_gateway,
    login_refused,
    momo_error,
    parse_body,
    parse_reference,
    subscription_key,
)
from bot.sandbox.routing import Exchange
from bot.sandbox.wire import Answer, answer_json
from bot.sandbox.world import World, digest

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*")


def create_user(world: World, ex: Exchange) -> Answer:
    """`POST /v1_0/apiuser`: an API user with the id the caller chose."""
    key = subscription_key(world, ex, None)
    api_user = parse_reference(ex, strict=world.config.strict)
    host = parse_body(ex).get("providerCallbackHost")
    if not isinstance(host, str) or not host.strip() or len(host) > 300:
        raise invalid("providerCallbackHost is required.")
    if world.config.strict and not _HOST.fullmatch(host):
        raise invalid("providerCallbackHost must be a host name only.")
    if api_user in world.users:
        raise momo_error(409, "RESOURCE_ALREADY_EXIST")
    product = next((name for name, keys in world.config.momo.subscription_keys.items() if key in keys), None)
    world.keep_user(
        ApiUser(
            api_user=api_user,
            key_hashes=[],
            callback_host=host.strip(),
            environment=world.config.momo.environment,
            product=product if binds(world) else None,
            balance=Decimal(world.config.momo.balance),
        )
    )
    return Answer(201)


def create_key(world: World, ex: Exchange) -> Answer:
    """`POST /v1_0/apiuser/{id}/apikey`: a new key; it replaces an earlier one made here."""
    subscription_key(world, ex, None)
    user = _path_user(world, ex)
    api_key = secrets.token_hex(16)
    user.key_hashes = [*(user.key_hashes[:1] if user.preset else ()), digest(api_key)]
    world.keep_user(user)
    return answer_json(201, {"apiKey": api_key})


def show_user(world: World, ex: Exchange) -> Answer:
    """`GET /v1_0/apiuser/{id}`."""
    subscription_key(world, ex, None)
    user = _path_user(world, ex)
    return answer_json(
        200, {"providerCallbackHost": user.callback_host, "targetEnvironment": user.environment}
    )


def _path_user(world: World, ex: Exchange) -> ApiUser:
    name = ex.params["user"]
    user = world.users.get(name) or world.users.get(name.lower())
    if user is None:
        if not UUID.fullmatch(name.lower()):
            raise invalid("The API user must be a UUID.")
        raise momo_error(404, "RESOURCE_NOT_FOUND")
    return user


# Tokens.


def create_token(world: World, ex: Exchange, product: str) -> Answer:
    """`POST /{product}/token/`: a token for Basic credentials, `token_s` seconds long."""
    config = world.config.momo
    key = subscription_key(world, ex, product)
    if is_new_gateway(world, ex) and not ex.headers.get("X-Target-Environment"):
        return answer_json(400, {"error": "Invalid or missing X-Target-Environment header"})
    if world.config.strict and ex.body:
        raise gateway_error(400, "A token request takes no body.")
    user = basic_user(world, ex, key)
    if user is None:
        raise login_refused(world, ex)
    if user.product is None and not user.preset and binds(world):
        user.product = product
        world.keep_user(user)
    expires_at = world.now() + config.token_s
    text = token_text(user.api_user, expires_at)
    world.keep_token(text, Token(user.api_user, product, expires_at))
    return answer_json(
        200, {"access_token": text, "token_type": "access_token", "expires_in": config.token_s}
    )


def token_text(api_user: str, expires_at: float) -> str:
    """Long opaque text in the form of a JWT. Source: users report more than 500 characters."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    claims = {"clientId": api_user, "expires": moment(expires_at)[:-1], "sessionId": str(uuid.uuid4())}
    head = part(b'{"typ":"JWT","alg":"RS256"}')
    return ".".join((head, part(msgspec.json.encode(claims)), part(secrets.token_bytes(256))))
