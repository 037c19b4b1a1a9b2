"""The one sender: tokens, breaker, bulkhead, limits. Clock by hand, sockets real."""

import asyncio

import httpx
import msgspec
import pytest

from bot.providers import Account, Misconfigured, NotSent, Secret, Sender, Unknown
from bot.providers.base import Call, Grant, Reply, Request
from bot.providers.momo.adapter import Momo
from bot.providers.momo.settings import ProductKeys
from bot.providers.sender import HELD_BACK
from bot.providers.startbutton.adapter import Startbutton
from bot.providers.tokens import Tokens
from tests.accounts import changed

from .cases import DROP, HOLD, MOMO, PAYER, REFERENCE, STARTBUTTON, Pretend, an_order
from .conftest import Clock, failure
from .tapes import reply, tape

TOKEN_PATH = "/collection/token/"
PAY_PATH = "/collection/v1_0/requesttopay"
STATUS_PATH = f"{PAY_PATH}/{REFERENCE}"
PENDING = tape("momo/pending")


def at(pretend: Pretend, account: Account = MOMO) -> Account:
    return changed(account, base_url=pretend.url)


async def ask(sender: Sender, account: Account, timeout_s: float = 10.0):
    return await sender.send(account, Momo().order_status(account, an_order()), timeout_s)


async def pay(sender: Sender, account: Account, timeout_s: float = 10.0):
    return await sender.send(account, Momo().request_order(account, an_order()), timeout_s)


def grant(text: str, lives_s: object = 3600) -> Reply:
    return reply(200, {"access_token": text, "token_type": "access_token", "expires_in": lives_s})


# Requests


