"""The command line: `kasapay ...`, the same as `python -m bot ...`.

Reads settings once, hands them down, and says what is wrong in sentences. Heavy parts are imported by
the command that needs them, so that `serve` starts fast.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from bot import __version__

__all__ = ["main"]

app = typer.Typer(
    name="kasapay",
    help="Mobile-money payments by conversation: USSD, Telegram and web chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
merchants = typer.Typer(help="Who is paid, and who works for them.", no_args_is_help=True)
app.add_typer(merchants, name="merchants")

Folder = Annotated[Path, typer.Option(help="Where `run` keeps its files.")]


def _fail(problems: list[str]) -> NoReturn:
    for problem in problems:
        print(f"kasapay: {problem}", file=sys.stderr)
    raise typer.Exit(1)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end on the fastest loop there is; SIGTERM and Ctrl-C end it in order."""

    async def until_told() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT"):
            loop.add_signal_handler(getattr(signal, name), task.cancel)
        await work

    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        runner(until_told())


def _settings(*, need_secret: bool = False) -> Any:
    from bot.config import ConfigProblems, read_settings

    try:
        settings = read_settings()
    except ConfigProblems as error:
        _fail(error.problems)
    if need_secret and not settings.secret_key.get_secret_value():
        _fail(["SECRET_KEY is not set; make one with: openssl rand -hex 32"])
    return settings


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Say the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any.")] = 8000,
    sandbox_port: Annotated[int, typer.Option(help="Port of the sandbox; 0 takes any.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    database: Annotated[Path | None, typer.Option(help="The SQLite file.")] = None,
    folder: Folder = Path("kasapay-data"),
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
) -> None:
    """Everything in one process on pretend money: the page, the sandbox and Kasapay. Needs no setting."""
    from bot.running import run_here

    _run(
        run_here(
            _settings(),
            port=port,
            port_given=_given("port"),
            sandbox_port=sandbox_port,
            host=host,
            database=database,
            folder=folder,
            browser=not no_browser,
        )
    )


def _given(name: str) -> bool:
    """Whether the option stands on the command line."""
    return any(word == f"--{name}" or word.startswith(f"--{name}=") for word in sys.argv)


@app.command()
def tour() -> None:
    """A scripted session in the terminal, end to end. Exit status 0 only if every result arrived."""
    from bot.tour import run_tour

    passed: list[bool] = []

    async def play() -> None:
        passed.append(await run_tour())

    _run(play())
    raise typer.Exit(0 if passed == [True] else 1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (PORT).")] = None,
) -> None:
    """The web process: gateways, chats, callbacks. On SQLite the worker runs inside it."""
    from bot.running import serve_here

    settings = _settings(need_secret=True)
    _run(serve_here(settings, host=host or settings.host, port=settings.port if port is None else port))


@app.command()
def worker() -> None:
    """The worker process. On SQLite `serve` does its work, so that it only says so and waits."""
    from bot.running import work_here

    _run(work_here(_settings(need_secret=True)))


@app.command()
def migrate() -> None:
    """Bring the database to today's schema."""
    from bot.store import StoreUnavailable, expected_version
    from bot.store import migrate as bring_up

    settings = _settings()
    try:
        bring_up(settings.database_url)
    except (StoreUnavailable, ValueError) as error:
        _fail([str(error)])
    print(f"The database has schema {expected_version()}.")


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8001,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    config: Annotated[Path | None, typer.Option(help="A JSON file with the sandbox's configuration.")] = None,
    database: Annotated[str, typer.Option(help="The file of its record, or :memory:.")] = ":memory:",
    strict: Annotated[bool, typer.Option("--strict", help="Enforce every published rule.")] = False,
) -> None:
    """Only the pretend providers, for other people's clients."""
    from bot.running import sandbox_here

    _run(sandbox_here(host=host, port=port, config=config, database=database, strict=strict))


