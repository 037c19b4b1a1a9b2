"""Every question and every last screen the conversations have, with values as long as they come."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bot.money import Money, OrderState, Reason
from flows import effects as e
from tests.flows.driving import TELEGRAM, USSD, WEB, Played, World, play

# Twenty-five characters, eight figures, a number shown abroad, and a name as `shorten_name` leaves it.
MERCHANT = "Restaurant Chez Maman Ana"
AMOUNT = Money(100_000_000, "XOF")
PAYER = "+2250707070707"
NAME = "Marie-Antoinette K."
CODE = "K7QX2A9M"
REGION = "CI"
# Where numbers are written without a country: not the payer's.
HOME = "GH"
LONG_USSD = msgspec.structs.replace(USSD, region=REGION, short_code="*920*1234#", msisdn=PAYER)
LONG_WEB = msgspec.structs.replace(WEB, region=REGION, short_code="*920*1234#")
LONG_TELEGRAM = msgspec.structs.replace(TELEGRAM, region=REGION, short_code="*920*1234#")
STAFF = msgspec.structs.replace(LONG_USSD, staff=True)

CARD = e.MerchantCard(
    id="m1",
    code="1001",
    name=MERCHANT,
    currency="XOF",
    region=REGION,
    networks=("MTN", "VOD", "ATL", "mpesa", "orange", "moov", "wave"),
    checks_holder=True,
)
ROLE = e.Role(staff_id="s1", merchant=MERCHANT, role="owner", pin=True)


def order(state: OrderState = OrderState.NEW, **given: Any) -> e.OrderView:
    values: dict[str, Any] = {
        "id": "o1",
        "code": CODE,
        "amount": AMOUNT,
        "merchant": MERCHANT,
        "payer": PAYER,
    }
    return e.OrderView(state=state, **({"tries_left": 3} | values | given))


WORLD: World = {
    e.RecentMerchants: (),
    e.FindMerchant: CARD,
    e.FindTwin: "",
    e.CheckHolder: e.Holder(checked=True, name=NAME),
    e.RequestPayment: order(),
}
PAY = ["1", "1001", "100000000", PAYER, "1", "1"]


def every_conversation() -> Iterator[Played]:
    """Plays them all. Each stands for the screens on its way and for its last one."""
    yield from _paying()
    yield from _looking()
    yield from _settling_in()


def _paying() -> Iterator[Played]:
    def asked(answers: list[str], facts: Any = LONG_USSD, flow: str = "main", **given: Any) -> Played:
        world = {**WORLD, **{getattr(e, name): value for name, value in given.items()}}
        return play(answers, world, facts=facts, flow=flow)

    yield asked(["1"], RecentMerchants=(CARD,) * 3)
    yield asked(["1", "9999"], FindMerchant=None)
    for holder in (e.Holder(True, known=False), e.Holder(True, active=False), e.Holder(False)):
        yield asked(PAY[:4], CheckHolder=holder)
    yield asked(PAY[:5], FindTwin="ABCD2345")
    yield asked(PAY[:5], CheckHolder=e.Holder(False))
    yield asked([*PAY[:5], "2"])
    needs_otp, again = (
        order(OrderState.NEEDS_OTP),
        order(OrderState.NEEDS_OTP, tries_left=2, reason=Reason.WRONG_OTP),
    )
    for facts in (LONG_USSD, LONG_WEB, LONG_TELEGRAM):
        yield asked(PAY, facts)
        for state in (OrderState.SUCCESSFUL, OrderState.REVERSED, OrderState.UNRESOLVED, OrderState.PENDING):
            yield asked(PAY, facts, RequestPayment=order(state, unsure=True))
        yield asked([*PAY, "1111"], facts, RequestPayment=needs_otp, SubmitOtp=again)
        yield asked([*PAY, "1111"], facts, RequestPayment=needs_otp, SubmitOtp=order(OrderState.PENDING))
    for reason in Reason:
        yield asked(PAY, RequestPayment=order(OrderState.FAILED, reason=reason))
    for why in ("merchant", "limit", "too_many"):
        yield asked(PAY, RequestPayment=order(OrderState.FAILED, id="", code="", refused=why))
    yield asked([], flow="otp", OrderNow=needs_otp)
    yield asked([], flow="otp", OrderNow=None)


def _looking() -> Iterator[Played]:
    for holder in (
        e.Holder(True, name=NAME),
        e.Holder(True),
        e.Holder(True, active=False),
        e.Holder(True, known=False),
        e.Holder(False),
        e.Holder(False, limited=True),
    ):
        yield play(["2", PAYER], {e.CheckNumber: holder}, facts=LONG_USSD)
    yield play(["3"], {e.MyPayments: ()}, facts=LONG_USSD)
    for state in OrderState:
        for reason in Reason if state is OrderState.FAILED else [None]:
            now = order(state, reason=reason)
            yield play(["3", "1"], {e.MyPayments: (now,) * 5, e.AskStatus: now}, facts=LONG_USSD)
    yield play(["4"], {e.MyRoles: ()}, facts=STAFF)
    roles = (ROLE, msgspec.structs.replace(ROLE, staff_id="s2"))
    yield play(["4"], {e.MyRoles: roles}, facts=STAFF)
    wrong = e.Balances(refused="wrong_pin", tries_left=2)
    yield play(["4", "1111"], {e.MyRoles: (ROLE,), e.BalanceWithPin: wrong}, facts=STAFF)
    amounts = (AMOUNT, Money(100_000_000_00, "GHS"), Money(100_000_000_00, "KES"))
    for found in (
        e.Balances(amounts),
        e.Balances(amounts, shared=True),
        *(e.Balances(refused=why) for why in ("locked", "not_allowed", "not_available")),
    ):
        yield play(["4", "1111"], {e.MyRoles: (ROLE,), e.BalanceWithPin: found}, facts=STAFF)


def _settling_in() -> Iterator[Played]:
    yield play(["5", "2"], {e.SetLanguage: e.Done()}, facts=LONG_USSD)
    yield play(["4"], {e.MakeLinkCode: e.NewLinkCode("12345678", 5)}, facts=LONG_USSD)
    for linked in (e.Linked(PAYER), *(e.Linked(refused=why) for why in ("code", "tries", "taken"))):
        for facts in (LONG_WEB, LONG_TELEGRAM):
            yield play(["4", "12345678"], {e.LinkNumber: linked}, facts=facts)
    for why in ("code", "tries"):
        yield play(["6", "12345678"], {e.ClaimRole: e.Claimed(refused=why)}, facts=LONG_USSD)
    for done in (e.Done(), e.Done(ok=False)):
        world = {e.ClaimRole: e.Claimed("s1", MERCHANT), e.EnrolStaff: done}
        yield play(["6", "12345678", "4711"], world, facts=LONG_USSD)
