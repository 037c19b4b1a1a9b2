"""Scripted trouble: what the fake does instead of, or after, carrying out a call."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Failure",
    "accept_then_drop",
    "accept_then_hang",
    "answer",
    "bad_request",
    "conflict",
    "drop",
    "flood",
    "forbidden",
    "garbled",
    "hang",
    "migrated",
    "refuse",
    "server_error",
    "unauthorized",
]


@dataclass
class Failure:
    """One kind of trouble, for a number of calls.

    `carries_out`: the call takes effect first. `reached` is set when a call has met the trouble (and
    taken effect, where it does). `release()` ends a hang; a hang that carries nothing out first does
    so then.
    """

    name: str
    carries_out: bool = False
    hangs: bool = False
    drops: bool = False
    status: int = 0
    body: dict[str, Any] | bytes | None = None
    times: int | None = 1
    chat: int | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.released.set()


def refuse(code: int, description: str, **parameters: Any) -> Failure:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return Failure(description, status=code, body=body)


def forbidden(why: str = "bot was blocked by the user") -> Failure:
    return refuse(403, f"Forbidden: {why}")


def flood(retry_after: Any = 7) -> Failure:
    return refuse(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


def bad_request(why: str) -> Failure:
    return refuse(400, f"Bad Request: {why}")


def migrated(to: int) -> Failure:
    return refuse(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=to)


def unauthorized() -> Failure:
    return refuse(401, "Unauthorized")


def conflict() -> Failure:
    return refuse(409, "Conflict: terminated by other getUpdates request")


def server_error(status: int = 502) -> Failure:
    return Failure(f"{status}", status=status, body=b"<html>Bad Gateway</html>")


def garbled(body: bytes = b"<html>", *, status: int = 200) -> Failure:
    """The call takes effect and its answer cannot be read."""
    return Failure("garbled", carries_out=True, status=status, body=body)


def answer(result: Any) -> Failure:
    """Say that it went well, with this result; no effect."""
    return Failure("answer", status=200, body={"ok": True, "result": result})


def hang(then: Failure | None = None) -> Failure:
    """No answer and no effect until released; then carried out, or met by `then` (a refusal, an answer)."""
    if then is None:
        return Failure("hang", hangs=True)
    return Failure("hang", hangs=True, status=then.status, body=then.body)


def accept_then_hang() -> Failure:
    """The call takes effect; its answer comes only when released."""
    return Failure("accept then hang", carries_out=True, hangs=True)


def drop() -> Failure:
    """The connection breaks; no effect."""
    return Failure("drop", drops=True)


def accept_then_drop() -> Failure:
    """The call takes effect and the connection breaks."""
    return Failure("accept then drop", carries_out=True, drops=True)
