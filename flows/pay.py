"""Pay a merchant: whom, how much, the confirmation, and the code if the provider wants one."""

from collections.abc import Sequence

from bot.dialog import (
    Amount,
    Choice,
    Digits,
    FreeText,
    Number,
    Offer,
    Problem,
    Screen,
    Talk,
    Text,
    Value,
    Wallet,
)
from bot.dialog.views import Debit, Holder, MerchantCard, OrderView
from bot.money import (
    LEAST_MERCHANT_CODE,
    Money,
    Msisdn,
    NumberRule,
    OrderKind,
    OrderState,
    Reason,
    network_told,
    region_of,
)
from flows.closing import closing, reason_text, state_text
from flows.effects import (
    AmountsPaid,
    CheckHolder,
    FindDebit,
    FindDuplicate,
    FindMerchant,
    NetworkUsed,
    OrderNow,
    RecentMerchants,
    RequestPayment,
    StopAutoDebit,
    SubmitOtp,
)
from flows.given import ask_given, with_given

__all__ = [
    "answer_otp",
    "ask_merchant",
    "ask_payer",
    "choose_network",
    "find_debit",
    "follow",
    "network_name",
    "not_agreed",
    "own_wallet",
    "pay",
    "pay_merchant",
    "reason_text",
    "state_text",
]

OTP = Digits(4, 8, "otp.not_valid")


async def pay(talk: Talk) -> Screen:
    """Asks for the merchant's code first. Ends with what to do on the phone, or why there is no payment."""
    return await pay_merchant(talk, await ask_merchant(talk))


async def pay_merchant(talk: Talk, merchant: MerchantCard, amount: Money | None = None) -> Screen:
    """How much, unless the `amount` is known, and the confirmation, on which all else can be changed."""
    if amount is None:
        amount = await _amount(talk, merchant)
    given = await ask_given(talk, merchant)
    payer, holder, network = "", Holder(checked=False), ""
    change = ""
    while True:
        if change in ("", "wallet"):
            payer, holder = await _payer(talk, merchant, other=change == "wallet")
            network = ""
            debit = await find_debit(talk, FindDebit(amount, payer, merchant.id), merchant.debits)
            if debit.of and not debit.agreed:
                if (stopped := await not_agreed(talk, debit, amount)) is not None:
                    return stopped
                change = "wallet"
                continue
        network = await _network(talk, merchant, payer, other=change == "network")
        # Kept journals and figures have it under "twin".
        duplicate = await talk.look("twin", FindDuplicate(merchant.id, amount))
        change = await _decided(
            talk, merchant, amount, payer, holder, network, duplicate, given, unasked=debit.agreed
        )
        if change == "no":
            # The first one goes on all the same.
            return Screen("pay.cancelled_twin", {"code": duplicate}) if duplicate else Screen("pay.cancelled")
        if change == "yes":
            break
    wanted = RequestPayment(merchant.id, amount, payer, network, unasked=debit.agreed, reference=given)
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


async def ask_merchant(talk: Talk) -> MerchantCard:
    """The merchant whose code is typed, or one paid before."""
    recent = await talk.look("recents", RecentMerchants())
    offers = [Offer(one.code, Text("pay.recent_one", {"name": one.name}), name=one.code) for one in recent]
    notice = None
    while True:
        code = await talk.ask(
            "merchant",
            FreeText(12),
            text="pay.merchant_or" if offers else "pay.merchant",
            offers=offers,
            found=FindMerchant,
            missing="pay.unknown_merchant",
            least_dialled=LEAST_MERCHANT_CODE,
            notice=notice,
        )
        card = await talk.look("card", FindMerchant(code))
        if card is not None:
            return card
        # It has gone since its code was typed.
        notice = Text("pay.unknown_merchant")


async def _amount(talk: Talk, merchant: MerchantCard) -> Money:
    """In a chat the amounts paid before are a tap away; on a keypad a number is an amount."""
    kind = Amount(merchant.currency, merchant.amounts, most_minor=merchant.most_minor)
    offers: list[Offer] = []
    if talk.facts.channel != "ussd":
        paid = await talk.look("paid", AmountsPaid(merchant.id))
        offers = [
            Offer(amount, Text("pay.amount_one", {"amount": amount}))
            for amount in paid
            if not isinstance(kind.check(amount), Problem)
        ]
    return await talk.ask("amount", kind, offers=offers, merchant=merchant.name, currency=merchant.currency)


