"""MTN MoMo Open API, collection: encodes calls, decodes replies; sends nothing, keeps nothing.

A reply is believed only as far as its pair (status, reason) goes; HTTP 202 is never a payment.
Source: reference/mtn-momo.md (MTN's portal, client libraries and users' reports), read November 2026;
the words are in `momo_words`.
"""

import base64
import re
import unicodedata
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final
from urllib.parse import urlsplit

from bot.money import (
    EXPONENTS,
    Money,
    Msisdn,
    OrderKind,
    Reason,
    exponent_of,
    from_major,
    to_major,
)
from bot.providers.base import (
    Account,
    AccountHolder,
    Call,
    CallbackEvent,
    Capability,
    Credentials,
    Declined,
    Grant,
    ListPage,
    Misconfigured,
    OrderCall,
    OtpAnswer,
    Receipt,
    Reply,
    Request,
    Resend,
    Secret,
    StatusReport,
)
from bot.providers.checks import base_url_problem, key_problems
from bot.providers.momo_replies import (
    read_accepted,
    read_balance,
    read_holder,
    read_name,
    read_status,
    read_token,
    wire_currency,
)
from bot.providers.momo_words import ENVIRONMENTS

__all__ = ["Momo", "build_amount", "build_note"]

_NOTE_LIMIT: Final = 128
_EMPTY_NOTE: Final = "Payment"
# Letters of our languages that do not decompose into a plain letter and a mark.
_LETTERS: Final = str.maketrans(
    {"ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ŋ": "n", "Ŋ": "N", "œ": "oe", "Œ": "OE"}
)
_PATHS: Final = {
    OrderKind.COLLECTION: "requesttopay",
    # Under a pre-approval the same call debits without a prompt.
    OrderKind.AGREEMENT_CHARGE: "requesttopay",
}


class Momo:
    """The adapter. One instance serves every MoMo account."""

    name = "momo"
    can = frozenset(
        {
            Capability.REQUEST_PAYMENT,
            Capability.CHECK_HOLDER,
            Capability.HOLDER_NAME,
            Capability.BALANCE,
        }
    )
    currencies = frozenset(currency for taken in ENVIRONMENTS.values() for currency in taken)
    may_ask_otp = False
    # Pauses of 3, 5, 10, 15, then 30 s for six minutes (the payer has about five), then of 3 min for an hour.
    schedule_s = tuple(
        float(at)
        for at in (
            *accumulate((3, 5, 10, 15)),
            *range(60, 361, 30),
            *range(540, 3601, 180),
        )
    )
    not_found_grace_s = 30.0

    # Calls ---------------------------------------------------------------------------------------

    def request_payment(self, account: Account, order: OrderCall) -> Call[Receipt]:
        """Ask the payer to approve `order`. Accepted is not paid: see payment_status."""
        headers = {"X-Reference-Id": order.reference}
        if order.callback_url:  # an empty header breaks the call
            headers["X-Callback-Url"] = order.callback_url
        body = {
            "amount": build_amount(_to_wire(account, order.amount)),
            "currency": wire_currency(account),
            "externalId": order.code,
            "payer": {"partyIdType": "MSISDN", "partyId": _digits(order.payer)},
            "payerMessage": build_note(order.payer_note),
            "payeeNote": build_note(order.payee_note),
        }
        return Call(
            "request_payment",
            _request("POST", f"/v1_0/{_path(order.kind)}", account, headers, body),
            read_accepted,
            creates=True,
            resend=Resend.SAME_REFERENCE,
        )

    def payment_status(self, account: Account, order: OrderCall) -> Call[StatusReport]:
        """The order's state by our reference, which is the only one there is."""

        def decode(reply: Reply) -> StatusReport:
            return read_status(account, reply)

        path = f"/v1_0/{_path(order.kind)}/{order.reference}"
        return Call("payment_status", _request("GET", path, account), decode)

    def submit_otp(self, account: Account, order: OrderCall, otp: str) -> Call[OtpAnswer]:
        raise Misconfigured("MoMo asks for no OTP", created_nothing=True)

    def check_holder(self, account: Account, msisdn: Msisdn) -> Call[AccountHolder]:
        """Whether the number has a wallet. Active does not promise that a payment works."""
        path = f"/v1_0/accountholder/msisdn/{_digits(msisdn)}/active"
        return Call("check_holder", _request("GET", path, account), read_holder)

    def holder_name(self, account: Account, msisdn: Msisdn) -> Call[str]:
        """The name, empty where nobody is there or the contract does not cover names."""
        path = f"/v1_0/accountholder/msisdn/{_digits(msisdn)}/basicuserinfo"
        return Call("holder_name", _request("GET", path, account), read_name)

    def balance(self, account: Account, currency: str = "") -> Call[tuple[Money, ...]]:
        """The merchant's own wallet; may be negative."""
        path = "/v1_0/account/balance"
        if currency:
            path += "/" + (wire_currency(account) if currency == account.currency else currency)

        def decode(reply: Reply) -> tuple[Money, ...]:
            return read_balance(account, reply)

        return Call("balance", _request("GET", path, account), decode)

    def list_payments(self, account: Account, first_day: str, last_day: str, skip: int) -> Call[ListPage]:
        raise Misconfigured("MoMo has no list of payments", created_nothing=True)

    def read_webhook(self, account: Account, headers: Mapping[str, str], raw: bytes) -> CallbackEvent | None:
        """Always None: MoMo's callbacks carry no signature. They are hints, found by their path."""
        return None

    # What the sender and the checks ask ------------------------------------------------------------

    def networks(self, account: Account) -> tuple[str, ...]:
        return ()

    def token_call(self, account: Account, auth: str) -> Call[Grant]:
        """Buys the bearer token of product `auth`. The path's trailing slash is needed."""
        return Call(f"token.{auth}", Request("POST", f"/{auth}/token/", "basic:" + auth), read_token)

    def auth_headers(self, account: Account, auth: str, token: str) -> Mapping[str, str]:
        basic, _, product = auth.rpartition(":")
        held = account.credentials.get(product, Credentials())
        if basic:
            # Raw bytes: encoding them for a URL first is refused by the new gateway.
            pair = f"{held.api_user}:{held.api_key.reveal()}".encode()
            authorization = "Basic " + base64.b64encode(pair).decode()
        else:
            authorization = "Bearer " + token
        return {
            "Authorization": authorization,
            "Ocp-Apim-Subscription-Key": held.subscription_key.reveal(),
            # Also on the token call, where the new gateway insists on it.
            "X-Target-Environment": account.target_environment,
        }

    def problems(self, account: Account) -> list[str]:
        found = base_url_problem(account.base_url)
        held = account.credentials.get("collection", Credentials())
        found += key_problems(
            {
                "collection subscription key": held.subscription_key,
                "collection API user": Secret(held.api_user),
                "collection API key": held.api_key,
            }
        )
        return found + _environment_problems(account)


