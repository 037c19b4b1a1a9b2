"""Startbutton: keys, charges, OTP and PIN, statuses by time, list, wallet."""

import uuid
from typing import Any

import pytest

from .conftest import PAYER, PUBLIC, SECRET, Box, Open, startbutton_config

NOBODY = "0241234567"


async def started(box: Box, phone: str = NOBODY, **more: Any) -> tuple[str, str]:
    """A charge that must be attempted: its next step and their reference."""
    answer = await box.charge(phone, **more)
    body = answer.json()
    assert (answer.status_code, body["success"]) == (200, True), answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return body["data"]["nextStep"], body["data"]["reference"]


async def code_on(box: Box, msisdn: str = PAYER) -> str:
    sms: str = (await box.control("GET", f"/handsets/{msisdn}"))["sms"][-1]["text"]
    return sms[:6]


async def test_the_first_charge_of_a_phone_asks_an_otp_and_later_ones_a_pin(box: Box) -> None:
    step, theirs = await started(box)
    assert (step, len(theirs)) == ("OTP", 12)
    assert (await box.transaction(theirs))["status"] == "initiated"
    answer = await box.otp(theirs, "123456")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "status": True,
            "message": "Charge attempted",
            "data": {"status": "requery", "message": "Confirming payment"},
        },
    )
    assert (await box.transaction(theirs))["status"] == "verified"
    step, theirs = await started(box)
    assert step == "PIN"
    assert (await box.transaction(theirs))["status"] == "verified"


async def test_the_status_answer(box: Box) -> None:
    reference = uuid.uuid4().hex
    await box.faults(next_step="PIN")
    _, theirs = await started(box, reference=reference)
    answer = (await box.ask(f"/transaction/status/{theirs}")).json()
    assert answer["success"] is True
    assert answer["data"]["authorizationCode"] is None
    assert answer["data"]["transaction"] == {
        "_id": "000000000000000000000001",
        "transType": "collection",
        "status": "verified",
        "merchantId": 77,
        "transactionReference": theirs,
        "userTransactionReference": reference,
        "gatewayReference": "gw-1",
        "isRecurrent": False,
        "feeAmount": 87.5,
        "amount": 12500,
        "currency": "GHS",
        "createdAt": "2026-09-21T14:13:20.000Z",
        "updatedAt": "2026-09-21T14:13:20.000Z",
    }
    assert await box.transaction(reference) == answer["data"]["transaction"]
    entry = await box.record(reference)
    assert (entry["amount"], entry["provider_reference"], entry["times_charged"]) == ("125", theirs, 1)


async def test_verified_money_settles_later(box: Box) -> None:
    await box.faults(next_step="PIN")
    _, theirs = await started(box)
    assert (await box.transaction(theirs))["status"] == "verified"
    wallet = {entry["currency"]: entry for entry in (await box.ask("/wallet")).json()["data"]}
    assert (wallet["GHS"]["availableBalance"], wallet["GHS"]["ledgerBalance"]) == (0, 12500)
    await box.advance(5)
    assert (await box.transaction(theirs))["status"] == "successful"
    wallet = {entry["currency"]: entry for entry in (await box.ask("/wallet")).json()["data"]}
    assert wallet["GHS"]["availableBalance"] == 12500
    assert (await box.record(theirs))["times_charged"] == 1


async def test_the_states_follow_the_clock(open_box: Open) -> None:
    box = await open_box(startbutton=startbutton_config("", ongoing_s=5, verified_s=20, successful_s=60))
    await box.faults(next_step="PIN", reverse_after_s=600)
    _, theirs = await started(box)
    seen = []
    for seconds in (0, 5, 15, 60, 600):
        await box.advance(seconds)
        seen.append((await box.transaction(theirs))["status"])
    assert seen == ["initiated", "ongoing", "verified", "successful", "reversed"]
    entry = await box.record(theirs)
    assert (entry["times_charged"], entry["returned"]) == (1, True)


async def test_a_charge_nobody_acts_on_is_abandoned_after_an_hour(box: Box) -> None:
    _, theirs = await started(box)
    await box.advance(3599)
    assert (await box.transaction(theirs))["status"] == "initiated"
    await box.advance(1)
    assert (await box.transaction(theirs))["status"] == "abandoned"
    assert (await box.otp(theirs, "123456")).status_code == 400


