"""Hostile bytes from a seed: texts, values, and requests bent in every layer from the words to the frames."""

import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from tests.torture.nasty import (
    BODIES,
    HEADERS,
    METHODS,
    RISKY_HEADERS,
    RISKY_METHODS,
    RISKY_TAILS,
    SCRAPS,
    TAILS,
    TEXTS,
    TYPES,
    VALUES,
)
from tests.torture.wire import Shot

__all__ = ["Draft", "bend", "bend_head", "break_frame", "draw_bytes", "draw_text", "stall"]


@dataclass
class Draft:
    """A request before it is bytes. `fields` are what its body is made of; without `needs` it is nobody's."""

    method: str
    path: str
    headers: list[str]
    body: bytes = b""
    fields: dict[str, Any] = field(default_factory=dict)
    needs: str = ""

    def shot(self, tag: str, length: str = "") -> Shot:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: pay.example", *self.headers]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {length or len(self.body)}")
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass")
        return Shot(head + self.body, tag, bodiless=self.method == "HEAD")


def draw_text(draw: random.Random) -> str:
    """Something nobody would type, or a heap of it."""
    text = draw.choice(TEXTS)
    if draw.random() < 0.2:
        text += draw.choice(TEXTS)
    if draw.random() < 0.1:
        text = "".join(chr(draw.randrange(0x3000)) for _ in range(draw.randrange(1, 40)))
    return text


def bend(draft: Draft, draw: random.Random) -> Draft:
    """One or two things wrong with it; a frame that holds, so that others may follow on its connection."""
    for _ in range(draw.choice((1, 1, 2))):
        kind = draw.random()
        if kind < 0.35 and draft.fields:
            _bend_fields(draft, draw)
        elif kind < 0.65:
            draft.body = draw_bytes(draft.body, draw)
        elif kind < 0.75:
            draft.headers = [h for h in draft.headers if not h.startswith("Content-Type")]
            draft.headers += [f"Content-Type: {draw.choice(TYPES)}"] * draw.choice((0, 1, 1))
        elif kind < 0.88:
            draft.headers.append(draw.choice(HEADERS))
        elif kind < 0.95:
            draft.path += draw.choice(TAILS)
        else:
            draft.method = draw.choice(METHODS)
    # Mostly not even a turn: one costs ten times what a refusal costs, and is not ten times as odd.
    if draft.needs and draw.random() < 0.75:
        draft.fields = {**draft.fields, draft.needs: draw.choice(VALUES)}
        draft.body = _build_body(draft, draw)
    return draft


def bend_head(draft: Draft, draw: random.Random) -> Draft:
    """Something in its head at which the server may well stop reading; on a connection of its own."""
    kind = draw.randrange(3)
    if kind == 0:
        draft.headers.append(draw.choice(RISKY_HEADERS))
    elif kind == 1:
        draft.path += draw.choice(RISKY_TAILS)
    else:
        draft.method = draw.choice(RISKY_METHODS)
    return bend(draft, draw) if draw.random() < 0.3 else draft


def break_frame(draft: Draft, draw: random.Random) -> Shot:
    """A request that is not HTTP any more, or only just; on a connection of its own."""
    whole = draft.shot("frame")
    head, _, body = whole.data.partition(b"\r\n\r\n")
    size = f"{len(body):x}".encode()
    chunked = head.replace(b"Content-Length", b"X-Length") + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = draw.choice(
        (
            # An end that comes too soon, and lengths that lie.
            draft.shot("", length="0").data,
            draft.shot("", length="-1").data,
            draft.shot("", length="1e3").data,
            draft.shot("", length="٣").data,
            draft.shot("", length="99999999999999999999").data,
            draft.shot("", length=f"{len(body)}\r\nContent-Length: {len(body) + 1}").data,
            draft.shot("", length=f"{len(body)}, {len(body)}").data,
            head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + body,
            # Chunks.
            chunked + size + b"\r\n" + body + b"\r\n0\r\n\r\n",
            chunked + b"zz\r\n" + body,
            chunked + b"-5\r\nhello\r\n0\r\n\r\n",
            chunked + b"ffffffffffffffffff\r\n" + body,
            chunked + b"5;" + b"a" * 9_000 + b"\r\nhello\r\n0\r\n\r\n",
            chunked + b"1\r\nab\r\n0\r\n\r\n",
            chunked + b"0\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
            # Lines.
            whole.data.replace(b"\r\n", b"\n"),
            whole.data.replace(b"\r\n", b"\r"),
            whole.data.replace(b"Host:", b"Host"),
            whole.data.replace(b"Host:", b" Host:"),
            whole.data.replace(b"Host: pay.example", b"Host: a\x00b"),
            whole.data.replace(b"Host: pay.example", b"Ho st: b"),
            whole.data.replace(b"Host: pay.example\r\n", b""),
            whole.data.replace(b"Host: pay.example", b"Host: a\r\nHost: b"),
            whole.data.replace(b"HTTP/1.1", b"HTTP/9.9"),
            whole.data.replace(b"HTTP/1.1", b"HTTP/1.0"),
            whole.data.replace(b" HTTP/1.1", b""),
            whole.data.replace(b" ", b"  ", 1),
            whole.data.replace(b"Host", b"X-A: " + b"a" * 70_000 + b"\r\nHost", 1),
            whole.data.replace(b"Host", b"".join(b"X-%d: 1\r\n" % n for n in range(300)) + b"Host", 1),
            whole.data.replace(b" /", b" /" + b"a" * 70_000, 1),
            whole.data.replace(b" /", b" http://evil.example/", 1),
            whole.data.replace(b" /", b" *", 1),
            whole.data.lower(),
            # Bodies past every limit, also inside what is compressed.
            head.replace(b"Content-Length: ", b"Content-Length: 9") + b"\r\n\r\n" + body + b"x" * 90_000,
            # Other protocols.
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
            + bytes(draw.randrange(256) for _ in range(200))
            + b"\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00",
            b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x01a",
            b"GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
            bytes(draw.randrange(256) for _ in range(draw.randrange(1, 400))) + b"\r\n\r\n",
            b"\r\n" * 50 + whole.data,
        )
    )
    return Shot(data, "frame", bodiless=whole.bodiless)


