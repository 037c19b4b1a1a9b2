"""`kasapay backup` and `kasapay restore` in the terminal."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot.cli.terminal import Folder, fail, settings_of

if TYPE_CHECKING:
    from bot.store.sqlite.copies import Tell

__all__ = ["backup", "restore"]

# What an operator knows a database by.
_COUNTED: Final = ("orders", "people", "merchants", "messages")


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, or a folder for one named by the time.")],
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file of this name.")] = False,
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Copy the database to one file, while Kasapay runs or not, and look whether the copy is whole.

    Keep it as safe as the database: phone numbers stand in it. SECRET_KEY does not; keep that elsewhere,
    since nothing can be read back without it.
    """
    from bot.app.processes import database_of
    from bot.store import StoreUnavailable
    from bot.store.sqlite.copies import back_up

    if file.is_dir():
        file = file / f"kasapay-{_stamp()}.db"
    try:
        with _progress("Copying") as tell:
            done = back_up(database_of(settings_of(), folder), file, replace=replace, tell=tell)
    except StoreUnavailable as error:
        fail([str(error)])
    print(f"Backed up to {file}: {_rows(done.rows)}, {done.size:,} bytes. Looked at and whole.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `kasapay backup` wrote, or another copy.")],
    folder: Folder = Path("kasapay-data"),
) -> None:
    """Put a copy in the database's place, once it was found whole; the file there now is kept beside it.

    Stop Kasapay first. Afterwards every order that was open counts as perhaps sent: it is asked about and
    never sent again. Messages that waited go out only by `kasapay outbox redrive`.
    """
    from bot.app.processes import database_of
    from bot.store import StoreUnavailable, expected_version
    from bot.store.sqlite.copies import put_back

    try:
        database = database_of(settings_of(), folder)
        with _progress("Copying") as tell:
            done = put_back(file, database, stamp=_stamp(), tell=tell)
    except StoreUnavailable as error:
        fail([str(error)])
    print(f"Put back from {file}: {_rows(done.rows)}.")
    if done.aside is not None:
        print(f"What was there before is kept as {done.aside}.")
    print("Every open order counts as perhaps sent: it is asked about and never sent again.")
    print("Messages that waited: kasapay outbox list, then kasapay outbox redrive --all.")
    print("What was done since the copy was made is not in it: kasapay reconcile --statement ...")
    if done.version != expected_version():
        print(f"It has schema {done.version}: run `kasapay migrate` before `kasapay serve`.")


def _rows(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{rows[name]:,} {name}" for name in _COUNTED if name in rows)


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


@contextmanager
def _progress(what: str) -> Iterator["Tell"]:
    """A bar on standard error, where somebody looks at it."""
    if not sys.stderr.isatty():
        yield lambda done, whole: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what)
        yield lambda done, whole: bars.update(bar, completed=done, total=whole)
