"""What may be set for MTN MoMo: in the environment (MOMO_...) and in an account's table. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from bot.money import EXPONENTS
from bot.providers.secret import Secret
from bot.providers.settings import (
    ASKS_PER_S,
    HOME_OF,
    KNOWN_HINTS,
    Account,
    ProviderSettings,
    SecretText,
    Wrong,
    check_hint,
)

__all__ = ["SETTINGS", "MomoAccount", "MomoEnvironment", "ProductKeys"]

_BILL_NAME_AT_MOST: Final = 30


class ProductKeys(BaseModel):
    """One product's credentials."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, coerce_numbers_to_str=True
    )

    subscription_key: SecretText = Field(default=Secret(""), description="The product's subscription key.")
    api_user: str = Field(default="", description="The API user.")
    api_key: SecretText = Field(default=Secret(""), description="That API user's key.")


def _bills(given: Any) -> Any:
    """The service provider's user name by the bill's name."""
    if not isinstance(given, Mapping):
        raise Wrong(' must be a table, such as { ECG = "ecg.user" }.')
    found, problems = {}, []
    for name, user in given.items():
        if not 1 <= len(name) <= _BILL_NAME_AT_MOST or not name.isprintable():
            problems.append(f": a bill's name has 1 to {_BILL_NAME_AT_MOST} characters.")
        elif not isinstance(user, str) or not user.strip():
            problems.append(f": {name} names no service provider's user name.")
        else:
            found[name] = user.strip()
    if problems:
        raise Wrong(*problems)
    return found


def _split_bills(text: str) -> dict[str, str]:
    """`ECG=ecg.user,Ghana Water=gwcl.user` by the name people see."""
    found: dict[str, str] = {}
    problems = []
    for part in text.split(",") if text else ():
        name, equals, user = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise Wrong(": write each as name=user name, such as ECG=ecg.user,GWCL=gwcl.user.")
        if name in found:
            problems.append(f": {name} stands there twice.")
        found[name] = user
    if problems:
        raise Wrong(*problems)
    return found


