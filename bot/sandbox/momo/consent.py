"""A person's consent at MoMo (OpenID CIBA): asking for it, the token it gives, and what that token shows.

Source: MTN MoMo developer portal, bc-authorize and userinfo, which disagree on the credentials of
bc-authorize: both are taken. The errors of the token call are OpenID's, since none are published.
"""

import re
import secrets
import uuid
from typing import Any
from urllib.parse import unquote

from bot.sandbox.model import ApiUser, Entry, Token
from bot.sandbox.momo.access import (
    Refused,
    admit,
    basic_user,
    bearer_token,
    callback_url,
    check_environment,
    gateway_error,
    invalid,
    login_refused,
    momo_error,
    subscription_key,
)
from bot.sandbox.momo.accounts import describe_person
from bot.sandbox.momo.checks import Creation, Party, check_holder
from bot.sandbox.momo.magic import (
    CONSENT_NOT_RENEWED,
    CONSENT_PENDING,
    CONSENT_REVOKED,
    CONSENT_UNKNOWN,
    CONSENTS,
    STAYS_OPEN,
    SUCCEEDS,
    Outcome,
    find_ending,
)
from bot.sandbox.momo.plan import new_entry, plan
from bot.sandbox.momo.provisioning import token_text
from bot.sandbox.momo.results import FAILED, SUCCESSFUL
from bot.sandbox.routing import Exchange
from bot.sandbox.wire import Answer, BadBody, answer_json, parse_form
from bot.sandbox.world import World, digest

CIBA = "urn:openid:params:grant-type:ciba"
_HINT = re.compile(r"ID:([^/]{1,200})/([A-Z_]{1,20})")
_SCOPE = re.compile(r"[\x21-\x7e]+( [\x21-\x7e]+)*")


def ask_consent(world: World, ex: Exchange, product: str) -> Answer:
    """`POST bc-authorize`: the person is asked on the phone; the answer is only what to poll with."""
    user = _admit_either(world, ex, product)
    form = _parse_form(world, ex)
    hint = _HINT.fullmatch(unquote(form.get("login_hint", "")))
    if hint is None:
        raise invalid("login_hint must be ID:{id}/{type}.")
    check_holder(hint[2], hint[1], strict=world.config.strict)
    party = Party(hint[2], hint[1])
    scope = form.get("scope", "")
    if not _SCOPE.fullmatch(scope) or len(scope) > 200:
        raise invalid("scope is required.")
    access = form.get("access_type", "" if world.config.strict else "online")
    if access not in ("online", "offline"):
        raise invalid("access_type must be online or offline.")
    has_handset = party.msisdn in world.handsets
    ending = "" if has_handset else find_ending(party.party_id)
    if ending == CONSENT_UNKNOWN:
        raise momo_error(404, "RESOURCE_NOT_FOUND")
    times = world.config.momo
    wanted = Creation(party=party, payer_message=scope)
    entry = new_entry(world, ex, user, product, "consent", str(uuid.uuid4()), wanted)
    entry.callback_url = callback_url(world, ex, user)
    expires_at = world.now() + times.consent_s
    entry.detail |= {"scope": scope, "access": access, "ending": ending, "expires_at": expires_at}
    plan(world, entry, user, _outcome_of(ending), lasts_s=times.consent_s)
    world.add_entry(entry)
    ex.created, ex.reference = entry, entry.reference
    return answer_json(
        200, {"auth_req_id": entry.reference, "interval": times.interval_s, "expires_in": times.consent_s}
    )


def _outcome_of(ending: str) -> Outcome:
    if ending == CONSENT_PENDING:
        return STAYS_OPEN
    error, code = CONSENTS.get(ending, ("", ""))
    return Outcome(code or error.upper()) if error else SUCCEEDS


def renew_or_redeem(world: World, ex: Exchange, product: str) -> Answer:
    """`POST oauth2/token/`: the token of a consent once it is given, or a new one for a refresh token."""
    key = subscription_key(world, ex, product)
    user = basic_user(world, ex, key)
    if user is None:
        raise login_refused(world, ex)
    if world.config.strict or ex.headers.get("X-Target-Environment"):
        check_environment(ex, user, product)
    try:
        form = parse_form(ex.body)
    except BadBody:
        raise _oauth_error("invalid_request") from None
    grant = form.get("grant_type", "")
    if grant == CIBA:
        return _redeem(world, ex, user, product, form.get("auth_req_id", ""))
    if grant == "refresh_token":
        return _renew(world, user, product, form.get("refresh_token", ""))
    raise _oauth_error("unsupported_grant_type" if grant else "invalid_request")


def _redeem(world: World, ex: Exchange, user: ApiUser, product: str, auth_req_id: str) -> Answer:
    entry = _find_consent(world, user, product, auth_req_id)
    if entry is None:
        raise _oauth_error("invalid_grant")
    ex.reference = entry.reference
    detail, now = entry.detail, world.now()
    too_soon = now < detail.get("polled_at", -1e12) + world.config.momo.interval_s
    detail["polled_at"] = now
    if entry.status == FAILED:
        raise _refusal_of(entry)
    if now >= detail["expires_at"]:
        raise _oauth_error("expired_token")
    if entry.status != SUCCESSFUL:
        raise _oauth_error(
            "slow_down" if too_soon and ex.faults.consent_slow_down else "authorization_pending"
        )
    if detail.get("redeemed"):
        raise _oauth_error("invalid_grant")
    detail["redeemed"] = True
    world.keep_entry(entry)
    refresh = ""
    if detail["access"] == "offline":
        refresh = secrets.token_urlsafe(48)
        until = now + world.config.momo.refresh_token_s
        world.keep_token(refresh, Token(user.api_user, product, until, "refresh", entry.reference))
    return _grant(world, user, product, entry, refresh, world.config.momo.refresh_token_s)


