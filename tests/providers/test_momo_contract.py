"""Every kind of order MoMo makes, through the one sender and over a real socket."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bot.money import OrderKind, OrderState, Reason
from bot.providers import (
    AlreadyAccepted,
    Declined,
    Malformed,
    Misconfigured,
    NextStep,
    Resend,
    Sender,
    Unknown,
)
from bot.providers.momo.adapter import Momo
from bot.providers.momo.words import COUNTRIES, ENVIRONMENTS
from tests.accounts import changed, credentials

from .cases import DROP, MOMO, REFERENCE, Pretend
from .conftest import failure
from .momo_cases import BOTH, CANCELS, EVERY, KINDS, KindCase
from .tapes import reply, tape

ADAPTER = Momo()
SHAPES = ["text", "object", "null", "bare"]


def of_kind(cases: tuple[KindCase, ...]) -> Callable[..., Any]:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.kind.value)


def answer(pretend: Pretend, path: str, *steps: Any) -> None:
    pretend.answer("/disbursement/token/", tape("momo/token"))
    pretend.answer(path, *steps)


async def create(case: KindCase, sender: Sender, pretend: Pretend):
    account = changed(BOTH, base_url=pretend.url)
    return await sender.send(account, ADAPTER.request_order(account, case.order), 10.0)


async def ask(case: KindCase, sender: Sender, pretend: Pretend):
    account = changed(BOTH, base_url=pretend.url)
    return await sender.send(account, ADAPTER.order_status(account, case.order), 10.0)


def test_every_kind_is_here() -> None:
    assert {case.kind for case in EVERY} == set(OrderKind)
    assert ADAPTER.kinds(BOTH) == set(OrderKind)


@of_kind(EVERY)
async def test_it_is_made_under_our_reference(case: KindCase, sender: Sender, pretend: Pretend) -> None:
    answer(pretend, case.path, reply(202))
    receipt = await create(case, sender, pretend)
    assert (receipt.next_step, receipt.provider_reference) == (NextStep.APPROVE, "")
    (seen,) = pretend.asked(case.path)
    assert seen.method == case.method
    assert (msgspec.json.decode(seen.body) if seen.body else None) == case.body
    assert seen.headers.get("x-reference-id") == (REFERENCE if case.has_reference else None)
    assert seen.headers["x-target-environment"] == "mtnghana"
    assert seen.headers["user-agent"].startswith("Kasapay/")
    keys = credentials(BOTH)[case.product]
    assert seen.headers["ocp-apim-subscription-key"] == keys.subscription_key.reveal()
    assert [s.path for s in pretend.seen] == [f"/{case.product}/token/", case.path]


@of_kind(EVERY)
def test_a_callback_url_goes_with_what_the_reference_says(case: KindCase) -> None:
    url = "https://pay.example/callbacks/momo/abc"
    order = msgspec.structs.replace(case.order, callback_url=url)
    sent = ADAPTER.request_order(BOTH, order).request.headers
    assert sent.get("X-Callback-Url") == (url if case.has_reference else None)
    assert "X-Callback-Url" not in ADAPTER.request_order(BOTH, case.order).request.headers


@of_kind(EVERY)
@pytest.mark.parametrize("shows", ["successful", "pending"])
async def test_its_status(case: KindCase, sender: Sender, pretend: Pretend, shows: str) -> None:
    answer(pretend, case.status_path, tape(f"momo/{getattr(case, shows)}"))
    report = await ask(case, sender, pretend)
    assert report.state is OrderState[shows.upper()]
    assert (report.amount, report.party, report.reason) == (case.amount, case.party, None)
    assert report.provider_reference == ""  # there is none: ours is the only one
    (seen,) = pretend.asked(case.status_path)
    assert (seen.method, seen.body) == ("GET", b"")


@of_kind(KINDS)
@pytest.mark.parametrize("shape", SHAPES)
async def test_it_fails_whatever_the_shape_of_its_reason(
    case: KindCase, sender: Sender, pretend: Pretend, shape: str
) -> None:
    answer(pretend, case.status_path, tape(f"momo/{case.failed}_{shape}"))
    report = await ask(case, sender, pretend)
    assert report.state is OrderState.FAILED
    if shape == "text":
        assert (report.reason, report.provider_code) == (case.reason, case.code)
    elif shape == "object":
        assert report.reason is not Reason.OTHER
    else:
        assert (report.reason, report.provider_code) == (Reason.OTHER, "FAILED")


@of_kind(KINDS)
async def test_numbers_stand_for_texts(case: KindCase, sender: Sender, pretend: Pretend) -> None:
    answer(pretend, case.status_path, tape(f"momo/{case.numbers}"))
    report = await ask(case, sender, pretend)
    assert report.state is OrderState.SUCCESSFUL
    assert (report.amount, report.party) == (case.amount, case.party)
    assert report.financial_id.isdigit() or case.kind is OrderKind.PREAPPROVAL


@of_kind(tuple(case for case in EVERY if case.unknown))
async def test_an_unknown_word_says_nothing(case: KindCase, sender: Sender, pretend: Pretend) -> None:
    answer(pretend, case.status_path, tape(f"momo/{case.unknown}"))
    report = await ask(case, sender, pretend)
    assert (report.state, report.provider_code) == (None, "TELEPORTED")


@of_kind(tuple(case for case in EVERY if case.kind is not OrderKind.INVOICE_CANCEL))
async def test_not_found_is_a_report(case: KindCase, sender: Sender, pretend: Pretend) -> None:
    answer(pretend, case.status_path, tape("momo/not_found"))
    report = await ask(case, sender, pretend)
    assert (report.not_found, report.state) == (True, None)


@of_kind(KINDS)
async def test_a_refusal_tells_why(case: KindCase, sender: Sender, pretend: Pretend) -> None:
    answer(pretend, case.path, reply(500, {"code": "PAYEE_NOT_FOUND", "message": "made"}))
    error = await failure(create(case, sender, pretend))
    assert isinstance(error, Declined)
    assert error.reason is Reason.PAYEE_NOT_FOUND


@of_kind(EVERY)
@pytest.mark.parametrize(
    ("step", "error"),
    [
        (DROP, Unknown),
        (reply(200, b"<html>"), Unknown),
        (reply(503), Unknown),
        (reply(429), Unknown),
        (reply(409), Unknown),
        (tape("momo/internal_error"), Unknown),
        (tape("momo/duplicate"), AlreadyAccepted),
        (tape("momo/empty_400"), Declined),
        (tape("momo/html_403"), Misconfigured),
        (tape("momo/gateway_404"), Misconfigured),
        (tape("momo/wrong_currency"), Misconfigured),
    ],
    ids=str,
)
async def test_how_a_creation_goes_wrong(
    case: KindCase, sender: Sender, pretend: Pretend, step: Any, error: type
) -> None:
    if case in CANCELS and step != DROP and step.status in (200, 409):
        # 200 is listed for cancellations, with any body; what does not stand cannot be cancelled.
        error = type(None) if step.status == 200 else AlreadyAccepted
    answer(pretend, case.path, step)
    found = None if error is type(None) else await failure(create(case, sender, pretend))
    assert type(found) is error
    assert getattr(found, "created_nothing", True)
    assert len(pretend.asked(case.path)) == (0 if found is None else 1)


@of_kind(EVERY)
async def test_a_status_that_is_lost_or_unreadable(case: KindCase, sender: Sender, pretend: Pretend) -> None:
    answer(pretend, case.status_path, DROP, reply(200, b"<html>"), reply(200, b"7"), reply(503))
    kinds = [type(await failure(ask(case, sender, pretend))) for _ in range(4)]
    assert kinds == [Unknown, Malformed, Malformed, Unknown]


@of_kind(EVERY)
async def test_one_401_costs_a_token_and_no_second_order(
    case: KindCase, sender: Sender, pretend: Pretend
) -> None:
    answer(pretend, case.path, tape("momo/gateway_401"), reply(202))
    await create(case, sender, pretend)
    first, second = pretend.asked(case.path)
    assert (first.body, first.headers.get("x-reference-id")) == (
        second.body,
        second.headers.get("x-reference-id"),
    )
    assert len(pretend.asked(f"/{case.product}/token/")) == 2


@of_kind(EVERY)
def test_it_may_be_sent_again_under_its_reference(case: KindCase) -> None:
    call = ADAPTER.request_order(BOTH, case.order)
    assert call.creates
    assert call.resend is Resend.SAME_REFERENCE
    assert not ADAPTER.order_status(BOTH, case.order).creates


@of_kind(EVERY)
def test_it_does_not_print_what_it_carries(case: KindCase) -> None:
    said = repr(ADAPTER.request_order(BOTH, case.order).request)
    assert "2402" not in said
    assert "2400" not in said


@of_kind(EVERY)
def test_without_its_credentials_it_is_refused_before_it_leaves(case: KindCase) -> None:
    held = {name: keys for name, keys in credentials(BOTH).items() if name != case.product}
    account = changed(BOTH, credentials=held)
    assert case.kind not in ADAPTER.kinds(account)
    with pytest.raises(Misconfigured) as caught:
        ADAPTER.request_order(account, case.order)
    assert caught.value.created_nothing


def test_kinds_follow_credentials_and_settings() -> None:
    collection = {case.kind for case in EVERY if case.product == "collection"}
    assert ADAPTER.kinds(MOMO) == collection - {OrderKind.BILL}
    assert ADAPTER.kinds(changed(MOMO, bills={"Water": "sp"})) == collection
    assert ADAPTER.kinds(changed(BOTH, credentials={})) == frozenset()
    half = credentials(BOTH)["disbursement"].model_copy(update={"api_user": ""})
    partly = changed(BOTH, credentials={**credentials(MOMO), "disbursement": half})
    assert ADAPTER.kinds(partly) == collection


@pytest.mark.parametrize(
    ("environment", "takes", "refuses"),
    [
        ("mtnghana", ("+233240000001", "+46733123450"), ("+254700000001", "+46701234567")),
        ("mtnbenin", ("+22997000000",), ("+2250707070707",)),
        ("sandbox", ("+254700000001",), ()),
    ],
)
def test_numbers_are_those_of_the_environments_country(
    environment: str, takes: tuple[str, ...], refuses: tuple[str, ...]
) -> None:
    rule = ADAPTER.numbers(changed(MOMO, target_environment=environment))
    assert all(rule.takes(number) for number in takes)
    assert not any(rule.takes(number) for number in refuses)


def test_every_environment_has_its_country() -> None:
    assert COUNTRIES.keys() == ENVIRONMENTS.keys() - {"sandbox"}
