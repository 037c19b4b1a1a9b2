"""What providers call to us is a hint: believed by nobody, answered to everybody, and never lost."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.admin.registry import COMMANDS, CommandError
from bot.conversations.standing import standing
from bot.money import OrderKind, OrderState, Source
from bot.store.base import CreateOrder, MoveOrder, OrderFields, StoreUnavailable
from bot.store.records import OrderRow
from tests.conversations.people import Phone, decide
from tests.conversations.robot import Robot
from tests.conversations.stage import _KEYS, EFUA, Stage, open_stage
from tests.store.make import order as order_row

PAID = {"status": "SUCCESSFUL", "financialTransactionId": "1", "amount": "5.00", "currency": "GHS"}


@pytest.fixture
async def served(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, template) as opened:
        yield opened


@pytest.fixture
async def http(served: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=served.settings.public_url, trust_env=False, verify=False
    ) as client:
        yield client


async def pending(stage: Stage, merchant: str = "1001") -> OrderRow:
    await Robot(stage, Phone(stage, EFUA), merchant).pay(until="pay/otp")
    await stage.settle()
    return await stage.order()


def token(stage: Stage, order: OrderRow) -> str:
    return stage.kasapay.sealer.callback_token(order.id)


def signed(account: str, body: bytes, key: str = "") -> dict[str, str]:
    secret = key or _KEYS[account][1]
    return {"x-startbutton-signature": hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()}


def event(order: OrderRow, name: str = "collection.verified", **more: Any) -> bytes:
    transaction = {
        "transactionReference": order.provider_reference or "elsewhere",
        "userTransactionReference": order.reference.replace("-", ""),
        "status": "verified",
        "amount": order.amount_minor,
        "currency": order.currency,
        **more,
    }
    return json.dumps({"event": name, "data": {"transaction": transaction}}).encode()


# ---- MoMo ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_forged_success_changes_nothing(served: Stage, http: httpx.AsyncClient, method: str) -> None:
    order = await pending(served)
    for _ in range(3):
        reply = await http.request(method, f"/callbacks/momo/{token(served, order)}", json=PAID)
        assert reply.status_code == 200
        await served.pass_time(6)
    assert (await served.order()).state is OrderState.PENDING
    assert served.results(EFUA) == []
    assert served.entries[0].times_charged == 0


async def test_a_word_about_a_failed_payment_has_it_asked_about_once_more(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await pending(served)
    decide(served, EFUA, "reject")
    await served.pass_time(60)
    assert (await served.order()).state is OrderState.FAILED
    served.entries[0].status, served.entries[0].reason = "SUCCESSFUL", ""
    await http.put(f"/callbacks/momo/{token(served, order)}", json=PAID)
    await served.pass_time(60)
    assert (await served.order()).state is OrderState.FAILED
    assert [row.kind for row in await served.store.incidents(9)] == ["contradiction"]


@pytest.mark.parametrize("forged", ["successful", "amount"])
async def test_the_sandboxs_own_forgeries_change_nothing(served: Stage, forged: str) -> None:
    served.faults(callback_forged=forged)
    await pending(served)
    await served.pass_time(20)
    assert (await served.order()).state is OrderState.PENDING
    decide(served, EFUA, "reject")
    await served.pass_time(20)
    assert (await served.order()).state is OrderState.FAILED


async def test_a_callback_that_says_the_opposite_is_not_believed(served: Stage) -> None:
    served.faults(callback_forged="contradicting")
    await pending(served)
    decide(served, EFUA, "approve")
    await served.pass_time(10)
    order = await served.order()
    assert order.state is OrderState.SUCCESSFUL
    assert [line.source for line in await served.store.transitions(order.id)][-1] is Source.CALLBACK


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"SUCCESSFUL"', b"\xff\xfe", b"0" * 60_000])
async def test_what_a_callback_says_is_not_even_read(
    served: Stage, http: httpx.AsyncClient, body: bytes
) -> None:
    order = await pending(served)
    decide(served, EFUA, "approve")
    served.sandbox.sandbox.courier._due.clear()
    reply = await http.put(f"/callbacks/momo/{token(served, order)}", content=body)
    assert reply.status_code == 200
    await served.pass_time(6)
    assert (await served.order()).state is OrderState.SUCCESSFUL


async def test_unknown_tokens_get_the_same_answer_and_do_nothing(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await pending(served)
    good = token(served, order)
    known = await http.put(f"/callbacks/momo/{good}", json=PAID)
    asked = len(served.entries), served.entries[0].status_gets
    await served.settle()
    for bad in ("x", good[:-2] + "AA", good.lower(), "A" * 43, "A" * 150, "%00", "%C3%A9"):
        reply = await http.put(f"/callbacks/momo/{bad}", json=PAID)
        assert (reply.status_code, reply.content) == (known.status_code, known.content)
    before = served.entries[0].status_gets
    await served.settle()
    assert served.entries[0].status_gets == before
    assert asked[0] == 1


async def test_two_questions_are_five_seconds_apart_however_many_callbacks_come(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await pending(served)
    path = f"/callbacks/momo/{token(served, order)}"
    await http.put(path, json=PAID)
    await served.settle()
    assert served.entries[0].status_gets == 1
    for _ in range(20):
        await http.put(path, json=PAID)
    await served.settle()
    assert served.entries[0].status_gets == 1
    served.clock.ms += 4_900
    await served.settle()
    assert served.entries[0].status_gets == 1
    served.clock.ms += 200
    await served.settle()
    assert served.entries[0].status_gets == 2


async def test_a_hint_that_comes_while_somebody_asks_is_not_lost(stage: Stage) -> None:
    order = await pending(stage)
    stage.clock.ms += 60_000
    (leased,) = await stage.store.claim_orders(stage.clock(), 60_000, 10)
    await stage.kasapay.callbacks.hint(token(stage, order))
    await stage.kasapay.worker.work(leased)
    after = await stage.order()
    assert after.due_ms is not None
    assert after.due_ms - stage.clock() <= 5_000


async def away(*_: Any) -> bool:
    raise StoreUnavailable("disk full")


async def test_a_hint_that_cannot_be_written_is_to_come_again_and_made_up_for_by_the_poll(
    served: Stage, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await pending(served)
    with monkeypatch.context() as patched:
        patched.setattr(served.store, "hint", away)
        reply = await http.put(f"/callbacks/momo/{token(served, order)}", json=PAID)
    assert reply.status_code == 503
    assert (await served.order()).hinted_by is None
    await served.restart()
    decide(served, EFUA, "approve")
    await served.pass_time(60)
    assert (await served.order()).state is OrderState.SUCCESSFUL


async def test_a_hint_of_an_open_order_is_kept_before_its_200(served: Stage, http: httpx.AsyncClient) -> None:
    order = await pending(served)
    reply = await http.put(f"/callbacks/momo/{token(served, order)}", json=PAID)
    assert reply.status_code == 200
    assert (await served.order()).hinted_by is Source.CALLBACK


async def test_a_callback_before_the_reply_is_no_harm(served: Stage) -> None:
    served.faults(callback_before_reply=True)
    phone = Phone(served, "+233245500001")  # no handset: pays by itself
    await Robot(served, phone, "1001").pay()
    await served.pass_time(30)
    assert (await served.order()).state is OrderState.SUCCESSFUL
    assert len(served.results(phone.msisdn)) == 1


@pytest.mark.parametrize(
    "how", [{"callback_late_s": 60}, {"callback_duplicates": 3}, {"callback_lost": -1}], ids=str
)
async def test_however_the_callback_comes_the_person_is_told_once(served: Stage, how: dict[str, int]) -> None:
    served.faults(**how)
    await pending(served)
    decide(served, EFUA, "approve")
    await served.pass_time(120)
    assert (await served.order()).state is OrderState.SUCCESSFUL
    assert len(served.results(EFUA)) == 1


# ---- Startbutton ---------------------------------------------------------------------------------


async def test_a_signed_event_is_kept_before_its_200_and_asked_about(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await pending(served, "1002")
    body = event(order)
    reply = await http.post(
        "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
    )
    assert reply.status_code == 200
    (kept,) = await served.store.webhooks(10)
    assert (kept.event, kept.reference) == ("collection.verified", order.reference)
    await served.pass_time(10)
    assert (await served.order()).state is OrderState.NEEDS_OTP  # the status says so, whatever was signed


async def test_an_event_that_cannot_be_kept_is_not_acknowledged(
    served: Stage, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await pending(served, "1002")
    body = event(order)

    async def away(*_: Any) -> None:
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(served.store, "commit", away)
        reply = await http.post(
            "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
        )
    assert reply.status_code == 503
    assert await served.store.webhooks(10) == ()


@pytest.mark.parametrize(
    "how", ["unsigned", "wrong key", "other account's key", "changed", "unknown account"]
)
async def test_an_event_without_our_signature_is_refused(
    served: Stage, http: httpx.AsyncClient, how: str
) -> None:
    order = await pending(served, "1002")
    body, account = event(order), "startbutton-ghs"
    headers = signed(account, body)
    if how == "unsigned":
        headers = {}
    elif how == "wrong key":
        headers = signed(account, body, "sk_somebody_else")
    elif how == "other account's key":
        headers = signed("startbutton-kes", body)
    elif how == "changed":
        body += b" "
    else:
        account = "nobody"
    reply = await http.post(f"/callbacks/startbutton/{account}", content=body, headers=headers)
    assert reply.status_code == 401
    assert await served.store.webhooks(10) == ()
    assert (await served.order()).hinted_by is None


async def test_the_same_event_twice_is_kept_once(served: Stage, http: httpx.AsyncClient) -> None:
    order = await pending(served, "1002")
    body = event(order)
    for _ in range(3):
        await http.post(
            "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
        )
    assert len(await served.store.webhooks(10)) == 1


async def test_an_event_of_an_order_nobody_knows_is_an_incident_once(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await pending(served, "1002")
    body = event(order, transactionReference="tr-unknown", userTransactionReference="f" * 32)
    for _ in range(2):
        reply = await http.post(
            "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
        )
        assert reply.status_code == 200
    assert [incident.kind for incident in await served.store.incidents(10)] == ["stray_payment"]


async def test_an_event_of_one_account_hints_at_no_order_of_another(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await pending(served, "1002")
    body = event(order)
    reply = await http.post(
        "/callbacks/startbutton/startbutton-kes", content=body, headers=signed("startbutton-kes", body)
    )
    assert reply.status_code == 200
    assert (await served.order()).hinted_by is None
    assert [incident.kind for incident in await served.store.incidents(10)] == ["stray_payment"]


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 1},
        {"currency": "KES"},
        {"transactionReference": "8c1d9e4ab999"},  # the difference, as a transaction of its own
    ],
    ids=str,
)
async def test_an_under_or_overpayment_completes_nothing_and_is_looked_at(
    served: Stage, http: httpx.AsyncClient, other: dict[str, Any]
) -> None:
    order = await pending(served, "1002")
    body = event(order, **other)
    reply = await http.post(
        "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
    )
    assert reply.status_code == 200
    await served.pass_time(10)
    assert (await served.order()).state is OrderState.NEEDS_OTP
    (incident,) = await served.store.incidents(10)
    assert (incident.kind, incident.order_id) == ("stray_payment", order.id)


@pytest.mark.parametrize("known", [True, False])
async def test_a_dispute_is_kept_and_alarms_staff(
    served: Stage, http: httpx.AsyncClient, known: bool
) -> None:
    order = await pending(served, "1002")
    more = {} if known else {"transactionReference": "elsewhere", "userTransactionReference": None}
    body = event(order, "dispute.created", **more)
    for _ in range(2):
        reply = await http.post(
            "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
        )
        assert reply.status_code == 200
    (kept,) = await served.store.webhooks(10)
    assert kept.event == "dispute.created"
    (incident,) = await served.store.incidents(10)
    assert (incident.kind, incident.order_id) == ("dispute", order.id if known else None)


@pytest.mark.parametrize("name", ["conversion.successful", "topup.received", ""])
async def test_an_event_about_no_payment_is_acknowledged_and_noted(
    served: Stage, http: httpx.AsyncClient, name: str
) -> None:
    body = json.dumps({"event": name, "data": {"transaction": {"transactionReference": "cv1"}}}).encode()
    reply = await http.post(
        "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
    )
    assert reply.status_code == 200
    assert [incident.kind for incident in await served.store.incidents(10)] == ["unknown_event"]


async def test_a_signed_event_nobody_can_read_is_acknowledged_and_noted(
    served: Stage, http: httpx.AsyncClient
) -> None:
    body = b"\xff not json"
    reply = await http.post(
        "/callbacks/startbutton/startbutton-ghs", content=body, headers=signed("startbutton-ghs", body)
    )
    assert reply.status_code == 200
    assert len(await served.store.webhooks(10)) == 1


# ---- what was acknowledged is kept ---------------------------------------------------------------


async def settled(stage: Stage, merchant: str, how: str) -> OrderRow:
    """A payment that is over, and its people told."""
    phone = Phone(stage, EFUA)
    await Robot(stage, phone, merchant).pay()
    await stage.settle()
    if stage.entries[0].status == "PENDING" or merchant == "1001":
        decide(stage, EFUA, how)
    await stage.pass_time(120)
    order = await stage.order()
    assert order.state is (OrderState.SUCCESSFUL if how == "approve" else OrderState.FAILED)
    return order


@pytest.mark.parametrize("trouble", ["killed before the question", "the question fails", "both"])
async def test_money_that_went_back_is_learned_whatever_happens_after_the_200(
    served: Stage, http: httpx.AsyncClient, trouble: str
) -> None:
    order = await settled(served, "1002", "approve")
    served.sandbox.sandbox.courier._due.clear()
    served.entries[0].status = "reversed"
    body = event(order, "collection.reversed", status="reversed")
    path = "/callbacks/startbutton/startbutton-ghs"
    reply = await http.post(path, content=body, headers=signed("startbutton-ghs", body))
    assert reply.status_code == 200
    if trouble != "killed before the question":
        served.faults(rules=[{"group": "startbutton.status", "set": {"error_status": 503}, "times": 3}])
        await served.pass_time(20)
        assert (await served.order()).state is OrderState.SUCCESSFUL
    if trouble != "the question fails":
        await served.restart()
    await served.pass_time(10 * 60)
    assert (await served.order()).state is OrderState.REVERSED
    assert "Reversed" in served.results(EFUA)[-1]


async def test_a_callback_of_a_final_order_is_kept_before_its_200(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await settled(served, "1001", "reject")
    served.entries[0].status, served.entries[0].reason = "SUCCESSFUL", ""
    reply = await http.put(f"/callbacks/momo/{token(served, order)}", json=PAID)
    assert reply.status_code == 200
    await served.restart()
    await served.pass_time(60)
    assert [row.kind for row in await served.store.incidents(9)] == ["contradiction"]


async def test_a_callback_of_a_final_order_that_cannot_be_kept_is_not_acknowledged(
    served: Stage, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await settled(served, "1001", "reject")
    with monkeypatch.context() as patched:
        patched.setattr(served.store, "hint", away)
        reply = await http.put(f"/callbacks/momo/{token(served, order)}", json=PAID)
    assert reply.status_code == 503


# ---- whoever was told a failure is not left with it ------------------------------------------------


async def doubted(stage: Stage, http: httpx.AsyncClient) -> OrderRow:
    """A failed payment of which the provider says later that it succeeded."""
    order = await settled(stage, "1001", "reject")
    assert "Nothing was taken" in stage.results(EFUA)[-1]
    stage.entries[0].status, stage.entries[0].reason = "SUCCESSFUL", ""
    for _ in range(2):
        await http.put(f"/callbacks/momo/{token(stage, order)}", json=PAID)
        await stage.pass_time(60)
    return await stage.order()


async def test_a_payer_who_was_told_a_failure_hears_at_once_that_it_is_checked(
    served: Stage, http: httpx.AsyncClient
) -> None:
    order = await doubted(served, http)
    assert (order.state, order.shown) == (OrderState.FAILED, OrderState.UNRESOLVED)
    told = served.results(EFUA)
    assert len(told) == 2
    assert "may have been taken" in told[-1]
    assert order.code in told[-1]
    last_words = await standing(served.store, order.conversation_id or "")
    assert last_words is not None
    assert last_words.text == "payments.open"


@pytest.mark.parametrize(
    ("said", "words"), [("successful", "was taken after all"), ("failed", "Nothing was taken")]
)
async def test_and_hears_the_end_once_a_person_has_settled_it(
    served: Stage, http: httpx.AsyncClient, said: str, words: str
) -> None:
    order = await doubted(served, http)
    values = {"code": order.code, "state": said, "reason": "the provider's books", "by": "Adwoa"}
    if said == "failed":
        with pytest.raises(CommandError, match="The provider says SUCCESSFUL"):
            await COMMANDS["orders.settle"](served.kasapay.admin, values)
        values["force"] = "yes"
    await COMMANDS["orders.settle"](served.kasapay.admin, values)
    await served.settle()
    after = await served.order()
    assert after.doubted_ms is None
    assert after.state.value.lower() == said
    assert words in served.results(EFUA)[-1]
    assert any("Adwoa" in row.text for row in await served.store.incidents(9)) or said == "successful"


@pytest.mark.parametrize("final", [False, True])
async def test_an_event_about_a_refund_has_the_refund_asked_about(
    served: Stage, http: httpx.AsyncClient, final: bool
) -> None:
    """It names the payment that is given back; a refund has no reference of its own there."""
    paid = await settled(served, "1002", "approve")
    now_ms = served.clock()
    refund = order_row(
        served.ids.uuid(),
        kind=OrderKind.REFUND,
        account_id=paid.account_id,
        merchant_id=paid.merchant_id,
        person_id=paid.person_id,
        amount_minor=1,
        payer="",
        payee=EFUA,
        parent_id=paid.id,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
    later_ms = now_ms + 3600_000
    sent = MoveOrder(
        refund.id, 0, OrderState.PENDING, Source.US, now_ms, later_ms, fields=OrderFields(sent_ms=now_ms)
    )
    over = MoveOrder(refund.id, 1, OrderState.SUCCESSFUL, Source.POLL, now_ms, None)
    await served.store.commit([CreateOrder(refund, Source.US), sent, *([over] if final else [])])
    body = event(paid, "refund.processed", amount=1)
    path = "/callbacks/startbutton/startbutton-ghs"
    reply = await http.post(path, content=body, headers=signed("startbutton-ghs", body))
    assert reply.status_code == 200
    waiting = {row["order_id"] for row in served.rows("SELECT order_id FROM rechecks")}
    after = await served.store.order(refund.id)
    assert after is not None
    assert (refund.id in waiting) == final
    assert (after.hinted_by is Source.WEBHOOK) == (not final)
