"""Stands between an adapter and the sandbox: passes everything on and reports what is not as described."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.openapi.description import Description

__all__ = ["Proxy", "serve_proxy"]

_HOP: Final = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length"})
_OWN: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Proxy:
    """`faults` says what was wrong and where; `met` counts operations by name and by status."""

    def __init__(self, description: Description, target: str) -> None:
        self.description = description
        self.url = ""
        self.faults: list[str] = []
        self.met: Counter[tuple[str, int]] = Counter()
        self._target = target.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def take(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        path, _, query = request.raw_path.partition("?")
        body = await request.read()
        operation = self.description.find(request.method, path)
        if operation is None:
            self.faults.append(f"{request.method} {path}: unheard of")
        else:
            headers = {name.lower(): text for name, text in request.headers.items()}
            name = operation.name_of(path)
            found = self.description.request_faults(operation, path, query, headers, body)
            self.faults += [f"{name}: {fault}" for fault in found]
        try:
            async with self._session.request(
                request.method,
                URL(self._target + request.raw_path, encoded=True),
                headers=[pair for pair in request.headers.items() if pair[0].lower() not in _HOP],
                data=body or None,
                skip_auto_headers=_OWN,
                allow_redirects=False,
            ) as reply:
                status, answered, told = reply.status, await reply.read(), reply.headers
        except aiohttp.ClientError:
            # The sandbox hung up, as it may be told to: so do we.
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)
        if operation is not None:
            self.met[operation.name_of(path), status] += 1
            headers = {name.lower(): text for name, text in told.items()}
            found = self.description.reply_faults(operation, status, headers, answered)
            self.faults += [f"{operation.name_of(path)}: answered {fault}" for fault in found]
        response = web.Response(status=status, body=answered)
        response.headers.popall("Content-Type", None)
        for name, text in told.items():
            if name.lower() not in _HOP:
                response.headers[name] = text
        return response

    def untried(self) -> set[str]:
        """The operations of the description that nobody called."""
        return self.description.names() - {name for name, _ in self.met}

    def never_granted(self) -> set[str]:
        """Those that were refused every time."""
        return self.description.names() - {name for name, status in self.met if status < 300}


@asynccontextmanager
async def serve_proxy(description: Description, target: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(description, target)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", proxy.take)
    server = TestServer(app, host="127.0.0.1")
    async with aiohttp.ClientSession(
        auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as proxy._session:
        await server.start_server()
        try:
            proxy.url = f"http://127.0.0.1:{server.port}"
            yield proxy
        finally:
            await server.close()
