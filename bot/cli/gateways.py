"""`kasapay gateways`: the USSD gateways we speak, as they declare themselves."""

from typing import Final

from rich.console import Console
from rich.table import Table

from bot.channels.ussd import GATEWAYS, GatewayOptions, Manners

__all__ = ["show_gateways"]

_HEADINGS: Final = (
    "gateway",
    "name",
    "new\nsession",
    "end",
    "repeat\nknown by",
    "input",
    "method",
    "answer\nwithin",
)


def show_gateways() -> None:
    """A line for each gateway, then the settings that only some have. Fits a terminal of 80 columns, since
    names and settings are there to be typed."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=True)
    own: list[str] = []
    for name, gateway in GATEWAYS.items():
        manners = gateway.manners
        own += [
            f"USSD_{field.upper()}_{name.upper()}"
            for field in gateway.options.model_fields
            if field not in GatewayOptions.model_fields
        ]
        table.add_row(
            manners.title,
            name,
            "said" if manners.says_new else "by its id",
            "told" if manners.reports_end else "not told",
            _repeats(manners),
            "all" if manners.cumulative else "newest",
            "\n".join(sorted(manners.methods)),
            f"{manners.answer_s:g} s",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print("\nSettings that only some have:", *own, sep="\n  ")


def _repeats(manners: Manners) -> str:
    if manners.numbers_turns:
        return "number"
    return "text" if manners.cumulative else "moment"
