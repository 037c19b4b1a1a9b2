"""What the judge shows and takes, cheap enough for hundreds of payments at once."""

import asyncio
from collections import defaultdict
from datetime import datetime
from typing import Any, Final

import aiohttp
import msgspec

from tests.end_to_end.processes import until

__all__ = ["PATIENCE_S", "Board", "moment"]

PATIENCE_S: Final = 60.0


class Board:
    """The sandbox at `url`, read for everybody who waits at once."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self._url = url + "/_sandbox"
        self.entries: dict[str, dict[str, Any]] = {}
        self.prompts: dict[str, str] = {}
        self.results: dict[str, list[dict[str, str]]] = {}
        self._read = asyncio.Condition()

    async def keep_reading(self) -> None:
        while True:
            await self.read()
            await asyncio.sleep(0.15)

    async def read(self) -> None:
        """Take a look at everything."""
        self.entries = {entry["party"]: entry for entry in (await self.get("/record"))["entries"]}
        for party in [party for party in self.entries if party.startswith("0")]:
            self.entries["233" + party[1:]] = self.entries.pop(party)
        results: dict[str, list[dict[str, str]]] = defaultdict(list)
        for sms in (await self.get("/sms"))["sms"]:
            text = sms["text"].removeprefix("Kasapay: ")
            if text.startswith(("Paid:", "Not paid:")):
                results[sms["to"]].append(sms | {"text": text})
        self.results = results
        handsets = (await self.get("/handsets"))["handsets"]
        self.prompts = {phone["msisdn"]: phone["prompts"][0]["id"] for phone in handsets if phone["prompts"]}
        async with self._read:
            self._read.notify_all()

    async def seen(self, what: str, place: str, digits: str) -> Any:
        """The entry, prompt or result of a number, as soon as it is there."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._read:
                await self._read.wait_for(lambda: digits in getattr(self, place))
        except TimeoutError:
            raise AssertionError(f"{what} of {digits} never came") from None
        return getattr(self, place)[digits]

    async def asked(self, reference: str, *, since_final: bool = False) -> None:
        """Wait until the payment's status was answered; with `since_final` since it has ended."""

        async def look() -> bool | None:
            lines = (await self.get(f"/record/requests?reference={reference}"))["requests"]
            (entry,) = (await self.get(f"/record?reference={reference}"))["entries"]
            since = entry["final_at"] if since_final else ""
            found = [line for line in lines if line["method"] == "GET" and line["status"] == 200]
            return True if any(line["at"] > since for line in found) else None

        await until(f"a question about {reference}", look, patience_s=PATIENCE_S, pause_s=0.1)

    async def get(self, path: str) -> Any:
        async with self.http.get(self._url + path) as reply:
            reply.raise_for_status()
            return msgspec.json.decode(await reply.read())

    async def send(self, method: str, path: str, body: Any) -> None:
        async with self.http.request(method, self._url + path, json=body) as reply:
            reply.raise_for_status()

    async def decide(self, digits: str, *, approves: bool) -> None:
        """Answer the wallet's prompt, as soon as it shows."""
        prompt = await self.seen("the prompt", "prompts", digits)
        body = {"action": "approve", "pin": "1234"} if approves else {"action": "reject"}
        await self.send("POST", f"/handsets/{digits}/prompts/{prompt}", body)


def moment(text: str) -> float:
    """Epoch seconds of a time as the judge writes it."""
    return datetime.fromisoformat(text).timestamp()