def _renew(world: World, user: ApiUser, product: str, refresh: str) -> Answer:
    """The refresh token stays the same, so that a lost answer costs nobody the consent."""
    kept = world.tokens.get(digest(refresh))
    if kept is None or (kept.use, kept.api_user, kept.product) != ("refresh", user.api_user, product):
        raise _oauth_error("invalid_grant")
    entry = _find_consent(world, user, product, kept.consent)
    left_s = kept.expires_at - world.now()
    if entry is None or left_s <= 0 or entry.detail["ending"] in (CONSENT_NOT_RENEWED, CONSENT_REVOKED):
        raise _oauth_error("invalid_grant")
    return _grant(world, user, product, entry, refresh, int(left_s))


def _grant(world: World, user: ApiUser, product: str, entry: Entry, refresh: str, refresh_s: int) -> Answer:
    lives_s = world.config.momo.consent_token_s
    expires_at = world.now() + lives_s
    text = token_text(user.api_user, expires_at)
    world.keep_token(text, Token(user.api_user, product, expires_at, "userinfo", entry.reference))
    body: dict[str, Any] = {
        "access_token": text,
        "token_type": "Bearer",
        "expires_in": lives_s,
        "scope": entry.detail["scope"],
    }
    if refresh:
        body |= {"refresh_token": refresh, "refresh_token_expired_in": refresh_s}
    return answer_json(200, body)


def show_user_info(world: World, ex: Exchange, product: str) -> Answer:
    """`GET oauth2/v1_0/userinfo`: what the person consented to show."""
    subscription_key(world, ex, product)
    token = bearer_token(world, ex)
    user = world.users.get(token.api_user) if token is not None else None
    if token is None or user is None or (token.use, token.product) != ("userinfo", product):
        raise gateway_error(401, "Unauthorized. The access token is missing, wrong or expired.")
    check_environment(ex, user, product)
    entry = _find_consent(world, user, product, token.consent)
    if entry is None or entry.detail["ending"] == CONSENT_REVOKED:
        raise gateway_error(401, "Unauthorized. The consent was withdrawn.")
    info = describe_person(world, entry.msisdn or entry.party)
    if entry.detail["scope"] != "profile":
        info |= _everything(info, entry, as_text=ex.faults.address_shape == "text")
    return answer_json(200, info)


def _everything(info: dict[str, Any], entry: Entry, *, as_text: bool) -> dict[str, Any]:
    """Source: the schema has text for address and credit score; the sandbox sent an object and a number."""
    address = {
        "formatted": "1 Harbour Road, Accra",
        "street_address": "1 Harbour Road",
        "postal_code": "00233",
        "locality": "Accra",
        "region": "Greater Accra",
        "country": "GH",
    }
    return {
        "middle_name": "",
        "email": "sand.box@example.com",
        "email_verified": True,
        "phone_number": entry.msisdn or "",
        "phone_number_verified": True,
        "address": address["formatted"] if as_text else address,
        "credit_score": "610" if as_text else 610,
        "active": True,
        "country_of_birth": "GH",
        "region_of_birth": "Ashanti",
        "city_of_birth": "Kumasi",
        "occupation": "Trader",
        "employer_name": info["name"],
        "identification_type": "PASS",
        "identification_value": "G0000000",
    }


def _find_consent(world: World, user: ApiUser, product: str, auth_req_id: str) -> Entry | None:
    entry = world.find_entry("momo", "", auth_req_id)
    if entry is None or entry.kind != "consent":
        return None
    mine = (entry.detail["user"], entry.detail["product"]) == (user.api_user, product)
    return entry if mine else None


def _refusal_of(entry: Entry) -> Refused:
    """What a consent that failed is refused with: by the table for a test number, else by its reason."""
    if entry.detail["ending"] in CONSENTS:
        return _oauth_error(*CONSENTS[entry.detail["ending"]])
    ran_out = entry.reason in ("EXPIRED", "COULD_NOT_PERFORM_TRANSACTION")
    return _oauth_error("expired_token" if ran_out else "access_denied")


def _oauth_error(error: str, description: str = "") -> Refused:
    more = {"error_description": description} if description else {}
    return Refused(answer_json(400, {"error": error} | more))


def _admit_either(world: World, ex: Exchange, product: str) -> ApiUser:
    """The API user by Bearer token or by Basic credentials."""
    if ex.headers.get("Authorization", "").partition(" ")[0].lower() != "basic":
        return admit(world, ex, product)
    user = basic_user(world, ex, subscription_key(world, ex, product))
    if user is None:
        raise login_refused(world, ex)
    check_environment(ex, user, product)
    return user


def _parse_form(world: World, ex: Exchange) -> dict[str, str]:
    content_type = ex.headers.get("Content-Type", "").partition(";")[0].strip()
    if world.config.strict and content_type != "application/x-www-form-urlencoded":
        raise gateway_error(415, "The body must be a form.")
    try:
        return parse_form(ex.body)
    except BadBody as bad:
        raise invalid(bad.message) from None
