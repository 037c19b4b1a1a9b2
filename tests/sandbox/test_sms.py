"""Africa's Talking's sending API."""

from typing import Any

import httpx
import pytest

from .conftest import PAYER, Box, Open


async def send(box: Box, *, key: str = "at-key", **fields: str) -> httpx.Response:
    form = {"username": "sandbox", "to": f"+{PAYER}", "message": "Paid: 5 GHS. Ref K7QX2A9M."} | fields
    headers = {"apiKey": key, "Accept": "application/json"} if key else {}
    return await box.http.post("/version1/messaging", data=form, headers=headers)


async def inbox(box: Box, msisdn: str = PAYER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await box.control("GET", f"/sms?msisdn={msisdn}"))["sms"]
    return found


async def test_a_message_lands_in_the_inbox(box: Box) -> None:
    answer = await send(box, **{"from": "KASAPAY"})
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "SMSMessageData": {
            "Message": "Sent to 1/1 Total Cost: KES 0.8000",
            "Recipients": [
                {
                    "statusCode": 101,
                    "number": f"+{PAYER}",
                    "status": "Success",
                    "cost": "KES 0.8000",
                    "messageId": "ATXid_1",
                }
            ],
        }
    }
    (sms,) = await inbox(box)
    assert (sms["from"], sms["text"], sms["id"]) == ("KASAPAY", "Paid: 5 GHS. Ref K7QX2A9M.", "ATXid_1")
    assert (await box.control("GET", f"/handsets/{PAYER}"))["sms"] == [sms]


async def test_numbers_without_a_handset_have_an_inbox_too(box: Box) -> None:
    await send(box, to="+254700000001, +254700000002,123", message="Café ✓")
    assert [sms["text"] for sms in await inbox(box, "254700000001")] == ["Café ✓"]
    assert len((await box.control("GET", "/sms"))["sms"]) == 2


async def test_a_bad_number_is_told_per_recipient(box: Box) -> None:
    data = (await send(box, to="0551112233")).json()["SMSMessageData"]
    assert data["Message"] == "Sent to 0/1 Total Cost: KES 0.0000"
    assert data["Recipients"][0]["statusCode"] == 403


@pytest.mark.parametrize("code", [401, 402, 403, 404, 405, 406, 407, 409, 500, 501, 502, 777])
async def test_recipient_codes_can_be_switched(box: Box, code: int) -> None:
    await box.faults(sms_code=code)
    answer = await send(box)
    assert answer.status_code == 201
    assert answer.json()["SMSMessageData"]["Recipients"][0]["statusCode"] == code
    assert await inbox(box) == []


@pytest.mark.parametrize("code", [100, 102])
async def test_other_codes_of_taken_messages(box: Box, code: int) -> None:
    await box.faults(sms_code=code)
    await send(box)
    assert len(await inbox(box)) == 1


async def test_recipients_can_be_missing(box: Box) -> None:
    await box.faults(sms_no_recipients=True)
    assert (await send(box)).json()["SMSMessageData"]["Recipients"] == []
    assert await inbox(box) == []


async def test_what_does_not_fit_is_refused(open_box: Open) -> None:
    box = await open_box(sms={"api_keys": ["right"]})
    assert (await send(box, key="")).status_code == 401
    assert (await send(box, key="wrong")).status_code == 401
    assert (await send(box, key="right")).status_code == 201
    for field in ("username", "to", "message"):
        assert (await send(box, key="right", **{field: " "})).status_code == 400
    for body in (b"\xff\xfe", b"to=%FF&message=x&username=y", b"{}", b"", b"a&" * 500):
        answer = await box.http.post("/version1/messaging", content=body, headers={"apiKey": "right"})
        assert answer.status_code == 400, body
