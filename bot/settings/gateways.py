"""Which USSD gateways may call us, and what the environment says of each. Pure.

USSD_SECRET_<GATEWAY> and USSD_ALLOW_<GATEWAY> close the gateway's door. Every other field of its options is
USSD_<FIELD>_<GATEWAY>: the adapter declares them, and nothing here knows one gateway from another.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr, ValidationError

from bot.channels.ussd import GATEWAYS, GatewayOptions
from bot.settings.insecure_values import too_wide, weak_secret
from bot.settings.names import nearest_name

__all__ = ["GatewaySettings", "names_of_gateways", "read_gateways", "settings_of_gateways"]

_OF_THE_DOOR: Final = {
    "USSD_SECRET_<GATEWAY>": "The secret in that gateway's URL; `USSD_SECRET` where it is not set.",
    "USSD_ALLOW_<GATEWAY>": "Addresses and networks that gateway calls from; unless set, any.",
}
# What stands in a path: a gateway's secret.
_IN_A_PATH: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


class GatewaySettings:
    """One USSD gateway that may call us. `options` are its adapter's."""

    def __init__(
        self, name: str, secret: SecretStr, allow: tuple[str, ...], options: GatewayOptions | None = None
    ) -> None:
        self.name = name
        self.secret = secret
        self.allow = allow
        self.options = options if options is not None else GATEWAYS[name].options()


def settings_of_gateways() -> dict[str, str]:
    """What each setting of a gateway says. One that a single gateway has stands under that gateway's name."""
    common = GatewayOptions.model_fields
    found = dict(_OF_THE_DOOR)
    found |= {f"USSD_{field.upper()}_<GATEWAY>": str(of.description) for field, of in common.items()}
    for name, gateway in GATEWAYS.items():
        for field, of in gateway.options.model_fields.items():
            if field not in common:
                found[f"USSD_{field.upper()}_{name.upper()}"] = str(of.description)
    return found


def names_of_gateways() -> dict[str, set[str]]:
    """What may stand behind each beginning of a gateway's settings, such as HUBTEL behind USSD_SECRET_."""
    found: dict[str, set[str]] = {}
    for name, gateway in GATEWAYS.items():
        for field in ("secret", "allow", *gateway.options.model_fields):
            found.setdefault(f"USSD_{field.upper()}_", set()).add(name.upper())
    return found


def read_gateways(
    listed: str, common_secret: SecretStr, given: Mapping[str, str], problems: list[str]
) -> list[GatewaySettings]:
    """Those that USSD_GATEWAYS lists. `given` is the environment, its names in capitals."""
    found = []
    for name in (part.lower() for part in listed.replace(",", " ").split()):
        if name not in GATEWAYS:
            near = nearest_name(name, GATEWAYS)
            known = f"did you mean {near}?" if near else f"there are {', '.join(sorted(GATEWAYS))}."
            shown = name if _IN_A_PATH.fullmatch(name) else "of that name"
            problems.append(f"USSD_GATEWAYS: there is no gateway {shown}; {known}")
            continue
        secret = given.get(f"USSD_SECRET_{name.upper()}") or common_secret.get_secret_value()
        problems += _secret_problems(f"USSD_SECRET_{name.upper()} (or USSD_SECRET)", secret)
        allow = tuple(given.get(f"USSD_ALLOW_{name.upper()}", "").replace(",", " ").split())
        problems += _allow_problems(f"USSD_ALLOW_{name.upper()}", allow)
        options = _options(name, given, problems)
        found.append(GatewaySettings(name, SecretStr(secret), allow, options))
    return found


def _secret_problems(where: str, secret: str) -> list[str]:
    if len(secret) < 16:
        return [f"{where} needs at least 16 characters."]
    if not _IN_A_PATH.fullmatch(secret):
        return [f"{where} stands in an address: letters, digits, - and _ only."]
    return [f"{where} can be guessed: {weak_secret(secret)}."] if weak_secret(secret) else []


def _allow_problems(where: str, allow: tuple[str, ...]) -> list[str]:
    found = []
    for text in allow:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            found.append(f"{where}: {text} is no address or network.")
    return found + [
        f"{where}: {network} is nearly everybody; leave it out, or name the gateway's own."
        for network in too_wide(" ".join(allow))
    ]


def _options(name: str, given: Mapping[str, str], problems: list[str]) -> GatewayOptions | None:
    """The gateway's own settings; None where one of them is wrong."""
    model = GATEWAYS[name].options
    named = {field: given.get(f"USSD_{field.upper()}_{name.upper()}", "") for field in model.model_fields}
    try:
        return model.model_validate({field: value for field, value in named.items() if value})
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            problems.append(f"USSD_{str(fault['loc'][0]).upper()}_{name.upper()}: {fault['msg']}.")
        return None
