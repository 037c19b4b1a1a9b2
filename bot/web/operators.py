"""The endpoints for operators: `/healthz`, `/readyz`, `/metrics`."""

import msgspec
from aiohttp import web

from bot.web.answers import answer_json, log_unexpected, route_of
from bot.web.background import PARTS

__all__ = ["add_operator_routes"]


class _Readiness(msgspec.Struct, omit_defaults=True):
    ready: bool
    problems: list[str]
    # What makes nobody take us out of service, and is wrong all the same.
    warnings: list[str] = []


def add_operator_routes(app: web.Application) -> None:
    app.router.add_get("/healthz", _alive, name="healthz")
    app.router.add_get("/readyz", _ready, name="readyz")
    app.router.add_get("/metrics", _metrics, name="metrics")


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="alive\n", headers={"Cache-Control": "no-store"})


async def _ready(request: web.Request) -> web.Response:
    """503 with every problem while we should get no traffic."""
    try:
        problems = list(await request.app[PARTS].ready())
    except Exception as error:
        log_unexpected(route_of(request), error)
        problems = ["the check itself failed"]
    warnings = list(request.app[PARTS].silent())
    return answer_json(_Readiness(not problems, problems, warnings), 503 if problems else 200)


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(
        body=request.app[PARTS].metrics(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"},
    )
