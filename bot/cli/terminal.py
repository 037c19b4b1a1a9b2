"""The operator's commands in the terminal, and what every command of ours does first."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

__all__ = [
    "STOPPED",
    "Folder",
    "fail",
    "merchants",
    "operate",
    "orders",
    "outbox",
    "run_until_told",
    "settings_of",
    "show_table",
    "show_time",
    "warn",
]

# The exit status of a command that was told to end before it had: what a shell says of Ctrl-C.
STOPPED = 130

merchants = typer.Typer(help="Who is paid, and who works for them.", no_args_is_help=True)
orders = typer.Typer(help="Orders, their ledger, and settling by hand.", no_args_is_help=True)
outbox = typer.Typer(help="Messages that did not reach anybody.", no_args_is_help=True)

_SHOWN_AS = {
    "created_ms": "made at (UTC)",
    "age_s": "age",
    "reference": "our reference",
    "provider_reference": "their reference",
    "due_ms": "due again (UTC)",
    "restored_ms": "perhaps sent, put back at (UTC)",
}

Folder = Annotated[Path, typer.Option(help="Where `run` keeps its files.")]


def fail(problems: list[str]) -> NoReturn:
    for problem in problems:
        print(f"kasapay: {problem}", file=sys.stderr)
    raise typer.Exit(1)


def warn(sentences: list[str]) -> None:
    for sentence in sentences:
        print(f"kasapay: Warning: {sentence}", file=sys.stderr)


def run_until_told(work: Coroutine[Any, Any, None]) -> bool:
    """Run to the end on the fastest loop there is; SIGTERM, Ctrl-C and a closed terminal end it in order.
    True where that happened: then nothing may be said as if the work were done."""

    async def until_told() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            number = getattr(signal, name, None)
            # Under nohup a closed terminal is to end nothing.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, task.cancel)
        await work

    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        runner(until_told())
        return False
    return True


def settings_of(*, need_secret: bool = False) -> Any:
    from bot.settings.settings import ConfigProblems, read_settings

    try:
        settings = read_settings()
    except ConfigProblems as error:
        fail(error.problems)
    if need_secret and not settings.secret_key.get_secret_value():
        fail(["SECRET_KEY is not set; make one with: openssl rand -hex 32"])
    return settings


def operate(command: str, values: dict[str, Any], folder: Path) -> Any:
    from bot.admin.registry import CommandError
    from bot.app.build import CannotStart
    from bot.app.processes import operate as do
    from bot.store import StoreUnavailable

    results: list[Any] = []

    async def work() -> None:
        results.append(await do(settings_of(), folder, command, values))

    try:
        if run_until_told(work()):
            raise typer.Exit(STOPPED)
    except (CommandError, CannotStart, StoreUnavailable) as error:
        fail([str(error)])
    return results[0]


@merchants.command("add")
def merchants_add(
    code: Annotated[str, typer.Argument(help="What customers type.")],
    name: Annotated[str, typer.Argument(help="What customers see.")],
    account: Annotated[str, typer.Option(help="The provider account that collects.")],
    most: Annotated[str, typer.Option("--max", help="The greatest amount of one payment.")] = "",
    approve_over: Annotated[
        str, typer.Option(help="Above it, a day's refunds and payouts to one number need a second person.")
    ] = "",
    approve_asker_over: Annotated[
        str,
        typer.Option(help="The same for all that one asker asks for; 5 times as much unless set."),
    ] = "",
    asks_for: Annotated[
        str, typer.Option(help='What is asked of whoever pays, such as "Table number"; none for nothing.')
    ] = "",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Add a merchant, or change the one with this code."""
    values = {"code": code, "name": name, "account": account, "max": most}
    values |= {"approve_over": approve_over, "approve_asker_over": approve_asker_over, "asks_for": asks_for}
    done = operate("merchants.add", values, folder)
    warn(done["warnings"])
    print(f"{'Added' if done['new'] else 'Changed'} {done['name']}: code {done['code']}, {done['currency']}.")


