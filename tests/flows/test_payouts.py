"""Sending the merchant's money out: to a wallet or to a bank account."""

from typing import Any

import msgspec
import pytest

from bot.dialog import Number, Text
from bot.dialog import views as v
from bot.money import Money, OrderKind, OrderState
from flows import business_effects as b
from flows import effects as e
from tests.flows.at_work import GHS_50, IN_CHAT, OTHER, PIN, ROLE, acts, order, own_keys, work

BANKS = (v.BankView("058", "GT Bank"), v.BankView("044", "Access Bank"))
MANY = tuple(v.BankView(f"{n:03}", f"Rural Bank {n}") for n in range(40))


def sent(state: OrderState = OrderState.NEW, **given: Any) -> v.OrderView:
    return order(state, **({"kind": OrderKind.TRANSFER, "payee": OTHER} | given))


def test_money_goes_to_a_wallet_for_the_pin() -> None:
    holder = v.Holder(checked=True, name="Kofi M.")
    played = work("pay_out", ["0240000002", "50", PIN], CheckNumber=holder, PayOut=sent())
    assert own_keys(played) == ["number", "amount", "agreed"]
    assert played.asked[-1].text.values["what"] == Text(
        "pay_out.confirm_named",
        {
            "payee": Number(OTHER, masked=False),
            "name": "Kofi M.",
            "amount": GHS_50,
            "merchant": "Ama's Kitchen",
        },
    )
    assert played.effects[1:] == [
        b.Banks("s1"),
        e.CheckNumber(OTHER),
        b.CheckPin("s1"),
        b.PayOut("s1", GHS_50, payee=OTHER),
    ]
    assert played.screen.text == "sent.transfer"
    assert played.screen.values["payee"] == Number(OTHER, masked=False)


def test_cash_taken_goes_into_a_wallet_for_the_pin() -> None:
    holder = v.Holder(checked=True, name="Kofi M.")
    put = sent(kind=OrderKind.DEPOSIT)
    played = work("deposit", ["0240000002", "50", PIN], CheckNumber=holder, PayOut=put)
    assert own_keys(played) == ["number", "amount", "agreed"]
    assert played.texts[2:5] == ["pay_out.number", "deposit.amount", "staff.sign"]
    assert acts(played) == [b.PayOut("s1", GHS_50, payee=OTHER, deposit=True)]
    assert played.screen.text == "sent.deposit"
    assert not acts(work("deposit", ["0240000002", "50", "2"], IN_CHAT))


def test_a_look_up_that_fails_stops_nobody() -> None:
    played = work("pay_out", ["0240000002", "50"], IN_CHAT, CheckNumber=v.Holder(checked=False))
    assert played.question.text.id == "pay_out.confirm"


@pytest.mark.parametrize(
    ("holder", "text"),
    [
        (v.Holder(checked=True, known=False), "pay.payer_unknown"),
        (v.Holder(checked=True, active=False), "pay.payer_inactive"),
    ],
)
def test_a_number_that_cannot_get_money_is_asked_for_again(holder: v.Holder, text: str) -> None:
    played = work("pay_out", ["0240000003", "0240000002"], IN_CHAT, CheckNumber=[holder, v.Holder(True)])
    assert played.texts[2:] == ["pay_out.number", "pay_out.number", "pay_out.amount"]
    shown = {"number": Number("+233240000003", masked=False)}
    assert played.notices[2:] == [None, Text(text, shown), None]


def test_a_network_is_chosen_where_there_are_several() -> None:
    role = msgspec.structs.replace(IN_CHAT, networks=("MTN", "VOD"))
    played = work("pay_out", ["0240000002", "2", "50", "1"], role, PayOut=sent())
    assert played.texts[3] == "pay.network"
    assert acts(played) == [b.PayOut("s1", GHS_50, payee=OTHER, network="VOD")]


def test_money_goes_to_a_bank_account() -> None:
    answers = ["2", "2", "0123 456 789", "50", PIN]
    played = work("pay_out", answers, Banks=BANKS, PayOut=sent(payer="", payee="0123456789"))
    assert own_keys(played) == ["to", "bank", "account", "amount", "agreed"]
    assert [c.label for c in played.asked[3].choices] == [
        Text("pay_out.bank_one", {"name": bank.name}) for bank in BANKS
    ]
    what = played.asked[-1].text.values["what"]
    assert isinstance(what, Text)
    assert what.values["bank"] == "Access Bank"
    assert acts(played) == [b.PayOut("s1", GHS_50, bank_code="044", account_number="0123456789")]
    assert played.screen.values["payee"] == Text("party.bank_account")


def test_a_wallet_is_still_possible_beside_banks() -> None:
    played = work("pay_out", ["1", "0240000002"], IN_CHAT, Banks=BANKS)
    assert played.question.key == "business/pay_out/amount"


def test_many_banks_are_narrowed_by_name_first() -> None:
    asked = work("pay_out", ["2"], IN_CHAT, Banks=MANY).question
    assert asked.parse("zenith").text == Text("pay_out.unknown_bank")
    played = work("pay_out", ["2", "bank 3"], IN_CHAT, Banks=MANY)
    assert played.texts[3:] == ["pay_out.bank_name", "pay_out.bank"]
    assert played.options()[0] == "003"
    assert len(played.options()) == 11
    broad = work("pay_out", ["2", "bank"], IN_CHAT, Banks=MANY)
    assert len(broad.options()) == 18


@pytest.mark.parametrize("typed", ["1234", "248163", "1" * 21, "GH12345678"])
def test_an_account_number_is_digits(typed: str) -> None:
    question = work("pay_out", ["2", "1"], IN_CHAT, Banks=BANKS).question
    assert question.parse(typed).text == Text("pay_out.account_not_valid")


def test_no_ends_it_and_nothing_is_sent() -> None:
    played = work("pay_out", ["0240000002", "50", "2"], IN_CHAT)
    assert played.screen.text == "business.cancelled"
    assert acts(played) == []


def test_a_wrong_pin_sends_nothing() -> None:
    played = work("pay_out", ["0240000002", "50", "0000"], CheckPin=v.PinAnswer(refused="locked"))
    assert played.screen.text == "refused.locked"
    assert acts(played) == []


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (sent(waits=True, id=""), "sent.waits"),
        (sent(OrderState.SUCCESSFUL), "result.transfer.successful"),
        (sent(OrderState.FAILED, id="", refused="off"), "refused.off"),
        (sent(OrderState.FAILED, id="", refused="limit", most=Money(1, "GHS")), "refused.limit"),
        (sent(kind=OrderKind.DEPOSIT), "sent.deposit"),
    ],
)
def test_the_last_screen_says_where_the_money_is(view: v.OrderView, text: str) -> None:
    played = work("pay_out", ["0240000002", "50", "1"], IN_CHAT, PayOut=view)
    assert played.screen.text == text
    assert played.screen.order_id == (view.id or None)


def test_the_amount_is_in_the_merchants_currency() -> None:
    role = msgspec.structs.replace(ROLE, currency="UGX", region="UG", pin=False)
    question = work("pay_out", ["0772123456"], role).question
    assert question.parse("5000") == Money(5000, "UGX")
