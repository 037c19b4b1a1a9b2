"""Pay a merchant: whom, how much, from which wallet, confirm, and the code if the provider wants one."""

from collections.abc import Sequence

from bot.dialog import Amount, Choice, Digits, FreeText, Number, Screen, Talk, Text, Value, Wallet
from bot.dialog.views import Debit, Holder, MerchantCard, OrderView
from bot.money import (
    LEAST_MERCHANT_CODE,
    Money,
    Msisdn,
    NumberRule,
    OrderKind,
    OrderState,
    Reason,
    region_of,
)
from flows.closing import closing, reason_text, state_text
from flows.effects import (
    CheckHolder,
    FindDebit,
    FindDuplicate,
    FindMerchant,
    OrderNow,
    RecentMerchants,
    RequestPayment,
    StopAutoDebit,
    SubmitOtp,
)

__all__ = [
    "answer_otp",
    "ask_merchant",
    "ask_payer",
    "choose_network",
    "find_debit",
    "follow",
    "not_agreed",
    "pay",
    "reason_text",
    "state_text",
]

OTP = Digits(4, 8, "otp.not_valid")


async def pay(talk: Talk) -> Screen:
    """Ends with what to do on the phone, or why there is no payment."""
    merchant = await _merchant(talk)
    amount = await talk.ask(
        "amount",
        Amount(merchant.currency, merchant.amounts, most_minor=merchant.most_minor),
        merchant=merchant.name,
        currency=merchant.currency,
    )
    while True:
        payer, holder = await _payer(talk, merchant)
        debit = await find_debit(talk, FindDebit(amount, payer, merchant.id), merchant.debits)
        if not debit.of or debit.agreed:
            break
        if (stopped := await not_agreed(talk, debit, amount)) is not None:
            return stopped
    network = await choose_network(talk, merchant.networks)
    # Kept journals and figures have it under "twin".
    duplicate = await talk.look("twin", FindDuplicate(merchant.id, amount))
    if not await _confirmed(talk, merchant, amount, payer, holder, duplicate, unasked=debit.agreed):
        return Screen("pay.cancelled")
    wanted = RequestPayment(merchant.id, amount, payer, network, unasked=debit.agreed)
    order = await talk.act("request", wanted)
    return await follow(talk, order)


async def answer_otp(talk: Talk) -> Screen:
    """Finish a payment that waits for its code, whatever became of the conversation that began it."""
    order = await talk.look("order", OrderNow(talk.facts.order_id))
    if order is None:
        return Screen("payments.none")
    return await follow(talk, order)


async def follow(talk: Talk, order: OrderView) -> Screen:
    """Ask for the code as often as it may be tried, then say where the payment stands."""
    asked = False
    while order.state is OrderState.NEEDS_OTP:
        order = await talk.secret(
            "otp",
            OTP,
            SubmitOtp(order.id),
            text="pay.otp_again" if order.reason is Reason.WRONG_OTP else "pay.otp",
            payer=Number(order.payer, masked=False),
            amount=order.amount,
            merchant=order.merchant,
            tries=order.tries_left,
        )
        asked = True
    if order.kind is not OrderKind.COLLECTION:
        return closing(order, typed=True)
    return _closing(talk, order, code_taken=asked)


def _closing(talk: Talk, order: OrderView, *, code_taken: bool) -> Screen:
    if order.refused:
        return Screen(f"pay.refused.{order.refused}", {"code": order.code})
    values: dict[str, Value] = {
        "code": order.code,
        "amount": order.amount,
        "merchant": order.merchant,
        "payer": Number(order.payer, masked=False),
    }
    if order.state is OrderState.SUCCESSFUL:
        return Screen("result.successful", values, order.id, final=True)
    if order.state is OrderState.FAILED:
        values["reason"] = reason_text(order.reason)
        return Screen("result.failed", values, order.id, final=True)
    if order.state is OrderState.REVERSED:
        return Screen("result.reversed", values, order.id, final=True)
    if order.unsure or order.state is OrderState.UNRESOLVED:
        return Screen("pay.checking", values, order.id)
    text = "pay.code_taken" if code_taken else "pay.sent_unasked" if order.unasked else "pay.sent"
    shorter = ""
    if text == "pay.sent" and order.hint:
        values["hint"] = order.hint
        text, shorter = "pay.sent_hint", "pay.sent"
    return Screen(text if talk.facts.channel == "ussd" else f"{text}_chat", values, order.id, shorter=shorter)