@merchants.command("list")
def merchants_list(folder: Folder = Path("kasapay-data")) -> None:
    """Every merchant and their staff."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in (
        "Code",
        "Name",
        "Account",
        "Currency",
        "Greatest amount",
        "Second person above",
        "for one asker",
        "Asks for",
        "State",
        "Staff",
    ):
        table.add_column(heading, no_wrap=heading == "Code", overflow="fold")
    for row in operate("merchants.list", {}, folder):
        table.add_row(
            row["code"],
            row["name"],
            row["account"],
            row["currency"],
            row["max"],
            row["approve_over"],
            row["approve_asker_over"],
            row["asks_for"],
            "open" if row["active"] else "closed",
            ", ".join(row["staff"]),
        )
    # A pipe has no width of its own; a cut code is no use to anybody.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@merchants.command("limit")
def merchants_limit(
    code: Annotated[str, typer.Argument(help="The merchant's code.")],
    approve_over: Annotated[
        str, typer.Option(help="Refunds and payouts of a day to one number: an amount, 0 or none.")
    ] = "",
    approve_asker_over: Annotated[
        str,
        typer.Option(help="Those of one asker: an amount, 0, or none for 5 times as much."),
    ] = "",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Say above which amounts of a day a refund or payout needs a second person."""
    values = {"code": code, "approve_over": approve_over, "approve_asker_over": approve_asker_over}
    done = operate("merchants.limit", values, folder)
    warn(done["warnings"])
    above = f"above {done['approve_over']} to one number" if done["approve_over"] else ""
    asked = f"above {done['approve_asker_over']} of one asker" if done["approve_asker_over"] else ""
    said = f"{' and '.join(filter(None, (above, asked)))} within a day" if above or asked else "for nothing"
    print(f"{done['name']} ({done['code']}) needs a second person {said}.")


