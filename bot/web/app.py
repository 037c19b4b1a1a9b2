"""Builds the aiohttp application with every endpoint and page."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from bot.web.answers import add_security_headers, answer_errors, insist_on_https
from bot.web.background import BACKGROUND, CLOSING, PARTS, ROOM, Background
from bot.web.bounding import keep_bounds
from bot.web.chat import add_chat_routes
from bot.web.guarding import keep_to_ourselves
from bot.web.hooks import add_hook_routes
from bot.web.operators import add_operator_routes
from bot.web.parts import WebParts
from bot.web.room import Room
from bot.web.tryit import add_tryit_routes
from bot.web.ussd import add_ussd_routes

__all__ = ["build_web"]

_HERE = Path(__file__).parent


def build_web(parts: WebParts) -> web.Application:
    """The application. Run it with `make_runner(app)`."""
    app = web.Application(middlewares=[keep_bounds, answer_errors, keep_to_ourselves])
    app[PARTS] = parts
    app[ROOM] = Room(
        parts.bounds,
        gateways={name: entry.allow for name, entry in parts.gateways.items()},
        proxies=parts.trusted_proxies,
        met=parts.bound_met,
    )
    app[BACKGROUND] = Background()
    app[CLOSING] = asyncio.Event()
    app.on_response_prepare.append(add_security_headers)
    if parts.secure_cookies:
        app.on_response_prepare.append(insist_on_https)
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.append(_finish_background)
    aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(_HERE / "templates"))
    app.router.add_static("/static", _HERE / "static", name="static")
    add_ussd_routes(app)
    add_hook_routes(app)
    add_operator_routes(app)
    if parts.web_chat:
        add_chat_routes(app)
    if parts.tryit is not None:
        add_tryit_routes(app, parts.tryit)
    elif parts.web_chat:
        app.router.add_get("/", _to_chat, name="home")
    return app


async def _to_chat(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/chat")


async def _end_streams(app: web.Application) -> None:
    app[CLOSING].set()


async def _finish_background(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[BACKGROUND].finish()