# Encoding ----------------------------------------------------------------------------------------


def build_amount(money: Money) -> str:
    """The amount in major units as MoMo takes it: "12.50", and "500" where there are no decimals."""
    return format(to_major(money), "f")


def build_note(text: str) -> str:
    """`text` with only what every market takes: plain letters, digits, space, dot, comma, dash; 128 at most.

    Accents are dropped with their letter kept. Never empty: empty notes were answered with 500.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = " ".join(re.sub(r"[^A-Za-z0-9 .,\-]+", " ", plain).split())
    return plain[:_NOTE_LIMIT].strip() or _EMPTY_NOTE


def _request(
    method: str, path: str, account: Account, headers: Mapping[str, str] = {}, body: Any = None
) -> Request:
    return Request(method, "/collection" + path, "collection", headers, body)


def _path(kind: OrderKind) -> str:
    if kind not in _PATHS:
        raise Misconfigured(f"MoMo collection has no call for {kind}", created_nothing=True)
    return _PATHS[kind]


def _digits(msisdn: Msisdn) -> str:
    """E.164 digits without the plus, as MoMo wants them in paths and bodies."""
    if not re.fullmatch(r"\+[0-9]{5,15}", msisdn):
        raise Declined(Reason.BAD_REQUEST, "the number is not in E.164")
    return msisdn[1:]


def _to_wire(account: Account, amount: Money) -> Money:
    """The same figure in the currency the platform is told: GHS 12.50 is EUR 12.50 in MTN's sandbox."""
    if amount.currency != account.currency or amount.amount_minor <= 0:
        raise Misconfigured("the order's amount does not fit its account", created_nothing=True)
    try:
        return from_major(to_major(amount), wire_currency(account))
    except ValueError:
        raise Misconfigured("the wire currency cannot hold the amount", created_nothing=True) from None


# Checks ------------------------------------------------------------------------------------------


def _environment_problems(account: Account) -> list[str]:
    environment, wire = account.target_environment, wire_currency(account)
    found = []
    if not environment:
        found.append("The target environment is missing (X-Target-Environment, such as mtnghana or sandbox).")
    elif environment not in ENVIRONMENTS:
        found.append(
            f"The target environment {environment!r} is not one of {', '.join(sorted(ENVIRONMENTS))}."
        )
    elif wire not in ENVIRONMENTS[environment]:
        takes = " or ".join(ENVIRONMENTS[environment])
        found.append(f"The environment {environment} takes {takes}, but the account would send {wire}.")
    if account.currency not in EXPONENTS:
        found.append(f"The currency {account.currency!r} is not one MoMo moves.")
    elif wire in EXPONENTS and exponent_of(wire) < exponent_of(account.currency):
        found.append(f"Amounts in {account.currency} do not fit {wire}, which has fewer decimals.")
    host = urlsplit(account.base_url).hostname or ""
    if host.endswith(".mtn.com") or host.endswith(".momo.africa"):
        real_sandbox = host == "sandbox.momodeveloper.mtn.com"
        if environment in ENVIRONMENTS and real_sandbox != (environment == "sandbox"):
            found.append(f"The environment {environment} does not belong to the host {host}.")
    return found
