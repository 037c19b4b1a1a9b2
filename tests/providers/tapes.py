"""Replies kept as files. `from` says whether the documentation shows it or we made it up."""

import json
from pathlib import Path
from typing import Any

from bot.providers.base import Reply

_FOLDER = Path(__file__).parent / "tapes"


def tape(name: str) -> Reply:
    """The reply in `tapes/<name>.json`."""
    kept = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    content = kept["text"].encode() if "text" in kept else json.dumps(kept["body"]).encode()
    return Reply(kept["status"], kept.get("headers", {}), content)


def reply(status: int, body: Any = None, **headers: str) -> Reply:
    """A reply made on the spot."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def kept_tapes() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{path.parent.name}/{path.stem}", json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(_FOLDER.rglob("*.json"))
    ]
