"""MTN MoMo's consent (OpenID CIBA): asked on the phone, polled, renewed, and what it opens. Pure.

Asking goes with the product's bearer token and polling with its Basic credentials; MTN's pages
contradict each other on the first.
Source: MTN MoMo Open API, consent (bc-authorize) (momodeveloper.mtn.com), client libraries and users'
reports, read November 2026.
"""

from typing import Any, Final

from bot.money import Msisdn, Reason
from bot.providers.base import (
    Call,
    Consent,
    ConsentAsked,
    ConsentState,
    Declined,
    Malformed,
    Misconfigured,
    ProviderError,
    Reply,
    Request,
    Secret,
    Unknown,
    UserInfo,
)
from bot.providers.momo.encoding import build_digits
from bot.providers.momo.looks import read_bearer
from bot.providers.momo.replies import code_of, look_body, look_error, says_unknown
from bot.providers.momo.words import CREATED_NOTHING, REASONS, REFUSALS
from bot.providers.wire import read_code, read_decimal, read_object, read_retry_after, read_text

__all__ = ["ask_consent", "poll_consent", "renew_consent", "user_info"]

_SCOPE: Final = "profile"
_CIBA: Final = "urn:openid:params:grant-type:ciba"
_INTERVAL_S, _LIFE_S = 5.0, 3600.0
# Words of OAuth, and MoMo's own for the same, in answer to a poll or a renewal.
_STATES: Final = {
    "AUTHORIZATION_PENDING": ConsentState.WAITING,
    "SLOW_DOWN": ConsentState.WAITING,
    "PENDING": ConsentState.WAITING,
    "ACCESS_DENIED": ConsentState.REFUSED,
    "APPROVAL_REJECTED": ConsentState.REFUSED,
    "EXPIRED_TOKEN": ConsentState.EXPIRED,
    "EXPIRED": ConsentState.EXPIRED,
    "INVALID_GRANT": ConsentState.EXPIRED,  # used already, revoked, or too old
}
_OUR_FAULT: Final = CREATED_NOTHING | {"UNAUTHORIZED_CLIENT", "UNSUPPORTED_GRANT_TYPE"}


def ask_consent(product: str, msisdn: Msisdn) -> Call[ConsentAsked]:
    """A prompt at the person's phone; `offline` so that the consent can be renewed."""
    form = {
        "login_hint": f"ID:{build_digits(msisdn)}/MSISDN",
        "scope": _SCOPE,
        "access_type": "offline",
    }
    request = Request("POST", f"/{product}/v1_0/bc-authorize", product, form=form)
    return Call("ask_consent", request, _read_asked, creates=True)


def poll_consent(product: str, asked: Secret) -> Call[Consent]:
    return _token_call(product, "consent", {"grant_type": _CIBA, "auth_req_id": asked.reveal()})


def renew_consent(product: str, refresh: Secret) -> Call[Consent]:
    form = {"grant_type": "refresh_token", "refresh_token": refresh.reveal()}
    return _token_call(product, "renew_consent", form)


def user_info(product: str, token: Secret) -> Call[UserInfo]:
    """By the consent's own token. Declined where it holds no longer."""
    request = Request("GET", f"/{product}/oauth2/v1_0/userinfo", product, bearer=token)
    return Call("user_info", request, _read_user_info)


def _token_call(product: str, name: str, form: dict[str, str]) -> Call[Consent]:
    request = Request("POST", f"/{product}/oauth2/token/", "basic:" + product, form=form)
    return Call(name, request, _read_consent)


def _read_asked(reply: Reply) -> ConsentAsked:
    if reply.status not in (200, 202):
        raise _asking_error(reply)
    try:
        body = read_object(reply.content)
    except ValueError:
        raise Unknown("the reply cannot be read", http_status=reply.status) from None
    id = read_text(body.get("auth_req_id"), 500)
    if not id:
        raise Unknown("the reply names no consent to ask about", http_status=reply.status)
    return ConsentAsked(
        id=Secret(id),
        interval_s=_seconds(body.get("interval"), _INTERVAL_S),
        expires_s=_seconds(body.get("expires_in"), _LIFE_S),
    )


