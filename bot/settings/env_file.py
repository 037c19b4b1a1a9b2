"""Changes some names of a `.env` file and nothing else of it: other lines, comments and their order stay.

The file is read as python-dotenv reads it, since that is who will read it. A file of which it cannot read
every line is left alone. Values are never quoted, so that whoever calls hands in plain ones only.
"""

import io
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

__all__ = ["EnvFileProblem", "change_env", "kept_values", "write_env"]

_BOM: Final = "\ufeff"
_HEAD: Final = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+)")
_END: Final = re.compile(r"(?:\r\n|\n|\r)?\Z")
_COMMENT: Final = re.compile(r"[^\S\r\n]+#")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~+/=:\[\]-]*", re.ASCII)


class EnvFileProblem(Exception):
    """Why the file is left as it is, as a sentence for the operator."""


def kept_values(path: Path) -> dict[str, str]:
    """What the file sets, by name in capitals; empty where there is none. Raises EnvFileProblem."""
    return {b.key.upper(): b.value or "" for b in _bindings(_read(path)) if b.key is not None}


def change_env(text: str, values: Mapping[str, str]) -> str:
    """The text with these names set wherever they stand, in either case, and added where they do not."""
    assert all(_PLAIN.fullmatch(value) for value in values.values())
    bom = _BOM if text.startswith(_BOM) else ""
    wanted = {name.upper(): value for name, value in values.items()}
    parts, seen = [], set()
    for binding in _bindings(text):
        name = (binding.key or "").upper()
        if name in wanted:
            seen.add(name)
            parts.append(_with_value(binding, wanted[name]))
        else:
            parts.append(binding.original.string)
    changed = "".join(parts)
    added = "".join(f"{name}={value}\n" for name, value in values.items() if name.upper() not in seen)
    if added and changed and not changed.endswith(("\n", "\r")):
        changed += "\n"
    return bom + changed + added


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Change the file, whole or not at all; a new one is its owner's only. Raises EnvFileProblem."""
    path = path.resolve()  # a link stays one
    text = change_env(_read(path), values)
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        # Keys are in there now: nobody but owner and group.
        _replace(path, text.encode(), mode & 0o660 | 0o600)
    except OSError as error:
        raise EnvFileProblem(f"{path} cannot be written: {error.strerror or error}.") from None


def _replace(path: Path, content: bytes, mode: int) -> None:
    file, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(file, "wb") as out:
            out.write(content)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise EnvFileProblem(f"{path} is no text in UTF-8.") from None
    except OSError as error:
        raise EnvFileProblem(f"{path} cannot be read: {error.strerror or error}.") from None


def _bindings(text: str) -> Iterator[Binding]:
    for binding in parse_stream(io.StringIO(text, newline="")):
        if binding.error:
            raise EnvFileProblem(f"Line {binding.original.line} cannot be read as NAME=value; mend it first.")
        yield binding


def _with_value(binding: Binding, value: str) -> str:
    """The line with another value; blank lines before it, its `export` and its comment stay."""
    original = binding.original.string
    head = _HEAD.match(original)
    end = _END.search(original)
    assert head is not None
    assert end is not None
    comment = ""
    for begins in _COMMENT.finditer(original, head.end()):
        # A # inside quotes begins none: without it the line would say something else.
        rest = list(parse_stream(io.StringIO(original[: begins.start()], newline="")))
        if [(b.key, b.value, b.error) for b in rest] == [(binding.key, binding.value, False)]:
            comment = original[begins.start() : end.start()]
            break
    return f"{head[0]}={value}{comment}{end[0]}"