async def test_what_goes_over_the_wire(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    pretend.answer(PAY_PATH, tape("momo/accepted"))
    await pay(sender, at(pretend))
    await ask(sender, at(pretend))
    token, payment, look = pretend.seen
    assert token.path == TOKEN_PATH
    assert token.body == b""
    assert token.headers["authorization"].startswith("Basic ")
    assert token.headers["x-target-environment"] == "mtnghana"
    assert "content-type" not in token.headers
    assert payment.headers["authorization"] == "Bearer made-up-token"
    assert "x-callback-url" not in payment.headers
    assert msgspec.json.decode(payment.body)["amount"] == "12.50"
    assert look.method == "GET"
    assert look.body == b""
    for seen in pretend.seen:
        assert seen.headers["ocp-apim-subscription-key"] == "subscription0123456789abcdef"
        assert seen.headers["user-agent"].startswith("Kasapay/")
        assert "cookie" not in seen.headers


async def test_cookies_are_not_kept(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(STATUS_PATH, msgspec.structs.replace(PENDING, headers={"set-cookie": "seat=1; Path=/"}))
    await ask(sender, at(pretend))
    await ask(sender, at(pretend))
    assert all("cookie" not in seen.headers for seen in pretend.seen)


async def test_redirects_are_not_followed(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(PAY_PATH, reply(307, location="/elsewhere"))
    assert isinstance(await failure(pay(sender, at(pretend))), Unknown)
    assert pretend.asked("/elsewhere") == []


async def test_a_base_url_may_end_with_a_slash_or_a_path(sender: Sender, pretend: Pretend) -> None:
    pretend.answer("/gate" + TOKEN_PATH, grant("t"))
    pretend.answer("/gate" + STATUS_PATH, PENDING)
    await ask(sender, changed(MOMO, base_url=pretend.url + "/gate/"))


@pytest.mark.parametrize(
    "changes",
    [
        {"provider": "paypal"},
        {"target_environment": "mtn\r\nghana"},
        {"target_environment": "mtnghâna"},
        {"base_url": "https://[bad"},
        {"base_url": "ftp://host"},
        {"base_url": ""},
    ],
)
async def test_what_cannot_be_sent_is_our_mistake(sender: Sender, pretend: Pretend, changes: dict) -> None:
    account = changed(at(pretend), **changes)
    error = await failure(pay(sender, account))
    assert isinstance(error, NotSent) or (isinstance(error, Misconfigured) and error.created_nothing)
    assert pretend.seen == []


async def test_a_mistake_in_a_decoder_is_not_a_refusal(sender: Sender, pretend: Pretend) -> None:
    def stumble(_: Reply) -> None:
        raise KeyError(PAYER)

    pretend.answer("/x", reply(200))
    request = Request("POST", "/x", "public")
    account = at(pretend, STARTBUTTON)
    assert isinstance(
        await failure(sender.send(account, Call("x", request, stumble, creates=True), 10.0)), Unknown
    )


async def test_a_form_is_sent_as_one(sender: Sender, pretend: Pretend) -> None:
    pretend.answer("/x", reply(200))
    request = Request("POST", "/x", "collection", form={"a": "1 & 2", "login_hint": "ID:7/MSISDN"})
    await sender.send(at(pretend), Call("x", request, lambda _: None), 10.0)
    (seen,) = pretend.asked("/x")
    assert seen.body == b"a=1+%26+2&login_hint=ID%3A7%2FMSISDN"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_bearer_of_its_own_goes_in_the_tokens_place(sender: Sender, pretend: Pretend) -> None:
    def refuse(answer: Reply) -> None:
        raise Misconfigured("no", http_status=answer.status)

    pretend.answer("/x", reply(401))
    request = Request("GET", "/x", "collection", bearer=Secret("made-up-consent-token"))
    await failure(sender.send(at(pretend), Call("x", request, refuse), 10.0))
    (seen,) = pretend.seen  # nothing was bought, and nothing repeated
    assert seen.headers["authorization"] == "Bearer made-up-consent-token"
    pretend.answer(STATUS_PATH, PENDING)
    await ask(sender, at(pretend))  # others have the product's own
    assert pretend.seen[-1].headers["authorization"] == "Bearer made-up-token"


# Tokens


async def test_a_hundred_callers_buy_one_token(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    await asyncio.gather(*(ask(sender, at(pretend)) for _ in range(100)))
    assert len(pretend.asked(TOKEN_PATH)) == 1
    assert len(pretend.asked(STATUS_PATH)) == 100


async def test_a_hundred_callers_meet_one_failure(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(TOKEN_PATH, tape("momo/login_failed"))
    errors = await asyncio.gather(*(failure(pay(sender, at(pretend))) for _ in range(100)))
    assert len(pretend.asked(TOKEN_PATH)) == 1
    assert all(isinstance(error, Misconfigured) and error.created_nothing for error in errors)
    assert len({id(error) for error in errors}) == 100
    assert pretend.asked(PAY_PATH) == []


async def test_a_hundred_refused_callers_buy_one_new_token(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    pretend.answer(TOKEN_PATH, grant("old"), grant("new"))
    await ask(sender, at(pretend))
    pretend.answer(STATUS_PATH, *[tape("momo/gateway_401")] * 100, PENDING)
    await asyncio.gather(*(ask(sender, at(pretend)) for _ in range(100)))
    assert len(pretend.asked(TOKEN_PATH)) == 2


async def test_a_late_401_for_an_old_token_does_not_cost_the_new_one(clock: Clock) -> None:
    tokens, bought = Tokens(clock), []

    async def buy() -> Grant:
        bought.append(f"token-{len(bought)}")
        return Grant(Secret(bought[-1]), 3600.0)

    old = await tokens.get("key", buy)
    tokens.drop("key", old)
    new = await tokens.get("key", buy)
    tokens.drop("key", old)
    assert await tokens.get("key", buy) == new
    assert len(bought) == 2


async def test_a_token_is_renewed_ten_minutes_early(sender: Sender, pretend: Pretend, clock: Clock) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    pretend.answer(TOKEN_PATH, grant("first"), grant("second"))
    await ask(sender, at(pretend))
    clock.seconds += 2999
    await ask(sender, at(pretend))
    assert len(pretend.asked(TOKEN_PATH)) == 1
    clock.seconds += 1
    pretend.answer(TOKEN_PATH, grant("second"))
    await ask(sender, at(pretend))  # still good: nobody waits for the new one
    async with asyncio.timeout(30):
        while pretend.seen[-1].headers["authorization"] != "Bearer second":
            await ask(sender, at(pretend))
    assert len(pretend.asked(TOKEN_PATH)) == 2


async def test_a_renewal_that_fails_costs_nobody_anything(
    sender: Sender, pretend: Pretend, clock: Clock
) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    await ask(sender, at(pretend))
    clock.seconds += 3000
    pretend.answer(TOKEN_PATH, reply(503))
    async with asyncio.timeout(30):
        while len(pretend.asked(TOKEN_PATH)) < 2:
            await ask(sender, at(pretend))
    for _ in range(20):
        await ask(sender, at(pretend))
    assert len(pretend.asked(TOKEN_PATH)) == 2  # left alone for a while
    clock.seconds += 600  # now the old one has ended
    assert isinstance(await failure(ask(sender, at(pretend))), NotSent)


async def test_a_short_token_is_used_for_half_its_life(
    sender: Sender, pretend: Pretend, clock: Clock
) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    pretend.answer(TOKEN_PATH, grant("short", 60))
    await ask(sender, at(pretend))
    clock.seconds += 29
    await ask(sender, at(pretend))
    assert len(pretend.asked(TOKEN_PATH)) == 1
    clock.seconds += 31
    await ask(sender, at(pretend))
    assert len(pretend.asked(TOKEN_PATH)) == 2


@pytest.mark.parametrize("lives_s", [0, -5])
async def test_a_token_that_is_never_good_is_bought_each_time(
    sender: Sender, pretend: Pretend, lives_s: int
) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    pretend.answer(TOKEN_PATH, grant("gone", lives_s))
    await ask(sender, at(pretend))
    await ask(sender, at(pretend))
    assert len(pretend.asked(TOKEN_PATH)) == 2


async def test_each_account_and_each_set_of_keys_has_its_own_token(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(STATUS_PATH, PENDING)
    await ask(sender, at(pretend))
    await ask(sender, changed(at(pretend), id="momo-2"))
    keys = ProductKeys(subscription_key=Secret("k"), api_user="u", api_key=Secret("s"))
    await ask(sender, changed(at(pretend), credentials={"collection": keys}))
    assert len(pretend.asked(TOKEN_PATH)) == 3


@pytest.mark.parametrize("step", [DROP, reply(500), reply(503), reply(429), reply(200, b"<html>")])
async def test_without_a_token_nothing_leaves(sender: Sender, pretend: Pretend, step) -> None:
    pretend.answer(TOKEN_PATH, step)
    assert isinstance(await failure(pay(sender, at(pretend))), NotSent)
    assert pretend.asked(PAY_PATH) == []


async def test_a_slow_token_outlives_an_impatient_caller(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(TOKEN_PATH, HOLD, grant("t"))
    impatient = asyncio.create_task(ask(sender, at(pretend), 0.05))
    await pretend.holding.acquire()
    assert isinstance(await failure(impatient), NotSent)
    patient = asyncio.create_task(ask(sender, at(pretend)))
    pretend.answer(STATUS_PATH, PENDING)
    pretend.released.set()
    assert isinstance(await failure(patient), NotSent)  # the held purchase ends in a 503
    await ask(sender, at(pretend))
    assert len(pretend.asked(TOKEN_PATH)) == 2


async def test_closing_ends_a_purchase_under_way(clock: Clock, pretend: Pretend) -> None:
    sender = Sender(clock=clock)
    pretend.answer(TOKEN_PATH, HOLD)
    caller = asyncio.create_task(pay(sender, at(pretend)))
    cancelled = asyncio.create_task(pay(sender, at(pretend)))
    await pretend.holding.acquire()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await sender.aclose()
    assert isinstance(await failure(caller), NotSent)
    assert pretend.asked(PAY_PATH) == []


async def test_a_closed_sender_sends_nothing(clock: Clock, pretend: Pretend) -> None:
    sender = Sender(clock=clock)
    pretend.answer(STATUS_PATH, PENDING)
    await ask(sender, at(pretend))
    await sender.aclose()
    assert isinstance(await failure(ask(sender, at(pretend))), NotSent)


async def test_a_call_under_way_while_closing_is_unknown(clock: Clock, pretend: Pretend) -> None:
    sender = Sender(clock=clock)
    pretend.answer(PAY_PATH, HOLD)
    caller = asyncio.create_task(pay(sender, at(pretend)))
    await pretend.holding.acquire()
    await sender.aclose()
    assert isinstance(await failure(caller), Unknown)


class Broken(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise RuntimeError(str(request.url))


async def test_a_transport_that_breaks_in_a_new_way_is_unknown(clock: Clock) -> None:
    sender = Sender(clock=clock, transport=Broken())
    account = changed(STARTBUTTON, base_url="http://localhost")
    call = Startbutton().request_order(account, an_order())
    assert isinstance(await failure(sender.send(account, call, 10.0)), Unknown)
    await sender.aclose()


async def test_the_same_keys_are_not_offered_twice(sender: Sender, pretend: Pretend) -> None:
    account = at(pretend, STARTBUTTON)
    pretend.answer("/wallet", reply(401), reply(200))
    assert isinstance(
        await failure(sender.send(account, Startbutton().balance(account), 10.0)), Misconfigured
    )
    assert len(pretend.asked("/wallet")) == 1


# Breaker


async def test_the_breaker_opens_and_lets_one_probe_a_second_through(pretend: Pretend, clock: Clock) -> None:
    sender = Sender(clock=clock, failures=3)
    heard: list[tuple[str, str]] = []
    sender.on_exchange = lambda provider, account_id, call, outcome, took_s: heard.append((call, outcome))
    pretend.answer(STATUS_PATH, reply(503))
    pretend.answer(PAY_PATH, tape("momo/accepted"))
    account = at(pretend)
    assert not sender.leaves_alone(account.id)
    for _ in range(3):
        assert isinstance(await failure(ask(sender, account)), Unknown)
    assert isinstance(await failure(ask(sender, account)), NotSent)
    assert isinstance(await failure(pay(sender, account)), NotSent)
    assert len(pretend.asked(STATUS_PATH)) == 3
    assert sender.leaves_alone(account.id)
    assert heard == [
        ("token.collection", "ok"),
        *[("order_status", "Unknown")] * 3,
        ("order_status", HELD_BACK),
        ("request_order", HELD_BACK),
    ]

    clock.seconds += 1
    errors = [await failure(ask(sender, account)) for _ in range(3)]
    assert [type(error) for error in errors] == [Unknown, NotSent, NotSent]
    assert errors[1].retry_after_s == 1.0
    assert len(pretend.asked(STATUS_PATH)) == 4

    clock.seconds += 1
    await pay(sender, account)  # the probe succeeds, all is well again
    pretend.answer(STATUS_PATH, PENDING)
    await ask(sender, account)
    await ask(sender, account)
    await sender.aclose()


async def test_one_good_answer_starts_the_count_anew(pretend: Pretend, clock: Clock) -> None:
    sender = Sender(clock=clock, failures=2)
    pretend.answer(STATUS_PATH, reply(503), PENDING, reply(503), PENDING)
    kinds = []
    for _ in range(4):
        try:
            await ask(sender, at(pretend))
            kinds.append(None)
        except Unknown:
            kinds.append(Unknown)
    assert kinds == [Unknown, None, Unknown, None]
    await sender.aclose()


@pytest.mark.parametrize(
    "step",
    [
        tape("momo/wrong_currency"),
        tape("momo/refused"),
        tape("momo/empty_400"),
        tape("momo/html_403"),
        tape("momo/too_many"),
        reply(200, b"<html>"),
    ],
)
async def test_a_provider_that_answers_plainly_is_not_in_trouble(
    pretend: Pretend, clock: Clock, step: Reply
) -> None:
    sender = Sender(clock=clock, failures=1)
    pretend.answer(PAY_PATH, step)
    for _ in range(3):
        await failure(pay(sender, at(pretend)))
    assert len(pretend.asked(PAY_PATH)) == 3
    await sender.aclose()


async def test_our_own_mistakes_do_not_open_the_breaker(pretend: Pretend, clock: Clock) -> None:
    sender = Sender(clock=clock, failures=1)
    pretend.answer(STATUS_PATH, PENDING)
    for _ in range(3):
        await failure(ask(sender, changed(at(pretend), target_environment="\n")))
    await ask(sender, at(pretend))
    await sender.aclose()


async def test_an_unreachable_host_opens_the_breaker(pretend: Pretend, clock: Clock) -> None:
    sender = Sender(clock=clock, failures=2)
    pretend.answer(TOKEN_PATH, DROP)
    for _ in range(5):
        assert isinstance(await failure(pay(sender, at(pretend))), NotSent)
    assert len(pretend.asked(TOKEN_PATH)) == 2
    await sender.aclose()


async def test_one_account_in_trouble_leaves_the_others_alone(pretend: Pretend, clock: Clock) -> None:
    sender = Sender(clock=clock, failures=1)
    pretend.answer(TOKEN_PATH, reply(500), grant("t"))
    pretend.answer(STATUS_PATH, PENDING)
    await failure(ask(sender, at(pretend)))
    await failure(ask(sender, at(pretend)))
    await ask(sender, changed(at(pretend), id="momo-2"))
    await sender.aclose()


# Bulkhead


async def test_a_full_account_refuses_and_the_others_go_on(pretend: Pretend, clock: Clock) -> None:
    sender = Sender(clock=clock, limit=5)
    account, other = at(pretend), at(pretend, STARTBUTTON)
    pretend.answer("/wallet", tape("startbutton/wallets"))
    pretend.answer(PAY_PATH, HOLD)
    slow = [asyncio.create_task(failure(pay(sender, account))) for _ in range(5)]
    for _ in slow:
        await pretend.holding.acquire()
    assert isinstance(await failure(pay(sender, account)), NotSent)
    assert isinstance(await failure(ask(sender, account)), NotSent)
    assert await sender.send(other, Startbutton().balance(other), 10.0)
    pretend.released.set()
    assert all(isinstance(error, Unknown) for error in await asyncio.gather(*slow))
    pretend.answer(STATUS_PATH, PENDING)
    await ask(sender, account)  # there is room again
    await sender.aclose()


async def test_many_slow_calls_are_under_way_at_once(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(PAY_PATH, HOLD)
    slow = [asyncio.create_task(failure(pay(sender, at(pretend), 60.0))) for _ in range(200)]
    async with asyncio.timeout(30):
        for _ in slow:
            await pretend.holding.acquire()
    pretend.released.set()
    assert {type(error) for error in await asyncio.gather(*slow)} == {Unknown}


# Logs


@pytest.mark.parametrize(
    ("step", "outcome", "level"),
    [
        (tape("momo/accepted"), "ok", "info"),
        (tape("momo/refused"), "Declined", "info"),
        (tape("momo/duplicate"), "AlreadyAccepted", "info"),
        (tape("momo/internal_error"), "Unknown", "warning"),
        (tape("momo/wrong_currency"), "Misconfigured", "error"),
        (DROP, "Unknown", "warning"),
    ],
)
async def test_every_outcome_is_logged(
    sender: Sender, pretend: Pretend, log, step, outcome: str, level: str
) -> None:
    pretend.answer(PAY_PATH, step)
    if outcome == "ok":
        await pay(sender, at(pretend))
    else:
        await failure(pay(sender, at(pretend)))
    token, payment = [line for line in log if line["event"] == "provider_call"]
    assert (token["call"], token["outcome"]) == ("token.collection", "ok")
    assert (payment["call"], payment["outcome"], payment["log_level"]) == ("request_order", outcome, level)
    assert payment["http_status"] == (None if step == DROP else step.status)


async def test_a_number_in_a_providers_own_words_is_masked(sender: Sender, pretend: Pretend) -> None:
    pretend.answer(PAY_PATH, reply(500, {"code": f"payer {PAYER} unknown", "message": PAYER}))
    error = await failure(pay(sender, at(pretend)))
    assert error.provider_code == "PAYER_+***_UNKNOWN"