@app.command()
def dial(
    code: Annotated[str, typer.Argument(help="What to dial, such as *920*10#.")] = "",
    msisdn: Annotated[str, typer.Option(help="The phone's number.")] = "+233240000001",
    gateway: Annotated[str, typer.Option(help="Which gateway to play.")] = "africastalking",
    url: Annotated[str, typer.Option(help="Where Kasapay listens.")] = "",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """A handset in the terminal, through one of the gateways."""
    from bot.handset import HandsetProblem, dial_here

    try:
        _run(dial_here(_settings(), code=code, msisdn=msisdn, gateway=gateway, url=url, folder=folder))
    except HandsetProblem as error:
        _fail([str(error)])


@app.command()
def check() -> None:
    """Read the settings, try what can be tried, and say all problems at once."""
    from bot.checking import check_here
    from bot.config import ConfigProblems, read_settings

    try:
        settings = read_settings()
    except ConfigProblems as error:
        _fail(error.problems)
    found: list[str] = []

    async def look() -> None:
        found.extend(await check_here(settings))

    _run(look())
    if found:
        _fail(found)
    print("No problem found.")


def _operate(command: str, values: dict[str, Any], folder: Path) -> Any:
    from bot.commands import CommandError
    from bot.running import operate
    from bot.store import StoreUnavailable

    results: list[Any] = []

    async def work() -> None:
        results.append(await operate(_settings(), folder, command, values))

    try:
        _run(work())
    except (CommandError, StoreUnavailable) as error:
        _fail([str(error)])
    return results[0]


@merchants.command("add")
def merchants_add(
    code: Annotated[str, typer.Argument(help="What customers type.")],
    name: Annotated[str, typer.Argument(help="What customers see.")],
    account: Annotated[str, typer.Option(help="The provider account that collects.")],
    most: Annotated[str, typer.Option("--max", help="The greatest amount of one payment.")] = "",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Add a merchant, or change the one with this code."""
    done = _operate("merchants.add", {"code": code, "name": name, "account": account, "max": most}, folder)
    print(f"{'Added' if done['new'] else 'Changed'} {done['name']}: code {done['code']}, {done['currency']}.")


@merchants.command("list")
def merchants_list(folder: Folder = Path("kasapay-data")) -> None:
    """Every merchant and their staff."""
    from rich.console import Console
    from rich.table import Table

    table = Table("Code", "Name", "Account", "Currency", "Greatest amount", "State", "Staff")
    for row in _operate("merchants.list", {}, folder):
        table.add_row(
            row["code"],
            row["name"],
            row["account"],
            row["currency"],
            row["max"],
            "open" if row["active"] else "closed",
            ", ".join(row["staff"]),
        )
    Console().print(table)


@merchants.command("close")
def merchants_close(
    code: str,
    reopen: Annotated[bool, typer.Option("--reopen")] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Take no new payments for a merchant (or take them again)."""
    done = _operate("merchants.close", {"code": code, "active": reopen}, folder)
    print(f"Merchant {done['code']} is {'open' if done['active'] else 'closed'}.")


@merchants.command("staff-add")
def staff_add(
    code: Annotated[str, typer.Argument(help="The merchant's code.")],
    name: Annotated[str, typer.Argument(help="Who they are.")],
    role: Annotated[str, typer.Option(help="owner, cashier or accountant")] = "owner",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Make the one-time code with which somebody takes up a role."""
    done = _operate("staff.add", {"code": code, "name": name, "role": role}, folder)
    print(f"Code for {done['name']}: {done['code']} (once, within {done['days']} days).")
    print("They dial the short code or open the chat, and choose: I work for a merchant.")


@merchants.command("staff-unlock")
def staff_unlock(code: str, name: str, folder: Folder = Path("kasapay-data")) -> None:
    """Let a locked staff PIN be tried again."""
    done = _operate("staff.unlock", {"code": code, "name": name}, folder)
    print(f"{done['name']} of {done['merchant']} may try again.")


def main() -> None:
    """The entry point of the `kasapay` command."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    app()


if __name__ == "__main__":
    main()
