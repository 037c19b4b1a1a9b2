"""The wallet handset: prompts, PIN, money, expiry."""

import pytest

from .conftest import PAYER, Box, Open


async def test_a_request_shows_a_prompt_and_waits(box: Box) -> None:
    reference = await box.accepted(PAYER)
    (prompt,) = await box.prompts()
    assert prompt["provider"] == "momo"
    assert (prompt["amount"], prompt["currency"], prompt["message"]) == ("12.5", "EUR", "Water bill")
    assert prompt["payee"] == "Kasapay"
    assert prompt["expires_at"] > prompt["created_at"]
    assert (await box.result(reference))["status"] == "PENDING"


async def test_approving_moves_the_money_once(box: Box) -> None:
    reference = await box.accepted(PAYER)
    done = await box.press("approve", pin="1234")
    assert (done["status"], done["reason"]) == ("SUCCESSFUL", None)
    handset = await box.control("GET", f"/handsets/+{PAYER}")
    assert (handset["balances"]["EUR"], handset["prompts"]) == ("87.50", [])
    entry = await box.record(reference)
    assert (entry["charged"], entry["times_charged"], entry["status"]) == (True, 1, "SUCCESSFUL")
    again = f"/handsets/{PAYER}/prompts/{done['id']}"
    await box.control("POST", again, {"action": "approve", "pin": "1234"}, status=404)


async def test_rejecting_takes_nothing(box: Box) -> None:
    reference = await box.accepted(PAYER)
    await box.press("reject")
    result = await box.result(reference)
    assert (result["status"], result["reason"]) == ("FAILED", "APPROVAL_REJECTED")
    assert (await box.control("GET", f"/handsets/{PAYER}"))["balances"]["EUR"] == "100.00"


async def test_an_ignored_prompt_disappears_and_expires(box: Box) -> None:
    reference = await box.accepted(PAYER)
    (prompt,) = await box.prompts()
    assert (await box.press("ignore"))["status"] == "PENDING"
    assert await box.prompts() == []
    await box.control("POST", f"/handsets/{PAYER}/prompts/{prompt['id']}", {"action": "reject"}, status=409)
    await box.advance(299)
    assert (await box.result(reference))["status"] == "PENDING"
    await box.advance(1)
    result = await box.result(reference)
    assert (result["status"], result["reason"]) == ("FAILED", "EXPIRED")


async def test_an_unanswered_prompt_expires_too(open_box: Open) -> None:
    box = await open_box(
        prompt_s=60,
        momo={"expiry_reason": "COULD_NOT_PERFORM_TRANSACTION"},
        handsets=[{"msisdn": PAYER, "balance": {"EUR": "5"}}],
    )
    await box.provision()
    reference = await box.accepted(PAYER)
    await box.advance(60)
    assert (await box.result(reference))["reason"] == "COULD_NOT_PERFORM_TRANSACTION"
    assert await box.prompts() == []


async def test_a_wrong_pin_leaves_the_prompt_and_the_third_ends_it(box: Box) -> None:
    reference = await box.accepted(PAYER)
    for left in (2, 1):
        problem = await box.press("approve", pin="0000", status=403)
        assert problem["tries_left"] == left
        assert (await box.result(reference))["status"] == "PENDING"
    await box.press("approve", pin="0000", status=403)
    result = await box.result(reference)
    assert (result["status"], result["reason"]) == ("FAILED", "PAYMENT_NOT_APPROVED")
    assert await box.prompts() == []


async def test_the_right_pin_after_a_wrong_one(box: Box) -> None:
    await box.accepted(PAYER)
    await box.press("approve", pin="9999", status=403)
    assert (await box.press("approve", pin="1234"))["status"] == "SUCCESSFUL"


async def test_approving_without_a_pin_is_refused(box: Box) -> None:
    await box.accepted(PAYER)
    await box.press("approve", status=400)
    assert len(await box.prompts()) == 1


@pytest.mark.parametrize(("amount", "status"), [("100", "SUCCESSFUL"), ("100.01", "FAILED")])
async def test_a_wallet_can_be_too_low(box: Box, amount: str, status: str) -> None:
    reference = await box.accepted(PAYER, amount=amount)
    done = await box.press("approve", pin="1234")
    assert done["status"] == status
    result = await box.result(reference)
    assert result.get("reason") == (None if status == "SUCCESSFUL" else "NOT_ENOUGH_FUNDS")


async def test_two_prompts_stand_side_by_side(box: Box) -> None:
    first, second = await box.accepted(PAYER), await box.accepted(PAYER, amount="2")
    prompts = await box.prompts()
    assert [prompt["amount"] for prompt in prompts] == ["12.5", "2"]
    path = f"/handsets/{PAYER}/prompts/{prompts[1]['id']}"
    await box.control("POST", path, {"action": "approve", "pin": "1234"})
    assert (await box.result(first))["status"] == "PENDING"
    assert (await box.result(second))["status"] == "SUCCESSFUL"


async def test_handsets_are_made_changed_and_removed(box: Box) -> None:
    made = {"msisdn": "+254711000111", "name": "Wanjiku", "pin": "4321", "balance": {"KES": "50"}}
    shown = await box.control("POST", "/handsets", made, status=201)
    assert shown == {
        "msisdn": "254711000111",
        "name": "Wanjiku",
        "pin": "4321",
        "balances": {"KES": "50.00"},
        "prompts": [],
        "invoices": [],
        "sms": [],
    }
    changed = await box.control("POST", "/handsets", {"msisdn": "254711000111", "balance": {"UGX": "900"}})
    assert changed["balances"] == {"KES": "50.00", "UGX": "900"}
    assert changed["pin"] == "4321"
    listed = (await box.control("GET", "/handsets"))["handsets"]
    assert [handset["msisdn"] for handset in listed] == [PAYER, "254711000111"]
    await box.control("DELETE", "/handsets/+254711000111")
    await box.control("DELETE", "/handsets/254711000111", status=404)
    await box.control("GET", "/handsets/254711000111", status=404)


async def test_a_handset_on_a_magic_number_wins(box: Box) -> None:
    await box.control("POST", "/handsets", {"msisdn": "46733123451", "balance": {"EUR": "50"}}, status=201)
    await box.accepted("46733123451")
    assert (await box.press("approve", pin="1234", msisdn="46733123451"))["status"] == "SUCCESSFUL"


async def test_without_its_handset_a_prompt_still_expires(box: Box) -> None:
    reference = await box.accepted(PAYER)
    (prompt,) = await box.prompts()
    await box.control("DELETE", f"/handsets/{PAYER}")
    await box.control("POST", f"/handsets/{PAYER}/prompts/{prompt['id']}", {"action": "reject"}, status=404)
    await box.advance(300)
    assert (await box.result(reference))["reason"] == "EXPIRED"
