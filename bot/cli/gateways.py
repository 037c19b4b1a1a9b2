"""`kasapay gateways`: the USSD gateways we speak, as they declare themselves."""

from rich.console import Console
from rich.table import Table

from bot.channels.ussd import GATEWAYS, GatewayOptions, Manners

__all__ = ["show_gateways"]


def show_gateways() -> None:
    """A line for each gateway, and the settings that it has beyond those of all."""
    table = Table("gateway", "new session", "end", "repeats", "input", "methods", "answer", "own settings")
    for name, gateway in GATEWAYS.items():
        manners = gateway.manners
        own = [
            f"USSD_{field.upper()}_{name.upper()}"
            for field in gateway.options.model_fields
            if field not in GatewayOptions.model_fields
        ]
        table.add_row(
            name,
            "said" if manners.says_new else "by its id",
            "told" if manners.reports_end else "not told",
            _repeats(manners),
            "all so far" if manners.cumulative else "the newest",
            " ".join(sorted(manners.methods)),
            f"{manners.answer_s:g} s",
            "\n".join(own),
        )
    Console().print(table)


def _repeats(manners: Manners) -> str:
    if manners.numbers_turns:
        return "by number"
    return "by text" if manners.cumulative else "by moment"
