"""What the code uses of libraries that they do not promise: a version that changes it fails here first."""

import inspect
import sqlite3
import threading
from pathlib import Path

import aiohttp
import aiosqlite
from aiohttp import web, web_protocol, web_runner


async def test_aiosqlite_runs_any_function_on_its_thread(tmp_path: Path) -> None:
    """More than one statement in a hop, in the store and in the sandbox's record."""
    opening = aiosqlite.connect(tmp_path / "any.db")
    async with opening as connection:
        assert isinstance(opening._thread, threading.Thread)
        assert await connection._execute(threading.current_thread) is opening._thread
        assert await connection._execute(lambda: isinstance(connection._conn, sqlite3.Connection))


async def test_aiohttp_lets_its_own_second_try_be_switched_off() -> None:
    """`session._retry_connection`: read where a request is made, and on by default."""
    async with aiohttp.ClientSession() as session:
        assert session._retry_connection is True
    assert "self._retry_connection" in inspect.getsource(aiohttp.ClientSession._request)


def test_aiohttp_asks_its_server_for_handlers_and_a_handler_for_its_steps() -> None:
    """`bot.web.server` stands between: each is a method under this name that aiohttp itself calls."""
    assert "self._make_server()" in inspect.getsource(web_runner.BaseRunner.setup)
    assert list(inspect.signature(web.AppRunner._make_server).parameters) == ["self"]
    source = inspect.getsource(web_protocol.RequestHandler)
    assert "self._process_keepalive" in source
    assert "self._handle_request(" in source
    for name in ("_next_keepalive_close_time", "_keepalive_handle"):
        assert f"self.{name}" in source
    server = inspect.getsource(web.Server)
    assert "RequestHandler(self, loop=self._loop, **self._kwargs)" in server