@pytest.mark.parametrize("outcome", ["failed", "declined", "expired"])
async def test_a_charge_can_be_made_to_fail(box: Box, outcome: str) -> None:
    await box.faults(next_step="PIN", charge_outcome=outcome)
    _, theirs = await started(box)
    assert (await box.transaction(theirs))["status"] == outcome
    assert (await box.record(theirs))["charged"] is False


async def test_a_charge_can_be_made_to_hang(box: Box) -> None:
    await box.faults(next_step="PIN", charge_outcome="abandoned")
    _, theirs = await started(box)
    assert (await box.transaction(theirs))["status"] == "initiated"
    await box.advance(3600)
    assert (await box.transaction(theirs))["status"] == "abandoned"


@pytest.mark.parametrize(
    ("phone", "currency", "status"),
    [
        ("+255750000020", "TZS", "failed"),
        ("+256760000010", "UGX", "failed"),
        ("+2250707000205", "XOF", "failed"),
        ("+255121212121", "TZS", "verified"),
        ("+256101010111", "UGX", "verified"),
        ("+2250111111111", "XOF", "verified"),
        ("+2370707000200", "XAF", "verified"),
    ],
)
async def test_published_test_numbers(box: Box, phone: str, currency: str, status: str) -> None:
    await box.faults(next_step="PIN")
    provider = "WAVE" if currency == "XOF" else None
    _, theirs = await started(box, phone, currency=currency, amount=60000, provider=provider)
    assert (await box.transaction(theirs))["status"] == status


BAD: list[tuple[dict[str, Any], str | None]] = [
    ({"provider": "mpesa"}, "unknown provider"),
    ({"provider": "mtn"}, "unknown provider"),
    ({"provider": None}, "unknown provider"),
    ({"provider": 5}, "unknown provider"),
    ({"amount": "12500"}, None),
    ({"amount": 125.5}, None),
    ({"amount": 0}, None),
    ({"amount": -5}, None),
    ({"amount": True}, None),
    ({"currency": "EUR"}, None),
    ({"currency": None}, None),
    ({"phone": "12"}, None),
    ({"phone": None}, None),
    ({"phone": "+254711000111"}, None),
    ({"email": None}, None),
    ({"email": "nobody"}, None),
    ({"reference": 5}, None),
    ({"reference": ""}, None),
    ({"currency": "TZS", "phone": "+255121212121", "provider": None, "amount": 9999}, None),
    ({"currency": "UGX", "phone": "+256101010111", "provider": None, "amount": 500_000_001}, None),
    ({"currency": "KES", "phone": "0711000111", "provider": "MPESA"}, "unknown provider"),
]


@pytest.mark.parametrize(("fields", "message"), BAD, ids=repr)
async def test_a_charge_that_does_not_fit_is_refused(
    box: Box, fields: dict[str, Any], message: str | None
) -> None:
    answer = await box.charge(**fields)
    assert (answer.status_code, answer.json()["success"]) == (400, False), answer.text
    if message:
        assert answer.json()["message"] == message
    assert (await box.control("GET", "/record"))["entries"] == []


@pytest.mark.parametrize("phone", ["0711000111", "+254711000111"])
async def test_kenyan_phones_in_both_forms_are_one_phone(box: Box, phone: str) -> None:
    _, theirs = await started(box, phone, currency="KES", provider="mpesa", amount=3000)
    entry = await box.record(theirs)
    assert (entry["msisdn"], entry["amount"]) == ("254711000111", "30")


@pytest.mark.parametrize("key", ["nonsense", PUBLIC + "x", SECRET])
async def test_the_secret_key_does_not_charge(box: Box, key: str) -> None:
    answer = await box.charge(NOBODY, key=key)
    assert (answer.status_code, answer.json()["success"]) == (401, False)


@pytest.mark.parametrize("path", ["/transaction/status/abc", "/transaction", "/wallet"])
async def test_the_public_key_does_not_ask(box: Box, path: str) -> None:
    answer = await box.ask(path, key=PUBLIC)
    assert (answer.status_code, answer.json()["success"]) == (401, False)