async def _merchant(talk: Talk) -> MerchantCard:
    recent = await talk.look("recents", RecentMerchants())
    if recent:
        choices = [Choice(card.code, Text("pay.recent_one", {"name": card.name})) for card in recent]
        choices.append(Choice("other", Text("pay.another")))
        # What is dialled never chooses the merchant paid last: it is a code, as for whoever is new here.
        picked = await talk.choose("recent", choices, dialled="other")
        for card in recent:
            if card.code == picked:
                return card
    return await ask_merchant(talk)


async def ask_merchant(talk: Talk) -> MerchantCard:
    """The merchant whose code is typed."""
    text = "pay.merchant"
    while True:
        code = await talk.ask(
            "merchant",
            FreeText(12),
            text=text,
            found=FindMerchant,
            missing="pay.unknown_merchant",
            least_dialled=LEAST_MERCHANT_CODE,
        )
        card = await talk.look("card", FindMerchant(code))
        if card is not None:
            return card
        # It has gone since its code was typed.
        text = "pay.no_such_merchant"


async def _payer(talk: Talk, merchant: MerchantCard) -> tuple[Msisdn, Holder]:
    text = ""
    while True:
        payer = await ask_payer(talk, merchant.region, merchant.numbers, text)
        if not merchant.checks_holder:
            return payer, Holder(checked=False)
        holder = await talk.look("holder", CheckHolder(merchant.id, payer))
        if holder.known and holder.active:
            return payer, holder
        text = "pay.payer_unknown" if not holder.known else "pay.payer_inactive"


async def ask_payer(talk: Talk, region: str, rule: NumberRule, text: str = "") -> Msisdn:
    """The wallet that pays; the actor's own number is offered where it is from the same country."""
    own = talk.facts.msisdn
    if region_of(own) not in (region, None) or not rule.takes(own):
        own = ""  # a number from home is no use to a merchant of another country
    default = (own, Text("pay.my_number", {"number": Number(own, masked=False)})) if own else None
    text = text or ("pay.payer" if own else "pay.payer_typed")
    # Whoever dials merchant and amount pays from their own wallet; the confirm says so, and Back changes it.
    return await talk.ask("payer", Wallet(region, rule), text=text, default=default, dialled=True)


async def find_debit(talk: Talk, wanted: FindDebit, debits: bool) -> Debit:
    """What the actor's auto-debits make of it. Of anybody else's number nothing is told."""
    if not debits or wanted.payer != talk.facts.msisdn:
        return Debit()
    return await talk.look("debit", wanted)


async def not_agreed(talk: Talk, debit: Debit, amount: Money) -> Screen | None:
    """The wallet would be debited without a PIN for what its owner never agreed to: stop that, or None for
    another wallet."""
    offered = [Choice("stop", Text("debit.stop"))] if debit.stops else []
    picked = await talk.choose(
        "debited",
        [*offered, Choice("wallet", Text("debit.other_wallet"))],
        text="debit.not_agreed" if offered else "debit.stopping",
        amount=amount,
        merchant=debit.of,
    )
    if picked == "wallet":
        return None
    stopped = [await talk.act("stop", StopAutoDebit(agreement_id)) for agreement_id in debit.stops]
    refused = [order for order in stopped if order.refused]
    if refused:
        return closing(refused[0])
    return Screen("debit.stopped", {"merchant": debit.of, "code": stopped[0].code}, stopped[0].id)


async def choose_network(talk: Talk, networks: Sequence[str]) -> str:
    """The only network, or the one chosen; empty where there is no choice."""
    if len(networks) < 2:
        return networks[0] if networks else ""
    choices = [Choice(name, Text(f"network.{name.lower()}")) for name in networks]
    return await talk.choose("network", choices, text="pay.network")


async def _confirmed(
    talk: Talk,
    merchant: MerchantCard,
    amount: Money,
    payer: Msisdn,
    holder: Holder,
    duplicate: str,
    *,
    unasked: bool,
) -> bool:
    text = "pay.confirm_named" if holder.name else "pay.confirm"
    if unasked:
        text = "pay.confirm_unasked"
    if duplicate:
        text = "pay.confirm_twin_unasked" if unasked else "pay.confirm_twin"
    return await talk.confirm(
        "confirm",
        text=text,
        yes="pay.yes",
        no="pay.no",
        amount=amount,
        merchant=merchant.name,
        payer=Number(payer, masked=False),
        name=holder.name,
        code=duplicate,
    )