class MomoAccount(Account):
    """What MTN's contract leaves open is empty where nobody has asked, and then the safe reading holds."""

    target_environment: str = Field(default="", description="MTN's name of the country. Must be set.")
    collection: ProductKeys | None = Field(
        default=None, description="A table with `subscription_key`, `api_user` and `api_key` of Collections."
    )
    disbursement: ProductKeys | None = Field(
        default=None, description="The same three of Disbursements, for payouts and refunds."
    )
    # An invoice's SUCCESSFUL says "created" or "paid".
    invoice_successful_means: Literal["", "created", "paid"] = Field(
        default="", description='`"created"` or `"paid"`, as `MOMO_INVOICE_SUCCESSFUL_MEANS`.'
    )
    api_version: Literal["v1_0", "v2_0"] = Field(
        default="v1_0", description='`"v1_0"` (unless set) or `"v2_0"`, of withdrawals, deposits and refunds.'
    )
    bills: Annotated[Mapping[str, str], BeforeValidator(_bills)] = Field(
        default={},
        description="A table of the bills people may pay: the service provider's user name by the bill's.",
    )
    payee: str = Field(default="", description="The merchant's own wallet as invoices name it.")
    approvals_at: str | None = Field(
        default=None, description='What a payer dials, as `MOMO_APPROVALS_AT`, or `"none"`.'
    )

    @field_validator("approvals_at")
    @classmethod
    def _is_hint(cls, value: str | None) -> str | None:
        return check_hint(value) if value is not None else None

    @model_validator(mode="before")
    @classmethod
    def _sandbox_takes_euros(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("target_environment") == "sandbox":
            return {"wire_currency": "EUR", **given}
        return given

    @property
    def environment(self) -> str:
        return self.target_environment

    def approvals_hint(self, network: str) -> str:
        if self.approvals_at is not None:
            return self.approvals_at
        return KNOWN_HINTS.get((self.region, "MTN"), "")

    def held(self, product: str) -> ProductKeys:
        """The product's keys; empty ones where the account has none of it."""
        found = {"collection": self.collection, "disbursement": self.disbursement}[product]
        return found if found is not None else ProductKeys()

    def held_keys(self) -> tuple[tuple[str | Secret, ...], ...]:
        # Orders on disk remember a hash of exactly this.
        products = {"collection": self.collection, "disbursement": self.disbursement}
        return tuple(
            (product, keys.subscription_key, keys.api_user, keys.api_key, "", "")
            for product, keys in products.items()
            if keys is not None
        )


class MomoEnvironment(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(default="https://sandbox.momodeveloper.mtn.com", description="Where MTN's API is.")
    target_environment: str = Field(
        default="", description="MTN's name of the country: `sandbox`, `mtnghana`, ..."
    )
    currency: str = Field(default="", description="The currency people pay in, such as `GHS`.")
    collection_subscription_key: SecretStr = Field(
        default=SecretStr(""), description="The subscription key of the product Collections."
    )
    collection_api_user: str = Field(default="", description="The API user of Collections.")
    collection_api_key: SecretStr = Field(default=SecretStr(""), description="That API user's key.")
    disbursement_subscription_key: SecretStr = Field(
        default=SecretStr(""),
        description="The subscription key of Disbursements; payouts and refunds need these three.",
    )
    disbursement_api_user: str = Field(default="", description="The API user of Disbursements.")
    disbursement_api_key: SecretStr = Field(default=SecretStr(""), description="That API user's key.")
    asks_per_s: int = Field(
        default=ASKS_PER_S,
        ge=1,
        description="Status calls a second, at most; `kasapay reconcile` makes half as many.",
    )
    invoice_successful_means: Literal["", "created", "paid"] = Field(
        default="",
        description="What MTN means by an invoice's SUCCESSFUL; ask them. Unset, no invoice is taken for "
        "paid by it.",
    )
    api_version: Literal["v1_0", "v2_0"] = Field(
        default="v1_0", description="The version of withdrawals, deposits and refunds."
    )
    bills: str = Field(
        default="",
        description="The bills people may pay, and the service provider's user name of each: "
        "`ECG=ecg.user,Ghana Water=gwcl.user`.",
    )
    payee: str = Field(
        default="", description="The merchant's own wallet as invoices name it: a number or a party code."
    )
    approvals_at: str = Field(
        default="",
        description="What a payer dials who was not asked for the PIN, such as `*170#, My Approvals`; unless "
        "set, what MTN has published (Ghana); `none` says nothing.",
    )


def _accounts(given: MomoEnvironment, default_region: str, problems: list[str]) -> list[Account]:
    """The one account `momo`, where any key is set."""
    collection, disbursement = (_keys(given, product) for product in ("collection", "disbursement"))
    if collection is None and disbursement is None:
        return []
    currency = given.currency.upper()
    if currency not in EXPONENTS:
        problems.append("MOMO_CURRENCY must be set to the currency people pay in, such as GHS.")
    if not given.target_environment:
        problems.append("MOMO_TARGET_ENVIRONMENT must be set, such as sandbox or mtnghana.")
    currency = currency if currency in EXPONENTS else "GHS"
    bills: Mapping[str, str] = {}
    try:
        bills = _bills(_split_bills(given.bills))
    except Wrong as wrong:
        problems += [f"MOMO_BILLS{sentence}" for sentence in wrong.sentences]
    hint: str | None = None
    try:
        hint = check_hint(given.approvals_at) if given.approvals_at.strip() else None
    except Wrong as wrong:
        problems += [f"MOMO_APPROVALS_AT{sentence}" for sentence in wrong.sentences]
    account = MomoAccount(
        id="momo",
        provider="momo",
        base_url=given.base_url,
        currency=currency,
        region=HOME_OF.get(currency, default_region),
        target_environment=given.target_environment,
        collection=collection,
        disbursement=disbursement,
        name=SETTINGS.title,
        asks_per_s=given.asks_per_s,
        payee=given.payee,
        invoice_successful_means=given.invoice_successful_means,
        api_version=given.api_version,
        bills=bills,
        approvals_at=hint,
    )
    return [account]


def _keys(given: MomoEnvironment, product: str) -> ProductKeys | None:
    keys = ProductKeys(
        subscription_key=Secret(getattr(given, f"{product}_subscription_key").get_secret_value()),
        api_user=getattr(given, f"{product}_api_user"),
        api_key=Secret(getattr(given, f"{product}_api_key").get_secret_value()),
    )
    return keys if keys != ProductKeys() else None


SETTINGS: Final = ProviderSettings("MTN MoMo", MomoEnvironment, _accounts, MomoAccount)
