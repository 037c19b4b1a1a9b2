"""What the sandbox plays: credentials, people, times. Read once from a plain dict and never changed.

Nothing here is secret in the real sense: these are the credentials of a pretend provider.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta, Struct, field

from bot.sandbox.faults import Faults
from bot.sandbox.momo.magic import CURRENCIES

Digits = Annotated[str, Meta(pattern=r"^\+?[0-9]{5,15}\Z")]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{4,6}\Z")]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Amount = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,4})?\Z")]
Seconds = Annotated[float, Meta(ge=0, le=10_000_000)]
Product = Literal["collection", "disbursement"]
PRODUCTS: tuple[Product, ...] = ("collection", "disbursement")


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the configuration: unknown names are mistakes, not extensions."""


class HandsetConfig(_Part, frozen=True, kw_only=True):
    """A pretend phone with a wallet. Amounts are decimal text in major units."""

    msisdn: Digits
    name: Word = "Sand Box"
    pin: Pin = "1234"
    balance: dict[Currency, Amount] = {}


class MomoUser(_Part, frozen=True, kw_only=True):
    """A preset API user, as the partner portal would have made it.

    `product` binds it to one product and `subscription_keys` to those keys; left out, any will do.
    Users that name the same `wallet` share its money, across products too.
    """

    api_user: Word
    api_key: Word
    product: Product | None = None
    subscription_keys: tuple[Word, ...] = ()
    environment: Word | None = None
    callback_host: str = ""
    payee: Word = "Kasapay"
    balance: Amount = "1000"
    wallet: Annotated[str, Meta(max_length=200)] = ""


class MomoConfig(_Part, frozen=True, kw_only=True):
    """How the MoMo side behaves. Source of the default times: measured September 2026, see `momo_magic`.

    `accept_any_key` and `bind_users` follow the mode when left out: lenient takes any subscription
    key and lets a provisioned user work on every product, strict does neither. `one_wallet`: a user
    without a named wallet has one for all products instead of one each. `balance` is what a provisioned
    user begins with. `consent_s` and `interval_s` are told to whoever asks for consent;
    a payer may be notified every `notify_gap_s`, until `notify_until_s` after the payment.
    """

    environment: Word = "sandbox"
    users: tuple[MomoUser, ...] = ()
    subscription_keys: dict[Product, tuple[Word, ...]] = {}
    accept_any_key: bool | None = None
    bind_users: bool | None = None
    new_gateway: bool = False
    one_wallet: bool = False
    balance: Amount = "1000"
    token_s: Annotated[int, Meta(ge=1, le=10_000_000)] = 3600
    success_s: Seconds = 0
    failure_s: Seconds = 0
    delayed_s: Seconds = 25
    consent_s: Annotated[int, Meta(ge=1, le=10_000_000)] = 3600
    consent_token_s: Annotated[int, Meta(ge=1, le=10_000_000)] = 3600
    refresh_token_s: Annotated[int, Meta(ge=1, le=10_000_000)] = 86_400
    interval_s: Annotated[int, Meta(ge=0, le=3600)] = 5
    notify_gap_s: Seconds = 30
    notify_until_s: Seconds = 86_400
    expiry_reason: Literal["EXPIRED", "COULD_NOT_PERFORM_TRANSACTION"] = "EXPIRED"


class StartbuttonAccount(_Part, frozen=True, kw_only=True):
    """One merchant account at Startbutton. Balances are decimal text in major units.

    With a `sign_key` transfers must be signed. `refund_unit` is what a refund's amount counts: the
    documentation says both.
    """

    name: Word = "default"
    public_key: Word
    secret_key: Word
    webhook_url: str = ""
    payee: Word = "Kasapay"
    balance: dict[Currency, Amount] = field(default_factory=lambda: {"GHS": "0", "KES": "0"})
    sign_key: str = ""
    refund_unit: Literal["minor", "major"] = "minor"


class StartbuttonConfig(_Part, frozen=True, kw_only=True):
    """How the Startbutton side behaves; seconds count from the request, `successful_s` from `verified`."""

    accounts: tuple[StartbuttonAccount, ...] = (
        StartbuttonAccount(public_key="pk_sandbox", secret_key="sk_sandbox"),  # noqa: S106 - pretend
    )
    ongoing_s: Seconds = 0
    verified_s: Seconds = 0
    successful_s: Seconds = 5
    transfer_s: Seconds = 0
    refund_s: Seconds = 0
    abandoned_s: Seconds = 3600
    otp_s: Seconds = 600
    otp_tries: Annotated[int, Meta(ge=1, le=100)] = 3
    wrong_otp: str = "000000"


class SmsConfig(_Part, frozen=True, kw_only=True):
    """How the SMS side behaves; with no keys any non-empty key is taken."""

    api_keys: tuple[Word, ...] = ()
    sender: Word = "AFRICASTKNG"


class SandboxConfig(_Part, frozen=True, kw_only=True):
    """Everything the sandbox needs to start.

    `database` is a file, or ":memory:" for a record that ends with the process. `handsets` and
    `faults` are the starting position; what a record already holds about a handset wins. Pages of
    `page_origins` may work the switches from a browser, and a browser may reach them by the names in `hosts`.
    """

    database: str = ":memory:"
    strict: bool = False
    seed: int = 1
    prompt_s: Seconds = 300
    callback_timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10
    momo: MomoConfig = MomoConfig()
    startbutton: StartbuttonConfig = StartbuttonConfig()
    sms: SmsConfig = SmsConfig()
    handsets: tuple[HandsetConfig, ...] = ()
    faults: dict[str, Any] = {}
    page_origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        environments = [self.momo.environment, *(user.environment for user in self.momo.users)]
        for environment in environments:
            if environment is not None and environment not in CURRENCIES:
                raise ValueError(f"unknown MoMo environment: {environment}")
        wallets: dict[str, tuple[str, str | None]] = {}
        for user in self.momo.users:
            same = (user.balance, user.environment)
            if user.wallet and wallets.setdefault(user.wallet, same) != same:
                raise ValueError(f"users of the wallet {user.wallet} differ in balance or environment")
        names = [account.name for account in self.startbutton.accounts]
        if len(set(names)) != len(names):
            raise ValueError("two Startbutton accounts have the same name")
        Faults(self.faults)  # ValueError for a switch that does not exist

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration in `values`; ValueError names the first thing that does not fit."""
        try:
            return msgspec.convert(dict(values), cls)
        except msgspec.ValidationError as error:
            raise ValueError(f"sandbox configuration: {error}") from None


def plain_digits(number: str) -> str:
    """The key a number is kept under: its digits, without plus."""
    return number.removeprefix("+")


def parse_amounts(balance: Mapping[str, str]) -> dict[str, Decimal]:
    """Decimal amounts from checked text."""
    return {currency: Decimal(text) for currency, text in balance.items()}