async def test_one_account_does_not_see_another(open_box: Open) -> None:
    accounts = [
        {"name": name, "public_key": f"pk{name}", "secret_key": f"sk{name}"} for name in ("one", "two")
    ]
    box = await open_box(startbutton={"accounts": accounts})
    reference = uuid.uuid4().hex
    theirs = (await box.charge(key="pkone", reference=reference)).json()["data"]["reference"]
    assert (await box.ask(f"/transaction/status/{theirs}", key="skone")).status_code == 200
    assert (await box.ask(f"/transaction/status/{theirs}", key="sktwo")).status_code == 404
    assert (await box.charge(key="pktwo", reference=reference)).status_code == 200


# OTP.


async def test_a_handset_gets_its_code_by_sms_and_only_that_one_fits(box: Box) -> None:
    step, theirs = await started(box, "0551112233")
    assert step == "OTP"
    code = await code_on(box)
    assert code.isdigit()
    wrong = await box.otp(theirs, "111111" if code != "111111" else "222222")
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"success": False, "message": "Invalid OTP", "data": None},
    )
    assert (await box.otp(theirs, code)).status_code == 200
    assert (await box.transaction(theirs))["status"] == "verified"
    assert (await box.control("GET", f"/handsets/{PAYER}"))["balances"]["GHS"] == "375.00"


@pytest.mark.parametrize("otp", ["000000", "12345", "1234567", "abcdef", "", "١٢٣٤٥٦"])
async def test_codes_that_never_fit(box: Box, otp: str) -> None:
    _, theirs = await started(box)
    assert (await box.otp(theirs, otp)).json()["message"] == "Invalid OTP"


@pytest.mark.parametrize("otp", [123456, None, ["123456"]])
async def test_a_code_is_text(box: Box, otp: Any) -> None:
    _, theirs = await started(box)
    assert (await box.otp(theirs, otp)).status_code == 400
    assert (await box.otp(theirs, "012345")).status_code == 200


async def test_the_third_wrong_code_fails_the_charge(box: Box) -> None:
    _, theirs = await started(box)
    for status in ("initiated", "initiated", "failed"):
        await box.otp(theirs, "000000")
        assert (await box.transaction(theirs))["status"] == status
    assert (await box.otp(theirs, "123456")).status_code == 400


async def test_a_code_runs_out(box: Box) -> None:
    _, theirs = await started(box)
    await box.advance(601)
    assert (await box.otp(theirs, "123456")).json()["message"] == "Invalid OTP"


async def test_the_otp_call_wants_their_reference(box: Box) -> None:
    mine = uuid.uuid4().hex
    _, theirs = await started(box, reference=mine)
    assert (await box.otp(mine, "123456")).status_code == 404
    assert (await box.otp("unknown", "123456")).status_code == 404
    assert (await box.otp(theirs, "123456")).status_code == 200
    assert (await box.otp(theirs, "123456")).status_code == 400
    assert (await box.record(mine))["times_charged"] == 1


async def test_after_the_otp_the_handset_can_be_asked_for_the_pin_too(box: Box) -> None:
    await box.faults(otp_then_pin=True)
    _, theirs = await started(box, "0551112233")
    assert await box.prompts() == []
    await box.otp(theirs, await code_on(box))
    assert (await box.transaction(theirs))["status"] == "ongoing"
    await box.press("approve", pin="1234")
    assert (await box.transaction(theirs))["status"] == "verified"


async def test_an_otp_needs_enough_money_too(box: Box) -> None:
    _, theirs = await started(box, "0551112233", amount=50001)
    await box.otp(theirs, await code_on(box))
    assert (await box.transaction(theirs))["status"] == "failed"


# PIN.


@pytest.mark.parametrize(
    ("action", "pin", "status"), [("approve", "1234", "verified"), ("reject", None, "declined")]
)
async def test_a_pin_prompt_on_the_handset(box: Box, action: str, pin: str | None, status: str) -> None:
    await box.faults(next_step="PIN")
    step, theirs = await started(box, "0551112233")
    assert step == "PIN"
    (prompt,) = await box.prompts()
    assert (prompt["provider"], prompt["amount"], prompt["currency"]) == ("startbutton", "125", "GHS")
    assert (await box.transaction(theirs))["status"] == "ongoing"
    assert (await box.press(action, pin=pin))["status"] == status
    assert (await box.transaction(theirs))["status"] == status


