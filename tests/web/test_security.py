"""Whoever knocks with a wrong key is noted, with where it came from and without what was tried."""

from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest

from bot.channels.ussd import GATEWAYS
from bot.web import GatewayEntry
from tests.gateways import gateway_of
from tests.web.fakes import SECRET, serve

TRIED = "tried-0240000001"
KNOCKS = [
    ("gateway_secret", "POST", f"/ussd/hubtel/{TRIED}", {}, 404, {"gateway": "hubtel"}),
    ("gateway_secret", "POST", f"/ussd/pigeon/{SECRET}", {}, 404, {"gateway": ""}),
    ("gateway_address", "POST", f"/ussd/hubtel/{SECRET}", {}, 403, {"gateway": "hubtel"}),
    ("telegram_secret", "POST", "/telegram/webhook", {"X-Telegram-Bot-Api-Secret-Token": TRIED}, 403, {}),
    ("sms_secret", "POST", f"/sms/africastalking/{TRIED}", {}, 404, {}),
    ("webhook_signature", "POST", "/callbacks/startbutton/a", {"x-startbutton-signature": TRIED}, 401, {}),
    ("callback_token", "PUT", f"/callbacks/momo/unknown-{TRIED}", {}, 200, {}),
    ("foreign_page", "POST", "/chat/messages", {"Sec-Fetch-Site": "cross-site"}, 403, {}),
]


@pytest.mark.parametrize(("kind", "method", "path", "headers", "status", "about"), KNOCKS)
async def test_a_wrong_key_is_noted(
    http: aiohttp.ClientSession,
    kind: str,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    about: dict[str, str],
) -> None:
    noted: list[tuple[str, dict[str, Any]]] = []
    gateways = {
        name: GatewayEntry(gateway_of(name), SECRET, (ip_network("203.0.113.0/24"),)) for name in GATEWAYS
    }
    async with serve(
        gateways=gateways,
        trusted_proxies=(ip_network("127.0.0.0/8"),),
        security=lambda kind, /, **about: noted.append((kind, about)),
    ) as world:
        async with http.get(world.url + "/chat") as page:
            await page.read()
        sent = {"X-Forwarded-For": "198.51.100.7", **headers}
        async with http.request(method, world.url + path, headers=sent) as reply:
            assert reply.status == status
    ((found, said),) = noted
    assert found == kind
    assert {name: str(value) for name, value in said.items()} == {"address": "198.51.100.7", **about}
    assert TRIED not in str(said)


async def test_a_right_key_is_not_noted(http: aiohttp.ClientSession) -> None:
    noted: list[str] = []
    form = {"sessionId": "s", "phoneNumber": "+233240000001", "serviceCode": "*920*10#", "text": ""}
    async with serve(security=lambda kind, /, **_: noted.append(kind)) as world:
        async with http.post(f"{world.url}/ussd/africastalking/{SECRET}", data=form) as reply:
            assert reply.status == 200
        async with http.put(f"{world.url}/callbacks/momo/known") as reply:
            assert reply.status == 200
    assert noted == []