@merchants.command("close")
def merchants_close(
    code: str,
    reopen: Annotated[bool, typer.Option("--reopen")] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Take no new payments for a merchant (or take them again)."""
    done = operate("merchants.close", {"code": code, "active": reopen}, folder)
    print(f"Merchant {done['code']} is {'open' if done['active'] else 'closed'}.")


@merchants.command("staff-add")
def staff_add(
    code: Annotated[str, typer.Argument(help="The merchant's code.")],
    name: Annotated[str, typer.Argument(help="Who they are.")],
    role: Annotated[str, typer.Option(help="owner, cashier or accountant")] = "owner",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Make the one-time code with which somebody takes up a role."""
    done = operate("staff.add", {"code": code, "name": name, "role": role}, folder)
    warn(done["warnings"])
    print(f"Code for {done['name']}: {done['code']} (once, within {done['days']} days).")
    print("They dial the short code or open the chat, and choose: I work for a merchant.")


@merchants.command("staff-unlock")
def staff_unlock(code: str, name: str, folder: Folder = Path("kasapay-data")) -> None:
    """Let a locked staff PIN be tried again."""
    done = operate("staff.unlock", {"code": code, "name": name}, folder)
    print(f"{done['name']} of {done['merchant']} may try again.")


@merchants.command("staff-remove")
def staff_remove(
    code: Annotated[str, typer.Argument(help="The merchant's code.")],
    name: Annotated[str, typer.Argument(help="Who they are.")],
    folder: Folder = Path("kasapay-data"),
) -> None:
    """End somebody's role, at once and on every channel."""
    done = operate("staff.remove", {"code": code, "name": name}, folder)
    print(f"{done['name']} is no longer {' and '.join(done['roles'])} of {done['merchant']}.")


@orders.command("list")
def orders_list(
    state: Annotated[str, typer.Option(help="Only this state, such as unresolved.")] = "",
    limit: int = 50,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Orders, newest first; below them, how those that need a person are settled."""
    rows = operate("orders.list", {"state": state, "limit": limit}, folder)
    show_table(
        rows, ("code", "state", "kind", "amount", "merchant", "account", "payer", "payee", "reason", "age_s")
    )
    waiting = [row for row in rows if row["state"] == "UNRESOLVED" or row["doubted_ms"] is not None]
    if waiting:
        print("These need a person. Ask the provider about each, then settle it, one of:")
        for row in waiting:
            print("", *row["settle"], sep="\n  ")


@orders.command("show")
def orders_show(
    code: Annotated[str, typer.Argument(help="The order's code, as `orders list` shows it.")],
    folder: Folder = Path("kasapay-data"),
) -> None:
    """One order with its history: who moved it, when, on whose word."""
    order = operate("orders.show", {"code": code}, folder)
    for name in (
        *("code", "state", "kind", "amount", "merchant", "account", "payer", "payee", "reason"),
        *("provider_code", "asked_by", "approved_by", "place", "doubted_ms"),
        *("created_ms", "age_s", "reference", "provider_reference", "due_ms", "restored_ms"),
    ):
        if order[name] not in ("", None):
            print(f"{_SHOWN_AS.get(name, name.replace('_', ' ')):>18}  {_cell(name, order[name])}")
    print("\nHistory")
    show_table(order["ledger"], ("at_ms", "from", "to", "source", "reason", "provider_code", "note"))
    print("\nMessages")
    show_table(order["messages"], ("at_ms", "kind", "to", "state"))
    if order["settle"]:
        print("\nSettled by hand, once the provider has been asked, by one of:")
        print(*(f"  {line}" for line in order["settle"]), sep="\n")


@orders.command("settle")
def orders_settle(
    code: Annotated[str, typer.Argument(help="The order's code, as `orders list` shows it.")],
    state: Annotated[str, typer.Argument(help="successful, failed or reversed")],
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")],
    by: Annotated[str, typer.Option(help="Your name; kept in the ledger.")],
    force: Annotated[
        bool, typer.Option("--force", help="Though the provider says otherwise, or says nothing.")
    ] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Settle by hand what no provider will say. The provider is asked first; the payer is told."""
    values = {"code": code, "state": state, "reason": reason, "by": by, "force": force}
    done = operate("orders.settle", values, folder)
    print(done["heard"])
    print(f"Order {done['code']} is {done['state']}. The payer is told.")


@orders.command("audit")
def orders_audit(folder: Folder = Path("kasapay-data")) -> None:
    """Recompute every order from the ledger and show what must never be. Exit status 1 where anything is."""
    found = operate("orders.audit", {}, folder)
    if not found:
        print("Nothing found: every order is what its ledger says.")
        return
    show_table(found, ("rule", "order", "detail"))
    fail([f"{len(found)} violation{'s' if len(found) > 1 else ''} found."])


@orders.command("incidents")
def orders_incidents(limit: int = 50, folder: Folder = Path("kasapay-data")) -> None:
    """What staff must look at, newest first."""
    show_table(operate("orders.incidents", {"limit": limit}, folder), ("at_ms", "kind", "text"))


@outbox.command("list")
def outbox_list(
    state: Annotated[str, typer.Option(help="dead, queued, sent or dropped")] = "dead",
    limit: int = 50,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Messages in one state, newest first."""
    show_table(
        operate("outbox.list", {"state": state, "limit": limit}, folder),
        ("id", "kind", "to", "order", "attempts", "error", "created_ms"),
    )


@outbox.command("redrive")
def outbox_redrive(
    message: Annotated[str, typer.Argument(help="The beginning of a message's id.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every dead message.")] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Queue dead messages once more."""
    done = operate("outbox.redrive", {"id": message, "all": every}, folder)
    print(f"Queued again: {done['queued']}.")


def show_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        print("None.")
        return
    table = Table()
    for name in columns:
        # Nothing is cut: what names the row stays in one line, to be typed again; the rest goes on below.
        table.add_column(_heading(name), no_wrap=name == columns[0], overflow="fold")
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in columns))
    # A pipe has no width of its own; a cut code is no use to anybody.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def show_time(at_ms: int) -> str:
    """In UTC, for operators."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _heading(name: str) -> str:
    return f"{name[:-3]} (UTC)" if name.endswith("_ms") else name.removesuffix("_s").replace("_", " ")


def _cell(name: str, value: Any) -> str:
    if name.endswith("_ms"):
        return show_time(value) if value else ""
    if name.endswith("_s"):
        return f"{value // 3600}h {value % 3600 // 60}m {value % 60}s"
    return str(value)