async def test_a_prompt_nobody_answers_expires(box: Box) -> None:
    await box.faults(next_step="PIN")
    _, theirs = await started(box, "0551112233")
    await box.press("ignore")
    await box.advance(300)
    assert (await box.transaction(theirs))["status"] == "expired"


async def test_three_wrong_pins_fail_the_charge(box: Box) -> None:
    await box.faults(next_step="PIN")
    _, theirs = await started(box, "0551112233")
    for _ in range(3):
        await box.press("approve", pin="0000", status=403)
    assert (await box.transaction(theirs))["status"] == "failed"


@pytest.mark.parametrize(("forced", "shown"), [("absent", None), ("unknown", "REDIRECT"), ("OTP", "OTP")])
async def test_the_next_step_can_be_forced(box: Box, forced: str, shown: str | None) -> None:
    await box.faults(next_step=forced)
    body = (await box.charge(NOBODY)).json()
    assert body["data"].get("nextStep") == shown


# References, lists, wallet, envelope.


async def test_a_used_reference_is_refused_or_silently_renewed(box: Box) -> None:
    reference = uuid.uuid4().hex
    _, first = await started(box, reference=reference)
    again = await box.charge(NOBODY, reference=reference)
    assert (again.status_code, again.json()["success"]) == (400, False)
    await box.faults(duplicate_reference="renew")
    _, second = await started(box, reference=reference)
    assert second != first
    assert (await box.transaction(second))["userTransactionReference"] != reference
    assert (await box.transaction(reference))["transactionReference"] == first


async def test_strict_wants_long_alphanumeric_references(open_box: Open) -> None:
    box = await open_box(strict=True, startbutton=startbutton_config(""))
    assert (await box.charge(NOBODY, reference="short")).status_code == 400
    assert (await box.charge(NOBODY, reference=str(uuid.uuid4()))).status_code == 400
    assert (await box.charge("+233241234567")).status_code == 400
    assert (await box.charge(NOBODY)).status_code == 200


async def test_the_list_is_filtered(box: Box) -> None:
    _, first = await started(box)
    await box.advance(86400)
    await box.faults(next_step="PIN")
    _, second = await started(box, currency="KES", phone="0711000111", provider="mpesa")

    async def listed(**query: Any) -> list[str]:
        answer = await box.ask("/transaction", **query)
        assert answer.status_code == 200, answer.text
        return [line["transactionReference"] for line in answer.json()["data"]]

    assert await listed() == [second, first]
    assert await listed(currency="GHS") == [first]
    assert await listed(status="verified") == [second]
    assert await listed(transType="transfer") == []
    assert await listed(startDate="2026-09-22", endDate="2026-09-22") == [second]
    assert await listed(endDate="2026-09-21T23:59:59Z") == [first]
    assert await listed(skip=1, limit=1) == [first]
    for query in ({"limit": "x"}, {"startDate": "soon"}, {"endDate": "2026-13-01"}, {"skip": "-1"}):
        assert (await box.ask("/transaction", **query)).status_code == 400
    assert await listed(startDate="0001-01-01T00:00+14:00", endDate="9999-12-31") == [second, first]


async def test_providers_are_listed(box: Box) -> None:
    for code in ("GHS", "gh"):
        answer = await box.ask(f"/transaction/mobile-money/providers/{code}")
        assert [line["code"] for line in answer.json()["data"]] == ["MTN", "ATL", "VOD"]
    assert (await box.ask("/transaction/mobile-money/providers/XX")).status_code == 404


@pytest.mark.parametrize(
    ("data", "wanted"),
    [("absent", {}), ("null", {"data": None}), ("empty", {"data": {}})],
)
async def test_envelopes_of_failures(box: Box, data: str, wanted: dict[str, Any]) -> None:
    await box.faults(envelope_data=data, envelope_key="status", refusal_status=200)
    answer = await box.charge(provider="nobody")
    assert answer.status_code == 200
    assert answer.json() == {"status": False, "message": "unknown provider"} | wanted


async def test_the_otp_answer_can_say_success(box: Box) -> None:
    await box.faults(envelope_key="success")
    _, theirs = await started(box)
    assert (await box.otp(theirs, "123456")).json()["success"] is True


async def test_an_unknown_transaction_is_404(box: Box) -> None:
    answer = await box.ask("/transaction/status/unknown")
    assert (answer.status_code, answer.json()["success"]) == (404, False)
