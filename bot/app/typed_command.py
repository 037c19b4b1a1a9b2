"""Finds how a person types our command in this terminal, so that what we print works as it is printed."""

import os
import shlex
import shutil
import sys
from pathlib import Path

__all__ = ["typed_command"]


def typed_command() -> str:
    """`kasapay` where the shell finds it, else the path of the one beside this Python."""
    beside = Path(sys.executable).with_name("kasapay")
    found = shutil.which("kasapay")
    if not beside.is_file():
        return "kasapay" if found else f"{_from_here(Path(sys.executable))} -m bot"
    if found and os.path.samefile(found, beside):
        return "kasapay"
    return _from_here(beside)


def _from_here(path: Path) -> str:
    """The path as one types it in this folder."""
    short = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return shlex.quote(str(short))