def stall(draft: Draft, draw: random.Random) -> list[bytes]:
    """Pieces of a request that never becomes whole, to be written with pauses."""
    data = draft.shot("", length=str(len(draft.body) + 50)).data
    head_ends = data.index(b"\r\n\r\n") + 4
    return draw.choice(
        (
            [data],
            [data[:head_ends], *(data[at : at + 1] for at in range(head_ends, len(data)))],
            [data[: draw.randrange(1, head_ends - 1)]],
            [data[at : at + 1] for at in range(head_ends - 1)],
            [b""],
        )
    )


def _bend_fields(draft: Draft, draw: random.Random) -> None:
    fields = dict(draft.fields)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        name = draw.choice(list(fields) or [""])
        kind = draw.randrange(5)
        if kind == 0:
            fields.pop(name, None)
        elif kind == 1:
            fields[draw.choice((name.lower(), name.upper(), name + " ", "", "__proto__", "\ud800"))] = "1"
        elif kind == 2:
            fields[name] = draw.choice(VALUES)
        else:
            fields[name] = draw_text(draw)
    draft.fields = fields
    draft.body = _build_body(draft, draw)


def _build_body(draft: Draft, draw: random.Random) -> bytes:
    """The fields as JSON, XML or a form, whichever they were; now and then with one of them given twice."""
    if draft.body[:1] == b"{":
        text = json.dumps(draft.fields, ensure_ascii=draw.random() < 0.7)
        if draw.random() < 0.2 and draft.fields:
            text = text[:-1] + f', {json.dumps(draw.choice(list(draft.fields)))}: "twice"}}'
        return text.encode("utf-8", "surrogatepass")
    if draft.body[:1] == b"<":
        root = draft.body[1:].partition(b">")[0].decode("utf-8", "replace")
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in draft.fields.items())
        return f"<{root}>{inner}</{root}>".encode("utf-8", "surrogatepass")
    pairs = [(str(name), str(value)) for name, value in draft.fields.items()]
    if draw.random() < 0.2 and pairs:
        pairs.append((draw.choice(pairs)[0], "twice"))
    quotes = draw.random() < 0.8
    return b"&".join(
        name.encode("utf-8", "surrogatepass") + b"=" + _quoted(value, quotes) for name, value in pairs
    )


def _quoted(value: str, quotes: bool) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return quote_plus(raw).encode() if quotes else raw


def draw_bytes(body: bytes, draw: random.Random) -> bytes:
    """`body` bent, or something else in its place."""
    # Bodies of tens of thousands of bytes cost more than they try; a few in a hundred are enough.
    kind = draw.random()
    if kind < 0.15:
        small = BODIES if draw.random() < 0.2 else [b for b in BODIES if len(b) < 500]
        return draw.choice(small)
    bent = bytearray(body)
    for _ in range(draw.randrange(1, 5)):
        at = draw.randrange(len(bent) + 1)
        if kind < 0.4 and bent:
            bent[at % len(bent)] ^= 1 << draw.randrange(8)
        elif kind < 0.6:
            del bent[at:]
        elif kind < 0.85:
            bent[at:at] = draw.choice(SCRAPS)
        else:
            end = at + draw.randrange(20)
            bent[at:at] = bent[at:end] * draw.randrange(1, 4)
    return bytes(bent)
