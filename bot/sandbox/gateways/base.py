"""The face of a pretend gateway: one phone's session, as requests to send and replies to read.

Pure: whoever plays the phone sends the bytes, over HTTP or straight to an adapter. A simulator speaks as its
gateway speaks. It shares no encoding with the adapter, so that it can judge it.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import msgspec

__all__ = ["GatewaySimulator", "Names", "Sent", "Shown", "Upset", "post_json", "read_object"]


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway calls the fields that matter. `kind` says what the request is, where one does."""

    session: str
    number: str
    text: str
    kind: str = ""


class Sent(msgspec.Struct, frozen=True):
    """A request of the gateway's. `path` is what follows our address; `query` stands behind it."""

    body: bytes
    content_type: str = "application/json"
    path: str = ""
    method: str = "POST"
    query: str = ""

    @property
    def target(self) -> str:
        """What stands behind our address."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Shown(msgspec.Struct, frozen=True):
    """What the phone shows, and whether it may be answered."""

    text: str
    is_open: bool


class Upset(Exception):
    """The reply is not one that this gateway takes: the person sees the network's own error."""


def post_json(fields: Mapping[str, Any]) -> Sent:
    """The fields as a JSON object."""
    return Sent(json.dumps(fields).encode())


def read_object(status: int, body: bytes) -> dict[str, Any]:
    """The reply's JSON object. Raises Upset for anything else."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if status != 200 or not isinstance(said, dict):
        raise Upset(f"{status} {body[:100]!r}")
    return said


class GatewaySimulator(Protocol):
    """A session. Each request is made once; a gateway that repeats one sends the same bytes again."""

    names: ClassVar[Names]
    # The fields of the newest request, by the gateway's names.
    fields: dict[str, Any]

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        """`code` is the service code, such as *920*10#; `session` becomes the id, or a part of it."""
        ...

    def dial(self, dialled: str) -> Sent:
        """The person dials: the service code, perhaps with answers behind it."""
        ...

    def answer(self, typed: str) -> Sent: ...

    def end(self, why: str = "left") -> Sent | None:
        """The session ended: left or timeout by the person, success behind a last screen, failed without one.
        None where the gateway keeps that to itself."""
        ...

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        """A request of these fields, whatever stands in them."""
        ...

    def read(self, status: int, body: bytes) -> Shown:
        """What the reply shows. Raises Upset."""
        ...
