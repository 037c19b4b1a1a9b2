"""What each long-running command does, once its settings are read."""

import asyncio
import contextlib
import os
import shlex
import sys
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

import msgspec
import structlog
from pydantic import SecretStr

from bot.admin.check import open_doors, warnings_of
from bot.admin.reconciliation.gather import Ask
from bot.admin.registry import COMMANDS, AdminContext
from bot.admin.socket import ask_owner
from bot.app.build import CannotStart, build, running
from bot.app.listening import cannot_listen, is_free, is_here_only, shown_url, url_of
from bot.app.typed_command import typed_command
from bot.runtime.logs import configure_logs
from bot.runtime.open_files import raise_open_files
from bot.settings.settings import Settings
from bot.store import AlreadyOwned, SchemaMismatch, StoreUnavailable, sqlite_path

__all__ = ["database_of", "operate", "operator", "run_here", "sandbox_here", "serve_here", "work_here"]

_log = structlog.get_logger("kasapay")


async def serve_here(settings: Settings, *, host: str, port: int) -> None:
    """Serve until told to stop. Exits with a sentence where it must not start."""
    configure_logs()
    raise_open_files()
    with _said():
        kasapay = build(settings)
        for sentence in open_doors(settings) + warnings_of(settings):
            _log.warning("settings", told=sentence)
        async with running(kasapay, host=host, port=port) as url:
            _log.info("serving", url=url, gateways=[g.name for g in settings.gateways])
            await asyncio.Event().wait()


async def work_here(settings: Settings) -> None:
    """On SQLite the web process does this work; say so and stay, so that the Procfile works."""
    configure_logs()
    if sqlite_path(settings.database_url) is None:
        _end("Kasapay keeps its data in SQLite for now; DATABASE_URL must begin with sqlite:///.")
    _log.info("nothing to do: on SQLite `kasapay serve` runs the worker inside")
    await asyncio.Event().wait()


async def run_here(
    settings: Settings,
    *,
    port: int,
    port_given: bool,
    sandbox_port: int,
    host: str,
    database: Path | None,
    folder: Path,
    browser: bool,
) -> None:
    """`kasapay run`: everything, and the page."""
    from bot.app.demo import run_embedded

    # The terminal belongs to the person; the log goes beside the data.
    with _said(), _log_in(folder) as log:
        configure_logs(stream=log)
        # Only `dial` of the same folder finds this process by itself.
        elsewhere = "" if folder == Path("kasapay-data") else f" --folder {shlex.quote(str(folder))}"
        wanted = port
        try:
            if not port_given and not is_free(host, port):
                port = 0
        except OSError as error:
            raise CannotStart(cannot_listen(host, port, error)) from error
        async with run_embedded(
            folder,
            host=host,
            port=port,
            sandbox_port=sandbox_port,
            database=database,
            extra=settings,
            say=lambda line: print(f"  {line}", flush=True),
        ) as embedded:
            if port != wanted:
                print(f"\n  Port {wanted} is in use by something else, so that this page has another one.")
            print(f"\n  Kasapay is running:  {embedded.url}\n")
            if not is_here_only(host):
                print(f"  From other machines:  {shown_url(host, urlsplit(embedded.url).port or port)}")
                print("  Warning: everybody in your network can open this page, and play every part on it.\n")
            print(f"  Dial {settings.short_code} on the page's phone. Pretend money, real conversations.")
            print(f"  Sandbox (MoMo, Startbutton, SMS):  {embedded.sandbox_url}")
            print(f"  In a second terminal:  {typed_command()} dial '{settings.short_code}'{elsewhere}")
            print(f"  Log: {folder / 'kasapay.log'}   Stop with Ctrl-C.\n", flush=True)
            if browser and _has_screen():
                webbrowser.open(embedded.url)
            await asyncio.Event().wait()