def _asking_error(reply: Reply) -> ProviderError:
    code = code_of(reply)
    rest: dict[str, Any] = {"provider_code": code, "http_status": reply.status}
    if reply.status in (401, 403) or code in _OUR_FAULT:
        return Misconfigured("consent was refused for a setting of ours", created_nothing=True, **rest)
    if says_unknown(reply):
        return Declined(Reason.PAYER_NOT_FOUND, "nobody is there to be asked", **rest)
    if reply.status == 404:
        return Misconfigured("no such call at this address", created_nothing=True, **rest)
    if reply.status >= 400 and code in REFUSALS:
        return Declined(REASONS[code], "consent was refused", **rest)
    if reply.status == 400:
        return Declined(Reason.CONSENT, "consent was refused as malformed", **rest)
    return Unknown("the reply leaves open whether the person was asked", **_pause(reply), **rest)


def _read_consent(reply: Reply) -> Consent:
    if reply.status == 200:
        try:
            body = read_object(reply.content)
        except ValueError:
            raise Malformed("the reply cannot be read", http_status=200) from None
        state = _state_of(body)  # an error in a 200, as some servers say it
        if state is not None:
            return Consent(state)
        token, lives_s = read_bearer(body)
        if not token:
            raise Malformed("no token in the reply", http_status=200)
        refresh, scope = read_text(body.get("refresh_token"), 8192), read_text(body.get("scope"))
        return Consent(ConsentState.GIVEN, token, lives_s, Secret(refresh), scope)
    code = code_of(reply)
    rest: dict[str, Any] = {"provider_code": code, "http_status": reply.status}
    state = _refused_state(reply)
    if state is not None:
        return Consent(state)
    if reply.status in (401, 403) or code in _OUR_FAULT:
        raise Misconfigured("the consent's token was refused", created_nothing=True, **rest)
    if says_unknown(reply):
        return Consent(ConsentState.EXPIRED)
    if reply.status == 404:
        raise Misconfigured("no such call at this address", created_nothing=True, **rest)
    if reply.status == 400 or (reply.status >= 400 and code in REFUSALS):
        raise Declined(REASONS.get(code, Reason.CONSENT), "the consent does not hold", **rest)
    raise Unknown("no answer about a consent", **_pause(reply), **rest)


def _refused_state(reply: Reply) -> ConsentState | None:
    try:
        return _state_of(read_object(reply.content)) if reply.status >= 400 else None
    except ValueError:
        return None


def _state_of(body: dict[str, Any]) -> ConsentState | None:
    """OAuth's word goes before MoMo's code, which may only tell why."""
    return _STATES.get(read_code(body.get("error"))) or _STATES.get(read_code(body.get("code")))


# Their words and ours; another word tells nobody anything.
_GENDERS: Final = {"MALE": "male", "M": "male", "FEMALE": "female", "F": "female"}


def _read_user_info(reply: Reply) -> UserInfo:
    if reply.status == 401 or says_unknown(reply):
        raise Declined(
            Reason.CONSENT,
            "the consent holds no longer",
            provider_code=code_of(reply),
            http_status=reply.status,
        )
    if reply.status != 200:
        error = look_error(reply)
        if REASONS.get(error.provider_code) is Reason.CONSENT:
            raise Declined(
                Reason.CONSENT,
                "the consent does not cover this",
                provider_code=error.provider_code,
                http_status=reply.status,
            )
        raise error
    body = look_body(reply)

    def text(*fields: str) -> str:
        return " ".join(filter(None, (read_text(body.get(field), 120) for field in fields)))

    return UserInfo(
        name=text("name") or text("given_name", "family_name"),
        given_name=text("given_name"),
        family_name=text("family_name"),
        birthdate=text("birthdate"),
        gender=_GENDERS.get(text("gender").upper(), ""),
        email=text("email"),
        phone=text("phone_number"),
        address=_read_address(body.get("address")),
        occupation=text("occupation"),
        identification=text("identification_type", "identification_value"),
    )


def _read_address(address: Any) -> str:
    """A text by the schema; the sandbox sends an object."""
    if not isinstance(address, dict):
        return read_text(address)
    parts = ("street_address", "postal_code", "locality", "region", "country")
    whole = read_text(address.get("formatted"))
    return whole or ", ".join(filter(None, (read_text(address.get(part), 80) for part in parts)))


def _seconds(value: Any, unsaid: float) -> float:
    try:
        said = float(read_decimal(value))
    except ValueError:
        return unsaid
    return said if said > 0 else unsaid


def _pause(reply: Reply) -> dict[str, Any]:
    return {"retry_after_s": read_retry_after(reply.headers)}
