"""The terminal: lines as they are typed, and commands that can be typed as they are printed."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app.listening import cannot_listen, url_of
from bot.app.typed_command import typed_command
from bot.cli.keyboard import Keyboard


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for file in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(file)


async def test_lines_come_as_they_are_typed_and_nobody_waits_for_them(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    with Keyboard(reading) as keyboard:
        with pytest.raises(TimeoutError):
            await keyboard.line(0)
        os.write(writing, b"1\r\n10")
        assert await keyboard.line() == "1"
        os.write(writing, b"01\n\nlast")
        os.close(writing)
        assert [await keyboard.line(), await keyboard.line()] == ["1001", ""]
        assert not keyboard.ended
        assert await keyboard.line() == "last"
        assert [await keyboard.line(), await keyboard.line()] == [None, None]
        assert keyboard.ended


async def test_a_file_is_read_as_if_it_were_typed(tmp_path: Path) -> None:
    path = tmp_path / "typed"
    path.write_text("1\n1001\n", encoding="ascii")
    with path.open("rb") as file, Keyboard(file.fileno()) as keyboard:
        assert [await keyboard.line() for _ in range(4)] == ["1", "1001", None, None]


def installed(folder: Path) -> Path:
    """A virtual environment's folder of programs, with our command in it."""
    folder.mkdir(parents=True)
    (folder / "kasapay").write_text("#!/bin/sh\n", encoding="ascii")
    (folder / "kasapay").chmod(0o755)
    return folder


def test_what_is_printed_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bin_ = tmp_path / ".venv" / "bin"
    monkeypatch.setattr(sys, "executable", str(bin_ / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert typed_command() == ".venv/bin/python -m bot"
    installed(bin_)
    assert typed_command() == ".venv/bin/kasapay"
    monkeypatch.setenv("PATH", str(bin_))
    assert typed_command() == "kasapay"
    monkeypatch.setenv("PATH", str(installed(tmp_path / "another" / "bin")))
    assert typed_command() == ".venv/bin/kasapay", "another installation is not this one"
    (tmp_path / "a folder").mkdir()
    monkeypatch.chdir(tmp_path / "a folder")
    assert typed_command() == str(bin_ / "kasapay")


def test_a_port_that_cannot_be_used_is_said_with_what_to_do() -> None:
    for number, option, words in (
        (errno.EADDRINUSE, "--port", "choose another port with --port"),
        (errno.EADDRINUSE, "--sandbox-port", "choose another port with --sandbox-port"),
        (errno.EACCES, "--port", "this user may not. Choose one above 1023 with --port."),
        (
            errno.EADDRNOTAVAIL,
            "--port",
            "10.9.9.9 is no address of this machine. Choose",
        ),
        (errno.EAFNOSUPPORT, "--port", "Choose another with --port."),
    ):
        said = cannot_listen("10.9.9.9", 80, OSError(number, "as the system says"), option)
        assert said.startswith("Port 80 of 10.9.9.9 cannot be used: ")
        assert words in said
    assert url_of("0.0.0.0", 8000) == "http://127.0.0.1:8000"
    assert url_of("::1", 8000) == "http://[::1]:8000"
