"""The command line: `kasapay ...`, the same as `python -m bot ...`.

Reads settings once, hands them down, and says what is wrong in sentences. Heavy parts are imported by
the command that needs them, so that `serve` starts fast.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot import __version__
from bot.cli.business import agreements, approvals, payouts
from bot.cli.copies import backup, restore
from bot.cli.people import people
from bot.cli.reconcile import reconcile
from bot.cli.terminal import (
    STOPPED,
    Folder,
    fail,
    merchants,
    orders,
    outbox,
    run_until_told,
    settings_of,
    warn,
)

__all__ = ["main"]

app = typer.Typer(
    name="kasapay",
    help="Mobile-money payments by conversation: USSD, Telegram and web chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(merchants, name="merchants")
app.add_typer(orders, name="orders")
app.add_typer(outbox, name="outbox")
app.add_typer(payouts, name="payouts")
app.add_typer(agreements, name="agreements")
app.add_typer(approvals, name="approvals")
app.add_typer(people, name="people")
app.command()(reconcile)
app.command()(backup)
app.command()(restore)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Say the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any.", min=0, max=65535)] = 8000,
    sandbox_port: Annotated[
        int, typer.Option(help="Port of the sandbox; 0 takes any.", min=0, max=65535)
    ] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    database: Annotated[
        Path | None, typer.Option(help="The SQLite file; the pretend wallets are kept in the folder.")
    ] = None,
    folder: Folder = Path("kasapay-data"),
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
) -> None:
    """Everything in one process on pretend money: the page, the sandbox and Kasapay. Needs no setting."""
    from bot.app.processes import run_here

    run_until_told(
        run_here(
            settings_of(),
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
    from bot.cli.tour import run_tour

    passed: list[bool] = []

    async def play() -> None:
        passed.append(await run_tour())

    run_until_told(play())
    raise typer.Exit(0 if passed == [True] else 1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (PORT).", min=0, max=65535)] = None,
) -> None:
    """The web process: gateways, chats, callbacks. On SQLite the worker runs inside it."""
    from bot.app.processes import serve_here

    settings = settings_of(need_secret=True)
    run_until_told(
        serve_here(settings, host=host or settings.host, port=settings.port if port is None else port)
    )


@app.command()
def worker() -> None:
    """The worker process. On SQLite `serve` does its work, so that it only says so and waits."""
    from bot.app.processes import work_here

    run_until_told(work_here(settings_of(need_secret=True)))


@app.command()
def migrate() -> None:
    """Bring the database to today's schema."""
    from bot.store import StoreUnavailable, expected_version
    from bot.store import migrate as bring_up

    settings = settings_of()
    try:
        bring_up(settings.database_url)
    except (StoreUnavailable, ValueError) as error:
        fail([str(error)])
    print(f"The database has schema {expected_version()}.")


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8001,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    config: Annotated[Path | None, typer.Option(help="A JSON file with the sandbox's configuration.")] = None,
    database: Annotated[str, typer.Option(help="The file of its record, or :memory:.")] = ":memory:",
    strict: Annotated[bool, typer.Option("--strict", help="Enforce every published rule.")] = False,
) -> None:
    """Only the pretend providers, for other people's clients."""
    from bot.app.processes import sandbox_here

    run_until_told(sandbox_here(host=host, port=port, config=config, database=database, strict=strict))


@app.command()
def dial(
    code: Annotated[str, typer.Argument(help="What to dial, such as *920*10#.")] = "",
    msisdn: Annotated[str, typer.Option(help="The phone's number.")] = "+233240000001",
    gateway: Annotated[
        str, typer.Option(help="Which gateway to play, by its name: see `gateways`.")
    ] = "africastalking",
    url: Annotated[str, typer.Option(help="Where Kasapay listens.")] = "",
    folder: Folder = Path("kasapay-data"),
) -> None:
    """A handset in the terminal, through one of the gateways."""
    from bot.cli.handset import HandsetProblem, dial_here

    try:
        run_until_told(
            dial_here(settings_of(), code=code, msisdn=msisdn, gateway=gateway, url=url, folder=folder)
        )
    except HandsetProblem as error:
        fail([str(error)])


@app.command()
def gateways() -> None:
    """The USSD gateways Kasapay speaks with: their names, how each behaves, settings that only some have."""
    from bot.cli.gateways import show_gateways

    show_gateways()


@app.command()
def screens(
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("kasapay-screens.html"),
    languages: Annotated[
        str, typer.Option(help="Which, side by side, such as en,sw. [every language there is]")
    ] = "",
) -> None:
    """Write a page of every screen in every language and channel, for whoever reviews the words."""
    from bot.cli.screens.command import write_screens

    write_screens(out, languages)


@app.command()
def check() -> None:
    """Read the settings, try what can be tried, and say all problems at once."""
    from bot.admin.check import check_here, gateway_doors, warnings_of
    from bot.settings.insecure_values import readable_files
    from bot.settings.settings import ENV_FILE, ConfigProblems, read_settings

    try:
        settings = read_settings()
    except ConfigProblems as error:
        fail(error.problems + readable_files(ENV_FILE))
    found: list[str] = []

    async def look() -> None:
        found.extend(await check_here(settings))

    if run_until_told(look()):
        raise typer.Exit(STOPPED)
    warn(warnings_of(settings))
    for door in gateway_doors(settings):
        print(door)
    if found:
        fail(found)
    print("No problem found.")


@app.command()
def provision(
    collection_key: Annotated[
        str, typer.Option(help="Collections' key. [MOMO_COLLECTION_SUBSCRIPTION_KEY, else asked for]")
    ] = "",
    disbursement_key: Annotated[
        str, typer.Option(help="Disbursements' key. [MOMO_DISBURSEMENT_SUBSCRIPTION_KEY, else asked for]")
    ] = "",
    callback_host: Annotated[str, typer.Option(help="Where callbacks come to. [host of PUBLIC_URL]")] = "",
    base_url: Annotated[str, typer.Option(help="Which sandbox. [MOMO_BASE_URL, else MTN's]")] = "",
    currency: Annotated[str, typer.Option(help="What people pay in. [MOMO_CURRENCY, else EUR]")] = "",
    env_file: Annotated[Path, typer.Option(help="The file to write.")] = Path(".env"),
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Make API users at MTN's sandbox and write them to `.env`; asks for what it is not told."""
    from bot.cli.provision import provision_here

    provision_here(
        keys={"collection": collection_key, "disbursement": disbursement_key},
        callback_host=callback_host,
        base_url=base_url,
        currency=currency,
        env_file=env_file,
        yes=yes,
        dry_run=dry_run,
    )


def main() -> None:
    """The entry point of the `kasapay` command."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    app(prog_name="kasapay")


if __name__ == "__main__":
    main()