async def _payer(talk: Talk, merchant: MerchantCard, *, other: bool) -> tuple[Msisdn, Holder]:
    """The actor's own wallet unless they want another, as far as the merchant can be paid from it."""
    payer = "" if other else own_wallet(talk, merchant.region, merchant.numbers)
    notice = None
    while True:
        if not payer:
            payer = await ask_payer(talk, merchant.region, merchant.numbers, notice)
        if not merchant.checks_holder:
            return payer, Holder(checked=False)
        holder = await talk.look("holder", CheckHolder(merchant.id, payer))
        if holder.known and holder.active:
            return payer, holder
        shown = {"number": Number(payer, masked=False)}
        notice = Text("pay.payer_unknown" if not holder.known else "pay.payer_inactive", shown)
        payer = ""


def own_wallet(talk: Talk, region: str, rule: NumberRule) -> Msisdn:
    """The actor's own number; empty where it is no use here: there is none, or it is of another country."""
    own = talk.facts.msisdn
    return own if own and region_of(own) in (region, None) and rule.takes(own) else ""


async def ask_payer(talk: Talk, region: str, rule: NumberRule, notice: Text | None = None) -> Msisdn:
    """The wallet that pays, typed. The actor's own is offered where it can pay."""
    own = own_wallet(talk, region, rule)
    label = Text("pay.my_number", {"number": Number(own, masked=False)})
    return await talk.ask(
        "payer",
        Wallet(region, rule),
        text="pay.payer" if own else "pay.payer_typed",
        offers=[Offer(own, label)] if own else (),
        notice=notice,
    )


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


async def _network(talk: Talk, merchant: MerchantCard, payer: Msisdn, *, other: bool) -> str:
    """The network that this number used last, or that the gateway told of the caller's own; else asked."""
    known = ""
    if len(merchant.networks) > 1 and not other:
        known = await talk.look("network_used", NetworkUsed(merchant.id, payer))
        if known not in merchant.networks and payer == talk.facts.msisdn:
            known = network_told(talk.facts.network, merchant.networks)
    return known if known in merchant.networks else await choose_network(talk, merchant.networks)


async def choose_network(talk: Talk, networks: Sequence[str]) -> str:
    """The only network, or the one chosen; empty where there is no choice."""
    if len(networks) < 2:
        return networks[0] if networks else ""
    choices = [Choice(name, network_name(name)) for name in networks]
    return await talk.choose("network", choices, text="pay.network")


def network_name(code: str) -> Text:
    """What people call a provider's network."""
    return Text(f"network.{code.lower()}")


async def _decided(
    talk: Talk,
    merchant: MerchantCard,
    amount: Money,
    payer: Msisdn,
    holder: Holder,
    network: str,
    duplicate: str,
    given: str,
    *,
    unasked: bool,
) -> str:
    """yes, no, wallet or network: everything the payment will be stands on one screen."""
    text = "pay.confirm_named" if holder.name else "pay.confirm"
    if unasked:
        text = "pay.confirm_unasked"
    if duplicate:
        text = "pay.confirm_twin_unasked" if unasked else "pay.confirm_twin"
    shown: Value = Number(payer, masked=False)
    several = len(merchant.networks) > 1
    if several:
        shown = Text("pay.number_on", {"number": shown, "network": network_name(network)})
    choices = [
        Choice("yes", Text("pay.yes_again" if duplicate else "pay.yes"), 1),
        Choice("no", Text("pay.no"), 2),
        Choice("wallet", Text("pay.other_wallet"), 3),
    ]
    if several:
        choices.append(Choice("network", Text("pay.other_network"), 4))
    values: dict[str, Value] = {
        "amount": amount,
        "merchant": merchant.name,
        "payer": shown,
        "name": holder.name,
        "code": duplicate,
    }
    asked = with_given(Text(text, values), given)
    return await talk.decide("confirm", choices, text=asked.id, shown=asked.values)
