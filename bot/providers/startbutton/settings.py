"""What may be set for Startbutton: in the environment (STARTBUTTON_...) and in an account's table. Pure."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

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
from bot.providers.startbutton.words import MARKETS

__all__ = ["SETTINGS", "StartbuttonAccount", "StartbuttonEnvironment"]

# M-Pesa moves whole shillings.
_WHOLE_AMOUNTS: Final = ("KES",)
_CURRENCIES: Final = tuple(MARKETS)
_CODE: Final = re.compile(r"[A-Z]{3}")


def _hints(given: Any) -> Any:
    """What payers dial, by their network in capitals."""
    if not isinstance(given, Mapping) or not all(isinstance(text, str) for text in given.values()):
        raise Wrong(' must be a table, such as { MTN = "*170#, My Approvals" }.')
    return {str(network).upper(): check_hint(text) for network, text in given.items()}


class StartbuttonAccount(Account):
    """What the provider's pages leave open is empty where nobody has asked: then the safe reading holds."""

    networks: tuple[Annotated[str, Field(strict=True)], ...] = Field(
        default=(), description="The networks a payer chooses among; unless set, the provider's."
    )
    public_key: SecretText = Field(default=Secret(""), description="The public key.")
    secret_key: SecretText = Field(default=Secret(""), description="The secret key.")
    email: str = Field(default="", description="A technical e-mail address that stands for payers.")
    # Somebody checked the unit with the provider where its pages are unsure.
    factor_confirmed: bool = Field(
        default=False,
        strict=True,
        description="`true` where they confirmed that 100 means 1 in this currency.",
    )
    # A refund's amount is in "minor" or "major" units; without it nothing is refunded.
    refund_unit: Literal["", "minor", "major"] = Field(
        default="", description='`"minor"` or `"major"`, as `STARTBUTTON_REFUND_UNIT`.'
    )
    sign_key: SecretText = Field(default=Secret(""), description="The key that signs transfers.")
    webhook_reserialised: bool = Field(
        default=False,
        strict=True,
        description="`true` to believe a signature over the JSON written anew as well.",
    )
    whole_amounts: bool = Field(
        default=False,
        strict=True,
        description="`true` where its wallets move whole units only; unless set, KES does.",
    )
    approvals_at: Annotated[Mapping[str, str], BeforeValidator(_hints)] = Field(
        default={},
        description="A table of what a payer dials who was not asked for the PIN, by network, such as "
        '`{ MTN = "*170#, My Approvals" }`; unless set, what a network has published (MTN '
        'Ghana); `"none"` says nothing.',
    )

    @model_validator(mode="before")
    @classmethod
    def _shillings_are_whole(cls, given: Any) -> Any:
        if isinstance(given, dict) and str(given.get("currency")).upper() in _WHOLE_AMOUNTS:
            return {"whole_amounts": True, **given}
        return given

    def approvals_hint(self, network: str) -> str:
        known = KNOWN_HINTS.get((self.region, network.upper()), "")
        return self.approvals_at.get(network.upper(), known)

    def held_keys(self) -> tuple[tuple[str | Secret, ...], ...]:
        # Orders on disk remember a hash of exactly this.
        return (("default", "", "", "", self.public_key, self.secret_key),)


class StartbuttonEnvironment(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(default="https://api.startbutton.tech", description="Where Startbutton's API is.")
    public_key: SecretStr = Field(default=SecretStr(""), description="The public key: it charges.")
    secret_key: SecretStr = Field(
        default=SecretStr(""), description="The secret key: it asks, pays out, and signs webhooks."
    )
    email: str = Field(
        default="", description="A technical e-mail address that stands for payers: phones have none."
    )
    asks_per_s: int = Field(
        default=ASKS_PER_S,
        ge=1,
        description="Status calls a second, at most; `kasapay reconcile` makes half as many.",
    )
    currencies: str = Field(
        default="GHS KES", description="Whose wallets you may charge: of `GHS KES RWF TZS UGX XAF XOF`."
    )
    factor_confirmed: str = Field(
        default="",
        description="Those of `RWF UGX XAF XOF` in which Startbutton has confirmed that 100 means 1; without "
        "it such an account is not used.",
    )
    refund_unit: Literal["", "minor", "major"] = Field(
        default="", description="How a refund's amount is counted; ask them. Unset, nothing is refunded."
    )
    sign_key: SecretStr = Field(
        default=SecretStr(""),
        description="The key that signs transfers, where the dashboard asks for signatures.",
    )
    webhook_reserialised: bool = Field(
        default=False,
        description="Whether to believe a webhook too whose signature holds only over its JSON written anew.",
    )
    whole_amounts: str = Field(
        default=" ".join(_WHOLE_AMOUNTS),
        description="Currencies whose wallets move whole units only; `none` for none.",
    )


def _accounts(given: StartbuttonEnvironment, default_region: str, problems: list[str]) -> list[Account]:
    """An account for each currency, all with the same keys, where any key is set."""
    public, secret = given.public_key.get_secret_value(), given.secret_key.get_secret_value()
    if not public and not secret:
        return []
    wanted = _listed(given.currencies, "STARTBUTTON_CURRENCIES", problems)
    sure = _listed(given.factor_confirmed, "STARTBUTTON_FACTOR_CONFIRMED", problems)
    whole: tuple[str, ...] = ()
    if given.whole_amounts.strip().lower() != "none":
        whole = _listed(given.whole_amounts, "STARTBUTTON_WHOLE_AMOUNTS", problems)
    return [
        StartbuttonAccount(
            id=f"startbutton-{currency.lower()}",
            provider="startbutton",
            base_url=given.base_url,
            currency=currency,
            region=HOME_OF[currency],
            public_key=Secret(public),
            secret_key=Secret(secret),
            email=given.email,
            factor_confirmed=currency in sure,
            name=SETTINGS.title,
            asks_per_s=given.asks_per_s,
            refund_unit=given.refund_unit,
            sign_key=Secret(given.sign_key.get_secret_value()),
            webhook_reserialised=given.webhook_reserialised,
            whole_amounts=currency in whole,
        )
        for currency in wanted
    ]


def _listed(text: str, where: str, problems: list[str]) -> tuple[str, ...]:
    """The currencies listed, each once and in capitals. One is quoted only where its form shows that it is no
    secret."""
    found: dict[str, None] = {}
    for part in text.upper().replace(",", " ").split():
        if part in _CURRENCIES:
            found[part] = None
            continue
        named = f"{part} is none" if _CODE.fullmatch(part) else "that is none"
        problems.append(f"{where}: {named} of {', '.join(_CURRENCIES)}.")
    return tuple(found)


SETTINGS: Final = ProviderSettings("Startbutton", StartbuttonEnvironment, _accounts, StartbuttonAccount)
