"""A Bot API server on loopback, for tests: `async with FakeTelegram() as fake`.

Faithful where it matters to a bot (forms, limits, entities, errors, long polling and webhook excluding
each other) and easy to question afterwards (`calls`, chats as the phone shows them).
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.fake_telegram.chats import Chat, Chats
from tests.fake_telegram.failures import Failure
from tests.fake_telegram.markup import ApiError
from tests.fake_telegram.methods import Call, Methods, Parameters
from tests.fake_telegram.person import Person

__all__ = ["Delivery", "FakeTelegram"]

_MOST_UPDATES = 100


@dataclass(frozen=True)
class Delivery:
    """One POST to the webhook and the status it got; 0 where nobody answered."""

    update_id: int
    status: int


class FakeTelegram:
    """One bot's Bot API server.

    `duplicates`: how often each update is delivered again (webhook: POSTed again; polling: handed out
    again after it was confirmed). `attempts`: deliveries tried while the webhook does not say 2xx.
    `next_update_id` may be set, to play the ids that start anew after a quiet week.
    """

    def __init__(
        self,
        *,
        token: str = "1234567890:AAE-fake_token_of_the_tests_012345678",
        username: str = "KasapayTestBot",
    ) -> None:
        self.token = token
        self.username = username
        self.bot_id = int(token.split(":", maxsplit=1)[0])
        self.methods = Methods(
            {"id": self.bot_id, "is_bot": True, "first_name": "Kasapay", "username": username}
        )
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []
        self.duplicates = 0
        self.attempts = 3
        self.next_update_id = 900_000_001
        self._failures: list[tuple[str, Failure]] = []
        self._waiting: list[dict[str, Any]] = []
        self._handed_out: set[int] = set()
        self._repeats_left: dict[int, int] = {}
        self._poller = 0
        self._news = asyncio.Condition()
        self._stopping = False
        self._callbacks = 0
        self._people = 0
        self._url = ""

    # ---- running

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}"
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))

    async def stop(self) -> None:
        self._stopping = True
        for _, failure in self._failures:
            failure.release()
        async with self._news:
            self._news.notify_all()
        await self._client.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """What TELEGRAM_API_URL is to be."""
        return self._url

    # ---- questions and orders for tests

    @property
    def chats(self) -> Chats:
        return self.methods.chats

    @property
    def commands(self) -> dict[str, list[tuple[str, str]]]:
        """Command lists by language, "" for everybody else."""
        return self.methods.commands

    @property
    def notices(self) -> dict[str, str]:
        """Notices shown for answered button presses, by callback id; empty text for none."""
        return self.methods.notices

    @property
    def webhook(self) -> tuple[str, str]:
        """(url, secret) as set by setWebhook."""
        return self.methods.webhook_url, self.methods.webhook_secret

    def person(self, name: str = "Ama", **facts: Any) -> Person:
        """A new person with a phone; see Person for the facts. Unknown to the bot until they write."""
        self._people += 1
        facts.setdefault("id", 7_000_000 + self._people)
        facts.setdefault("phone", f"2332400000{self._people:02d}")
        return Person(self, name, **facts)

    def group(self, chat_id: int = -100_200_300) -> Chat:
        return self.chats.open(chat_id, "supergroup")

    def fail(
        self, method: str, failure: Failure, *, times: int | None = 1, chat: int | None = None
    ) -> Failure:
        """Let the next `times` calls of `method` (None: all; "*": of any) meet `failure`; the first
        fitting one wins. `chat` limits it to one chat."""
        failure.times, failure.chat = times, chat
        self._failures.append((method.lower(), failure))
        return failure

    def mend(self) -> None:
        """Forget every failure, and let go of what hangs."""
        for _, failure in self._failures:
            failure.release()
        self._failures.clear()

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def called(self, method: str, times: int = 1, *, timeout_s: float = 10.0) -> Call:
        """Wait until the method has been called so often, and return the newest such call."""
        await self.chats.until(lambda: len(self.calls_of(method)) >= times, timeout_s)
        assert len(self.calls_of(method)) >= times, f"{method} was not called {times} times"
        return self.calls_of(method)[-1]

    def new_callback_id(self) -> str:
        self._callbacks += 1
        callback_id = str(4_000_000_000_000_000_000 + self._callbacks)
        self.methods.open_callbacks.add(callback_id)
        return callback_id

    async def put(self, kind: str, body: dict[str, Any]) -> int:
        """Let an update happen and deliver it, as the bot wishes. Returns its id.

        With a webhook this returns when the webhook has answered.
        """
        update_id = self.next_update_id
        self.next_update_id += 1
        await self.chats.ring()
        allowed = self.methods.allowed_updates
        if not allowed or kind in allowed:
            await self.put_raw({"update_id": update_id, kind: body})
        return update_id

    async def put_raw(self, update: dict[str, Any]) -> None:
        """Deliver an update exactly as given; also to deliver a known one again."""
        if self.methods.webhook_url:
            for _ in range(1 + self.duplicates):
                await self._deliver(update)
            return
        async with self._news:
            self._waiting.append(update)
            self._repeats_left[update["update_id"]] = self.duplicates
            self._news.notify_all()

    @property
    def unconfirmed(self) -> list[int]:
        """Ids of updates the poller has not confirmed yet."""
        return [update["update_id"] for update in self._waiting]

    # ---- HTTP

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = await _read_parameters(request)
        self.calls.append(Call(method, given, request.content_type))
        await self.chats.ring()
        failure = self._failure_for(method, given)
        if failure is None:
            return await self._carry_out(request, method, given)
        reply: web.StreamResponse | None = None
        if failure.carries_out:
            reply = await self._carry_out(request, method, given)
        failure.reached.set()
        if failure.hangs:
            await failure.released.wait()
            if reply is not None:
                return reply
            if failure.body is None:
                return await self._carry_out(request, method, given)
        if failure.drops:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if isinstance(failure.body, bytes):
            return web.Response(status=failure.status, body=failure.body, content_type="text/html")
        return _json(failure.body, failure.status)

    async def _carry_out(self, request: web.Request, method: str, given: Parameters) -> web.Response:
        try:
            if request.match_info["token"] != self.token:
                raise ApiError(401, "Unauthorized")
            if method.lower() == "getupdates":
                result = await self._get_updates(given)
            else:
                result = self.methods.carry_out(method, given)
                if method.lower() == "deletewebhook" and given.flag("drop_pending_updates"):
                    self._waiting.clear()
        except ApiError as error:
            body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
            if error.parameters:
                body["parameters"] = error.parameters
            return _json(body, error.code)
        await self.chats.ring()
        return _json({"ok": True, "result": result})

    async def _get_updates(self, given: Parameters) -> list[dict[str, Any]]:
        if self.methods.webhook_url:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete "
                "the webhook first",
            )
        self.methods.allow(given)
        self._poller += 1
        mine = self._poller
        offset, limit = given.integer("offset"), given.integer("limit") or _MOST_UPDATES

        def settled() -> bool:
            return bool(self._waiting) or self._poller != mine or self._stopping

        async with self._news:
            self._news.notify_all()  # an older poller is sent away
            if offset is not None:
                self._confirm(offset)
            with suppress(TimeoutError):
                async with asyncio.timeout(given.integer("timeout") or 0):
                    await self._news.wait_for(settled)
            if self._poller != mine:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance "
                    "is running",
                )
            batch = self._waiting[:limit]
            self._handed_out.update(update["update_id"] for update in batch)
            return batch

    def _confirm(self, offset: int) -> None:
        kept = []
        for update in self._waiting:
            update_id = update["update_id"]
            if update_id >= offset or update_id not in self._handed_out:
                kept.append(update)
            elif self._repeats_left.get(update_id, 0):
                self._repeats_left[update_id] -= 1
                self._handed_out.discard(update_id)
                kept.append(update)
        self._waiting = kept

    async def _deliver(self, update: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        if self.methods.webhook_secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.methods.webhook_secret
        for _ in range(self.attempts):
            status = 0
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._client.post(
                    self.methods.webhook_url, data=json.dumps(update).encode(), headers=headers
                ) as response:
                    await response.read()
                    status = response.status
            self.deliveries.append(Delivery(update["update_id"], status))
            if 200 <= status <= 299:
                return

    def _failure_for(self, method: str, given: Parameters) -> Failure | None:
        for name, failure in self._failures:
            if name not in ("*", method.lower()) or failure.times == 0:
                continue
            if failure.chat is not None and failure.chat != given.integer("chat_id"):
                continue
            if failure.times is not None:
                failure.times -= 1
            return failure
        return None


async def _read_parameters(request: web.Request) -> Parameters:
    """Query, form and JSON alike; a later one wins."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        body = await request.json() if request.can_read_body else {}
        given |= body if isinstance(body, dict) else {}
    else:
        given |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return Parameters(given)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
