"""What may be set for a provider's accounts: the fields all of them have, and how a wrong one is told. Pure.

Each provider has a model of its own in its folder. A field's description is what the reference of settings
says of it; a field without one cannot be set.
"""

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from bot.money import EXPONENTS, knows_region
from bot.providers.secret import Secret

__all__ = [
    "ASKS_PER_S",
    "HINT_AT_MOST",
    "HOME_OF",
    "KNOWN_HINTS",
    "Account",
    "ProviderSettings",
    "SecretText",
    "Wrong",
    "check_hint",
    "key_of",
    "part_of",
    "settable",
    "what_is_wrong",
]

# Some documents of providers name 10 status calls a second, others 150; some name none. The least of them is
# safe whichever holds. Source: MTN MoMo developer portal, November 2026.
ASKS_PER_S: Final = 10

# The country whose numbers an account has, by its currency, unless something else is set.
HOME_OF: Final[Mapping[str, str]] = {
    "GHS": "GH",
    "GNF": "GN",
    "KES": "KE",
    "LRD": "LR",
    "NGN": "NG",
    "RWF": "RW",
    "SSP": "SS",
    "SZL": "SZ",
    "TZS": "TZ",
    "UGX": "UG",
    "ZAR": "ZA",
    "ZMW": "ZM",
    "XAF": "CM",
    "XOF": "CI",
    "EUR": "GH",
}

# What a payer dials to find a request that waits for their PIN, by country and network. Only what a network
# or a licensed partner of it has published. Source: blog.hubtel.com, "How The New MTN Payment Approval
# Works", read in November 2026: *170#, My Wallet, My Approvals.
KNOWN_HINTS: Final[Mapping[tuple[str, str], str]] = {("GH", "MTN"): "*170#, My Approvals"}
# Longer ones leave no room for the rest of the screen that says them.
HINT_AT_MOST: Final = 24


class Wrong(ValueError):
    """A value that cannot be taken. Each sentence goes on behind the setting's name and holds no secret."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)
        self.sentences = sentences


def _secret(value: Any) -> Any:
    return Secret(str(value)) if isinstance(value, str | int) else value


SecretText = Annotated[Secret, BeforeValidator(_secret)]


class Account(BaseModel):
    """One set of a provider's credentials on one platform. An order belongs to one, for life.

    `currency` is what people see and orders are kept in; `wire_currency` what the platform is told
    (MTN's sandbox takes EUR only); empty means `currency`. `region` (ISO 3166) is the home of the
    account's numbers. `asks_per_s`: how many status calls are made in a second; a comparison half as many.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        populate_by_name=True,
        coerce_numbers_to_str=True,
    )

    id: str
    provider: str = Field(description="The provider. Must be set.")
    base_url: str = Field(default="", description="Where the provider's API is. Must be set.")
    currency: str = Field(description="The currency people pay in, such as `GHS`. Must be set.")
    wire_currency: str = Field(
        default="",
        description="The currency the provider is told, where it is another: `EUR` at MTN's sandbox.",
    )
    region: str = Field(
        description="The country (two letters) of the account's numbers; unless set, the currency's."
    )
    display_name: str = Field(
        default="", alias="name", description="What people are shown; unless set, the account's name."
    )
    asks_per_s: int = Field(
        default=ASKS_PER_S,
        ge=1,
        strict=True,
        description=f"Status calls a second, at most; {ASKS_PER_S} unless set.",
    )
    # Payouts of an hour and of a day at the most, in minor units: `number_hour`, `number_day` (to one
    # number), `merchant_hour`, `merchant_day`, `total_hour`, `total_day` (of everybody in the currency).
    payout_limits: Mapping[str, int] = Field(
        default={},
        description='A table of limits, amounts as text, or `"none"`; see [limits](#limits-on-payouts).',
    )
    # Somebody said that there are none on purpose.
    payouts_unlimited: bool = False
    # Where the account's orders are, in words that stay the same where its address does not: `run`'s own
    # sandbox listens at another port each time. Empty: its address says it.
    place: str = ""

    @property
    def environment(self) -> str:
        """Which of the worlds at one address it is, where there are several. Orders remember it."""
        return ""

    def held_keys(self) -> tuple[tuple[str | Secret, ...], ...]:
        """All that authenticates the account, the same for two accounts only where all of it is."""
        return ()

    def approvals_hint(self, network: str) -> str:
        """What a payer of that network dials to find a request that waits for their PIN; empty where unknown.
        `network` is an order's, empty where its provider has one network alone."""
        return ""

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        if value.upper() not in EXPONENTS:
            raise Wrong(" must be a code such as GHS.")
        return value.upper()

    @field_validator("wire_currency")
    @classmethod
    def _is_currency_or_none(cls, value: str) -> str:
        if value and value.upper() not in EXPONENTS:
            raise Wrong(" must be a code such as EUR.")
        return value.upper()

    @field_validator("region")
    @classmethod
    def _is_region(cls, value: str) -> str:
        if not knows_region(value.upper()):
            raise Wrong(" must be a country's two letters, such as GH.")
        return value.upper()


class ProviderSettings(msgspec.Struct, frozen=True):
    """What may be set for one provider.

    `title` is the provider's name as people say it. `environment` holds what stands in the environment: a
    field `base_url` of the provider `momo` is MOMO_BASE_URL. `accounts` makes the accounts of it, for a
    region where nothing else tells one, and adds sentences about what is wrong. `account` holds what stands
    in an account's table in the file.
    """

    title: str
    environment: type[BaseModel]
    accounts: Callable[[Any, str, list[str]], list[Account]]
    account: type[Account]


def check_hint(text: str) -> str:
    """A hint as it may stand on a screen; empty for `none`. Raises Wrong."""
    hint = " ".join(text.split())
    if hint.lower() == "none":
        return ""
    if len(hint) > HINT_AT_MOST or not (hint.isascii() and hint.isprintable()):
        raise Wrong(f" must be {HINT_AT_MOST} plain characters at most, such as *170#, My Approvals.")
    return hint


def settable(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields that can be set, by the name they are set by."""
    return {key_of(name, of): of for name, of in model.model_fields.items() if of.description}


def key_of(name: str, field: FieldInfo) -> str:
    return field.alias or name


def part_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a table of its own."""
    kinds = get_args(field.annotation) if _is_union(field.annotation) else (field.annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def what_is_wrong(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """Each fault as the setting's key and the rest of a sentence; no value is in it."""
    found: list[tuple[str, str]] = []
    fields = {key_of(name, of): of for name, of in model.model_fields.items()}
    for fault in error.errors(include_input=False, include_url=False):
        key = str(fault["loc"][0]) if fault["loc"] else ""
        cause = fault.get("ctx", {}).get("error")
        if isinstance(cause, Wrong):
            found += [(key, sentence) for sentence in cause.sentences]
        else:
            found.append((key, f" {_wanted(fields[key]) if key in fields else 'cannot be read'}."))
    return list(dict.fromkeys(found))


def _wanted(field: FieldInfo) -> str:
    kind = field.annotation
    if kind is bool:
        return "is true or false, without quotes"
    if kind is int:
        return "is a whole number, 1 or more"
    if get_origin(kind) is Literal:
        return f"is {' or '.join(str(choice) for choice in get_args(kind) if choice)}"
    if get_origin(kind) is tuple:
        return 'is a list, such as ["MTN", "VOD"]'
    return "must be a table" if part_of(field) is not None else "is a text, in quotes"


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)
