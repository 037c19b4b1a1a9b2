"""What the shell relies on, whichever the provider: every test runs on all of them, over a real socket."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bot.money import COMES_IN, Money, OrderKind, OrderState
from bot.providers import (
    AlreadyAccepted,
    Call,
    Declined,
    Malformed,
    Misconfigured,
    NextStep,
    NotSent,
    Resend,
    Sender,
    Unknown,
    base,
)
from bot.providers.base import HintCallback, KeepsAgreements, SignedCallback, able

from .cases import DROP, HOLD, STATES, Case, Pretend, Seen
from .conftest import failure
from .tapes import reply

HTML = reply(200, b"<html><body>Welcome</body></html>", content_type="text/html")


async def create(case: Case, sender: Sender, url: str, timeout_s: float = 10.0):
    account = case.at(url)
    return await sender.send(account, case.adapter.request_order(account, case.order), timeout_s)


async def ask(case: Case, sender: Sender, url: str, timeout_s: float = 10.0):
    account = case.at(url)
    return await sender.send(account, case.adapter.order_status(account, case.order), timeout_s)


def creations(case: Case, pretend: Pretend) -> list[Seen]:
    return pretend.asked(case.creation_path)


def test_what_it_can_be_asked_is_inside_what_it_declares(case: Case) -> None:
    """Conversations refuse the rest where it is typed."""
    rule, numbers = case.adapter.amounts(case.account, case.order.kind), case.adapter.numbers(case.account)
    minor = case.order.amount.amount_minor
    assert rule.least_minor <= minor <= (minor if rule.most_minor is None else rule.most_minor)
    assert minor % rule.step_minor == 0
    assert numbers.takes(case.order.payer or case.order.payee or "+467331234")


async def test_a_payment_is_requested_under_our_reference(
    case: Case, sender: Sender, pretend: Pretend
) -> None:
    pretend.answer(case.creation_path, case.tape("accepted"))
    receipt = await create(case, sender, pretend.url)
    assert receipt.next_step is NextStep.APPROVE
    (seen,) = creations(case, pretend)
    assert seen.method == "POST"
    assert case.reference_sent(seen) == case.reference_wanted
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"].startswith("Kasapay/")


@pytest.mark.parametrize("name", STATES)
async def test_a_status_is_read(case: Case, sender: Sender, pretend: Pretend, name: str) -> None:
    pretend.answer(case.status_path, case.tape(name))
    report = await ask(case, sender, pretend.url)
    assert report.state is STATES[name]
    assert report.amount == case.order.amount
    assert report.party in (case.order.payer, None)
    assert not report.not_found


async def test_a_failed_payment_tells_why(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.status_path, case.tape(case.failed_tape))
    report = await ask(case, sender, pretend.url)
    assert (report.state, report.reason) == (OrderState.FAILED, case.failed_reason)
    assert report.provider_code


async def test_an_unknown_status_word_says_nothing(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.status_path, case.tape("unknown_status"))
    report = await ask(case, sender, pretend.url)
    assert report.state is None
    assert report.provider_code == "TELEPORTED"


async def test_not_found_is_a_report_not_an_error(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.status_path, case.tape("not_found"))
    report = await ask(case, sender, pretend.url)
    assert report.not_found
    assert report.state is None


@pytest.mark.parametrize(
    ("name", "echo"),
    [("other_amount", Money(125, "GHS")), ("other_currency", None)],
)
async def test_a_different_echo_can_be_seen(
    case: Case, sender: Sender, pretend: Pretend, name: str, echo: Money | None
) -> None:
    pretend.answer(case.status_path, case.tape(name))
    report = await ask(case, sender, pretend.url)
    assert report.state is OrderState.SUCCESSFUL
    assert report.amount is not None
    assert report.amount != case.order.amount
    assert echo is None or report.amount == echo


async def test_a_refusal_tells_why(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.creation_path, case.tape("refused"))
    error = await failure(create(case, sender, pretend.url))
    assert isinstance(error, Declined)
    assert error.reason is case.refused_reason


async def test_a_used_reference_was_accepted_before(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.creation_path, case.tape("duplicate"))
    assert isinstance(await failure(create(case, sender, pretend.url)), AlreadyAccepted)


async def test_a_lost_reply_leaves_the_outcome_unknown(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.creation_path, DROP)
    assert isinstance(await failure(create(case, sender, pretend.url)), Unknown)
    assert len(creations(case, pretend)) == 1


async def test_a_lost_reply_to_a_look_is_unknown(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.status_path, DROP)
    assert isinstance(await failure(ask(case, sender, pretend.url)), Unknown)


async def test_a_refused_connection_was_not_sent(case: Case, sender: Sender) -> None:
    with socket.socket() as taken:
        # Bound but not listening: nobody else gets the port, and nobody answers on it.
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert isinstance(await failure(create(case, sender, url)), NotSent)
        assert isinstance(await failure(ask(case, sender, url)), NotSent)


async def test_silence_is_unknown_when_the_time_is_up(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.status_path, case.tape("pending"))
    await ask(case, sender, pretend.url)  # a connection is open and a token bought
    pretend.answer(case.creation_path, HOLD)
    assert isinstance(await failure(create(case, sender, pretend.url, 0.2)), Unknown)
    assert len(creations(case, pretend)) == 1


@pytest.mark.parametrize("odd", [HTML, reply(200), reply(200, b"[1]"), reply(302), reply(200, b"[" * 60000)])
async def test_an_unreadable_reply(case: Case, sender: Sender, pretend: Pretend, odd) -> None:
    pretend.answer(case.creation_path, odd)
    pretend.answer(case.status_path, odd)
    assert isinstance(await failure(create(case, sender, pretend.url)), Unknown)
    assert isinstance(await failure(ask(case, sender, pretend.url)), Malformed)


async def test_a_reply_longer_than_the_limit_is_unreadable(
    case: Case, sender: Sender, pretend: Pretend
) -> None:
    for path, name in ((case.creation_path, "accepted"), (case.status_path, "pending")):
        readable = case.tape(name)
        long = msgspec.structs.replace(readable, content=readable.content + b" " * 70_000)
        pretend.answer(path, long)
    assert isinstance(await failure(create(case, sender, pretend.url)), Unknown)
    assert isinstance(await failure(ask(case, sender, pretend.url)), Malformed)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_leaves_the_outcome_unknown(
    case: Case, sender: Sender, pretend: Pretend, status: int
) -> None:
    pretend.answer(case.creation_path, reply(status, b"<html>"))
    pretend.answer(case.status_path, reply(status, b"<html>"))
    assert isinstance(await failure(create(case, sender, pretend.url)), Unknown)
    assert isinstance(await failure(ask(case, sender, pretend.url)), Unknown)


async def test_too_many_calls_tell_how_long_to_pause(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.creation_path, case.tape("too_many"))
    pretend.answer(case.status_path, case.tape("too_many"))
    for error in (
        await failure(create(case, sender, pretend.url)),
        await failure(ask(case, sender, pretend.url)),
    ):
        assert isinstance(error, Unknown)
        assert error.retry_after_s == 7.0


async def test_one_401_is_answered_with_a_new_token_and_the_same_reference(
    case: Case, sender: Sender, pretend: Pretend
) -> None:
    pretend.answer(case.creation_path, case.tape("gateway_401"), case.tape("accepted"))
    if not case.buys_tokens:
        error = await failure(create(case, sender, pretend.url))
        assert isinstance(error, Misconfigured)
        assert len(creations(case, pretend)) == 1  # the same key would be refused again
        return
    await create(case, sender, pretend.url)
    assert [case.reference_sent(seen) for seen in creations(case, pretend)] == [case.reference_wanted] * 2
    assert len(pretend.asked("/collection/token/")) == 2


async def test_a_second_401_is_our_fault(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.creation_path, case.tape("gateway_401"))
    pretend.answer(case.status_path, case.tape("gateway_401"))
    error = await failure(create(case, sender, pretend.url))
    assert isinstance(error, Misconfigured)
    assert error.created_nothing
    assert len(creations(case, pretend)) == (2 if case.buys_tokens else 1)
    looked = await failure(ask(case, sender, pretend.url))
    assert isinstance(looked, Misconfigured)
    assert not looked.created_nothing  # says nothing about an order that exists


@pytest.mark.parametrize("status", [401, 403])
async def test_html_from_a_gateway_is_understood(
    case: Case, sender: Sender, pretend: Pretend, status: int
) -> None:
    pretend.answer(case.creation_path, reply(status, b"<html>Forbidden</html>", content_type="text/html"))
    error = await failure(create(case, sender, pretend.url))
    assert isinstance(error, Misconfigured)
    assert error.created_nothing


async def test_one_line_is_logged_for_a_call(case: Case, sender: Sender, pretend: Pretend, log) -> None:
    pretend.answer(case.status_path, case.tape("pending"))
    await ask(case, sender, pretend.url)
    (line,) = [line for line in log if line["event"] == "provider_call" and line["call"] == "order_status"]
    assert line["account"] == case.account.id
    assert line["provider"] == case.name
    assert (line["http_status"], line["outcome"], line["log_level"]) == (200, "ok", "info")
    assert line["took_ms"] == 0


async def test_a_call_may_be_cancelled(case: Case, sender: Sender, pretend: Pretend) -> None:
    pretend.answer(case.creation_path, HOLD)
    task = asyncio.create_task(create(case, sender, pretend.url))
    await pretend.holding.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pretend.answer(case.status_path, case.tape("pending"))
    await ask(case, sender, pretend.url)


CAPABILITIES = [found for found in vars(base).values() if getattr(found, "_is_runtime_protocol", False)]


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda capability: capability.__name__)
def test_a_capability_is_there_whole_or_not_at_all(case: Case, capability: type) -> None:
    """A method that stands there is one that works: none is there only to refuse."""
    methods = [name for name in vars(capability) if not name.startswith("_")]
    there = {hasattr(case.adapter, name) for name in methods}
    assert methods
    assert there == {able(case.adapter, capability) is not None}


def test_what_an_adapter_can_do_builds_a_call(case: Case) -> None:
    adapter, account, order = case.adapter, case.account, case.order
    tries: dict[str, Callable[[], Any]] = {
        "submit_otp": lambda: adapter.submit_otp(account, order, "123456"),
        "check_holder": lambda: adapter.check_holder(account, order.payer),
        "holder_name": lambda: adapter.holder_name(account, order.payer),
        "balance": lambda: adapter.balance(account),
        "list_payments": lambda: adapter.list_payments(account, "2026-11-20", "2026-11-21", 0),
        "notify_payer": lambda: adapter.notify_payer(account, order, "Thank you"),
        "ask_consent": lambda: adapter.ask_consent(account, order.payer),
        "banks": lambda: adapter.banks(account),
    }
    for build in (build for name, build in tries.items() if hasattr(adapter, name)):
        assert isinstance(build(), Call)


def test_the_status_of_a_payment_tells_its_amount(case: Case) -> None:
    """What moves money without naming its amount is believed by its reference alone: no payment is."""
    assert not case.adapter.tells_no_amount & COMES_IN


def test_callbacks_come_to_a_path_of_the_providers_own(case: Case) -> None:
    callback = case.adapter.callback
    if callback is None:
        return
    named = "{token}" if isinstance(callback, HintCallback) else "{account}"
    assert callback.path == f"/callbacks/{case.name}/{named}"
    assert set(callback.methods) <= {"POST", "PUT"}
    if isinstance(callback, SignedCallback):
        assert callback.read(case.account, {}, b"{}") is None


@pytest.mark.parametrize("kind", list(OrderKind))
def test_only_the_kinds_of_an_account_are_made(case: Case, kind: OrderKind) -> None:
    adapter, account = case.adapter, case.account
    assert OrderKind.COLLECTION in adapter.kinds(account)
    if kind not in adapter.kinds(account):
        with pytest.raises(Misconfigured) as caught:
            adapter.request_order(account, msgspec.structs.replace(case.order, kind=kind))
        assert caught.value.created_nothing


@pytest.mark.parametrize("kind", [OrderKind.COLLECTION, OrderKind.TRANSFER, OrderKind.BILL])
def test_what_makes_no_agreement_is_not_asked_about_as_one(case: Case, kind: OrderKind) -> None:
    keeps = able(case.adapter, KeepsAgreements)
    if keeps is not None:
        with pytest.raises(Misconfigured):
            keeps.agreement_status(case.account, msgspec.structs.replace(case.order, kind=kind))


def test_a_creation_says_whether_it_may_be_sent_again(case: Case) -> None:
    call = case.adapter.request_order(case.account, case.order)
    assert call.creates
    assert call.resend is (Resend.SAME_REFERENCE if case.name == "momo" else Resend.NEVER)
    assert not case.adapter.order_status(case.account, case.order).creates


def test_the_schedule_only_goes_forward(case: Case) -> None:
    schedule = case.adapter.schedule_s
    assert list(schedule) == sorted(set(schedule))
    assert schedule[0] >= 3
    assert schedule[-1] == (3600 if case.name == "momo" else 4500)
    assert 0 < case.adapter.not_found_grace_s < schedule[-1]


def test_an_order_in_another_currency_is_refused_before_it_leaves(case: Case) -> None:
    for amount in (Money(1250, "KES"), Money(0, "GHS"), Money(-5, "GHS")):
        with pytest.raises(Misconfigured) as caught:
            case.adapter.request_order(case.account, msgspec.structs.replace(case.order, amount=amount))
        assert caught.value.created_nothing


def test_a_request_does_not_print_what_it_carries(case: Case) -> None:
    call = case.adapter.request_order(case.account, case.order)
    assert case.order.payer[1:] not in repr(call.request)
    assert "240000001" not in repr(call.request)
    assert "made_up" not in repr(case.account)
    assert "fedcba" not in repr(case.account)


def test_the_account_of_the_case_has_no_problem(case: Case) -> None:
    assert case.adapter.problems(case.account) == []