def _log_in(folder: Path) -> TextIO:
    """The log of `run`, in its folder. Raises CannotStart where nothing can be kept there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "kasapay.log").open("a", encoding="utf-8")
    except OSError as error:
        raise CannotStart(
            f"Nothing can be written in {folder} ({error.strerror or error}). Choose another with --folder."
        ) from error


async def sandbox_here(*, host: str, port: int, config: Path | None, database: str, strict: bool) -> None:
    """`kasapay sandbox`: the pretend providers alone."""
    from bot.sandbox import RecordError, SandboxConfig, serve_sandbox

    configure_logs("WARNING")
    values: dict[str, Any] = {}
    with _said():
        if config is not None:
            try:
                values = msgspec.json.decode(config.read_bytes(), type=dict[str, Any])
            except (OSError, msgspec.MsgspecError) as error:
                raise CannotStart(f"{config} cannot be read: {error}.") from error
        try:
            settings = SandboxConfig.from_dict({"database": database, "strict": strict} | values)
        except ValueError as error:
            raise CannotStart(str(error)) from error
        try:
            async with serve_sandbox(settings, host, port) as running_sandbox:
                bound = urlsplit(running_sandbox.url).port or port
                print(f"The sandbox listens at {url_of(host, bound)}", flush=True)
                if not is_here_only(host):
                    print(f"From other machines: {shown_url(host, bound)}", flush=True)
                    print("Warning: everybody in your network can work its switches.", flush=True)
                await asyncio.Event().wait()
        except RecordError as error:
            raise CannotStart(f"{error}.") from error
        except OSError as error:
            raise CannotStart(cannot_listen(host, port, error)) from error


async def operate(settings: Settings, folder: Path, command: str, values: dict[str, Any]) -> Any:
    """Have a command done by the process that owns the database, or do it here where none runs."""
    async with operator(settings, folder) as ask:
        return await ask(command, values)


@contextlib.asynccontextmanager
async def operator(settings: Settings, folder: Path) -> AsyncIterator[Ask]:
    """Does commands while inside: by the process that owns the database, or here where none runs.

    With no DATABASE_URL of its own, the database of `run` is meant where there is one.
    """
    configure_logs("WARNING", sys.stderr)
    if _means_the_one_of_run(settings, folder):
        key = folder / "kasapay.db.key"
        try:
            secret = key.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise StoreUnavailable(f"{key} cannot be read: {error}.") from error
        settings = settings.model_copy(
            update={
                "database_url": f"sqlite:///{(folder / 'kasapay.db').absolute()}",
                "secret_key": SecretStr(secret),
            }
        )
    path = _sqlite_file(settings)
    async with contextlib.AsyncExitStack() as stack:
        admin: AdminContext | None = None

        async def ask(command: str, values: dict[str, Any]) -> Any:
            nonlocal admin
            if admin is None:
                answer = await ask_owner(path, command, values)
                if answer is not None:
                    return answer
                admin = await _own_admin(settings, stack)
            return await COMMANDS[command](admin, values)

        yield ask


def database_of(settings: Settings, folder: Path) -> Path:
    """The file that commands in the terminal mean. Raises StoreUnavailable where it is no file."""
    # Its key is left where the file itself is lost.
    lost = "database_url" not in settings.model_fields_set and (folder / "kasapay.db.key").is_file()
    if lost or _means_the_one_of_run(settings, folder):
        return folder / "kasapay.db"
    return _sqlite_file(settings)


def _means_the_one_of_run(settings: Settings, folder: Path) -> bool:
    return "database_url" not in settings.model_fields_set and (folder / "kasapay.db").is_file()


def _sqlite_file(settings: Settings) -> Path:
    database = sqlite_path(settings.database_url)
    if database is None:
        raise StoreUnavailable("DATABASE_URL must begin with sqlite:///.")
    return database


async def _own_admin(settings: Settings, stack: contextlib.AsyncExitStack) -> AdminContext:
    """The database and the providers, opened here until the stack is left."""
    if not settings.secret_key.get_secret_value():
        raise StoreUnavailable("SECRET_KEY is not set; make one with: openssl rand -hex 32")
    kasapay = build(settings)
    await kasapay.store.open()
    stack.push_async_callback(kasapay.store.close)
    stack.push_async_callback(kasapay.close)
    return kasapay.admin


@contextlib.contextmanager
def _said() -> Any:
    """Turn the reasons not to start into sentences and exit status 1."""
    try:
        yield
    except (CannotStart, SchemaMismatch, AlreadyOwned, StoreUnavailable) as error:
        _end(str(error))


def _end(sentence: str) -> None:
    print(f"kasapay: {sentence}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
