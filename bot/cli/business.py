"""The operator's commands about payouts, agreements and approvals, in the terminal."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.terminal import Folder, operate, show_table, show_time

__all__ = ["agreements", "approvals", "payouts"]

payouts = typer.Typer(help="Stop payouts and refunds, and let them go on.", no_args_is_help=True)
agreements = typer.Typer(help="Invoices, auto-debits and consents that stand.", no_args_is_help=True)
approvals = typer.Typer(help="What waits for a second person.", no_args_is_help=True)

Merchant = Annotated[str, typer.Option(help="Only this merchant, by its code.")]


@payouts.command("off")
def payouts_off(
    by: Annotated[str, typer.Option(help="Your name; shown in `payouts status`.")],
    reason: Annotated[str, typer.Option(help="Why; shown in `payouts status`.")],
    folder: Folder = Path("kasapay-data"),
) -> None:
    """From now on begin no payout and no refund, of any merchant. What was sent before goes on."""
    _say(operate("payouts.switch", {"off": True, "by": by, "reason": reason}, folder))


@payouts.command("on")
def payouts_on(
    by: Annotated[str, typer.Option(help="Your name; shown in `payouts status`.")],
    reason: Annotated[str, typer.Option(help="Why; shown in `payouts status`.")] = "",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Let payouts and refunds begin again."""
    _say(operate("payouts.switch", {"off": False, "by": by, "reason": reason}, folder))


@payouts.command("status")
def payouts_status(folder: Folder = Path("kasapay-data")) -> None:
    """Whether payouts and refunds may begin; since when, who said so, and why."""
    _say(operate("payouts.status", {}, folder))


def _say(switch: dict[str, Any]) -> None:
    state = "off" if switch["off"] else "on"
    if switch.get("changed") is False:
        state += " already"
    if switch["since_ms"] is None:
        print(f"Payouts are {state}; nobody ever switched them.")
        return
    since = f"since {show_time(switch['since_ms'])} (UTC), by {switch['by']}"
    print(f"Payouts are {state} {since}{': ' + switch['reason'] if switch['reason'] else '.'}")


@agreements.command("list")
def agreements_list(merchant: Merchant = "", folder: Folder = Path("kasapay-data")) -> None:
    """What has not ended, newest first."""
    show_table(
        operate("agreements.list", {"merchant": merchant}, folder),
        ("code", "kind", "state", "merchant", "customer", "amount", "every", "made_ms", "until_ms"),
    )


@approvals.command("list")
def approvals_list(merchant: Merchant = "", folder: Folder = Path("kasapay-data")) -> None:
    """What waits for a second person, oldest first."""
    show_table(
        operate("approvals.list", {"merchant": merchant}, folder),
        ("code", "kind", "merchant", "amount", "to", "asked_by", "asked_ms", "until_ms"),
    )
