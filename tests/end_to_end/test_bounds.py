"""`serve` with few files to open, and strangers who take all they can get."""

import asyncio
import json
import shlex
import sys
from collections import Counter
from contextlib import AsyncExitStack, suppress

import aiohttp

from tests.end_to_end.gateways import Phone
from tests.end_to_end.processes import Deployment, clean_environment, until

OPEN_FILES = 300
ALIVE = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW = b"POST /callbacks/momo/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"


async def test_strangers_cannot_cut_off_ussd(deployment: Deployment, line: aiohttp.ClientSession) -> None:
    deployment.sandbox_url = "http://127.0.0.1:9"
    deployment.configure()
    assert (await deployment.run("migrate")).code == 0
    log = deployment.folder / "serve.log"
    async with AsyncExitStack() as stack:
        with log.open("wb") as out:
            serve = await asyncio.create_subprocess_exec(
                "sh",
                "-c",
                f"ulimit -n {OPEN_FILES} && exec {shlex.quote(sys.executable)} -m bot serve",
                cwd=deployment.folder,
                env=clean_environment(deployment.env),
                stdout=out,
                stderr=out,
            )

        async def end() -> None:
            with suppress(ProcessLookupError):
                serve.terminate()
            await serve.wait()

        stack.push_async_callback(end)

        async def connect(data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", deployment.port)
            stack.callback(writer.close)
            writer.write(data)
            return reader, writer

        async def listens() -> bool | None:
            with suppress(OSError):
                await connect()
                return True
            return None

        await until("serve", listens)

        async def dials(number: int) -> None:
            """As a gateway with a connection of its own, and as one that keeps its connections."""
            for client in (line, None):
                async with aiohttp.ClientSession() as fresh:
                    phone = Phone(client or fresh, deployment.ussd_url, f"+23324700{number:04}")
                    assert (await phone.say(None)).open

        await dials(1)
        for data in (ALIVE, b"", b"POST /ussd/afr"):
            for _ in range(OPEN_FILES):
                await connect(data)
            await dials(2)
        browser = await stack.enter_async_context(
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0, force_close=True)
            )
        )

        async def follow(number: int) -> int:
            cookie = (await browser.get(f"{deployment.url}/chat")).cookies
            answer = await browser.get(
                f"{deployment.url}/chat/events", cookies={name: one.value for name, one in cookie.items()}
            )
            stack.callback(answer.close)
            return answer.status

        told = Counter([await follow(number) for number in range(OPEN_FILES)])
        assert set(told) == {200, 429}
        assert 2 <= told[200] <= OPEN_FILES // 4
        await dials(3)
        assert (await line.get(f"{deployment.url}/readyz")).status == 200
        figures = await (await line.get(f"{deployment.url}/metrics")).text()
        assert f"kasapay_streams {told[200]}.0" in figures

        for _ in range(OPEN_FILES):
            await connect(SLOW)
        await dials(4)
    said = [json.loads(text) for text in log.read_text().splitlines()]
    met = [line["what"] for line in said if line["event"] == "web.bound_met"]
    assert {"connections", "streams of an address"} & set(met)
    assert len(met) < 20, "a flood is not a flood of lines"
    assert not [line for line in said if line["level"] in ("error", "critical")]
