"""What a MoMo creation becomes when it is accepted: an entry, and a prompt on a handset or an end by itself.

A number with a handset is played by its owner; any other follows the published test values.
"""

from uuid import uuid4

from bot.sandbox.model import ApiUser, Entry, Prompt, Step
from bot.sandbox.momo.access import platform_of
from bot.sandbox.momo.agreements import find_standing
from bot.sandbox.momo.checks import Creation
from bot.sandbox.momo.life import find_refunded
from bot.sandbox.momo.magic import (
    MAGIC_PREFIX,
    OUTCOMES,
    REFUNDS,
    SUCCEEDS,
    Outcome,
    find_outcome,
    find_payment_outcome,
)
from bot.sandbox.momo.results import FAILED, PENDING, SUCCESSFUL
from bot.sandbox.routing import Exchange
from bot.sandbox.world import World

_PROMPTS = {
    "request_to_pay": "payment",
    "request_to_withdraw": "withdrawal",
    "pre_approval": "pre_approval",
    "consent": "consent",
}


def new_entry(
    world: World, ex: Exchange, user: ApiUser, product: str, kind: str, reference: str, wanted: Creation
) -> Entry:
    """The entry of an accepted creation, not yet planned and not yet in the record."""
    now, seq, party = world.now(), world.new_seq(), wanted.party
    entry = Entry(
        seq=seq,
        provider="momo",
        kind=kind,
        account="",  # a reference is used once, whoever uses it
        reference=reference,
        provider_reference=str(730_000_000 + seq),
        external_id=wanted.external_id,
        amount=wanted.amount,
        currency=wanted.currency,
        party=party.party_id if party is not None else "",
        msisdn=party.msisdn if party is not None else None,
        status=PENDING,
        created_at=now,
        updated_at=now,
        direction="none",
        knobs=ex.knobs,
        detail={
            "user": user.api_user,
            "purse": world.purse(user, product),
            "merchant": user.payee,
            "product": product,
            "environment": user.environment,
            "platform": platform_of(world, ex),
            "callback_method": "PUT",
            "party_field": "payer",
            "party_type": party.id_type if party is not None else "",
            "party_id": party.party_id if party is not None else "",
            "payer_message": wanted.payer_message,
            "payee_note": wanted.payee_note,
            "about": wanted.about,
            "terms": wanted.terms,
        },
    )
    if kind in ("pre_approval", "invoice"):
        _add_agreement(world, entry, wanted)
    elif kind == "refund":
        _add_payee(entry, find_refunded(world, entry))
    return entry


def _add_agreement(world: World, entry: Entry, wanted: Creation) -> None:
    entry.detail |= {
        "state": PENDING,
        "validity_s": wanted.validity_s,
        "expires_at": entry.created_at + wanted.validity_s if wanted.validity_s else None,
    }
    if entry.kind == "invoice":
        payee = world.handsets.get(str(wanted.terms["payee"]).removeprefix("+"))
        entry.detail["payee_name"] = payee.name if payee is not None else entry.detail["merchant"]
        entry.detail["payment_reference"] = f"{entry.seq:08}"


def _add_payee(refund: Entry, payment: Entry | None) -> None:
    """A refund goes to whoever paid; for a test id nobody did, and its own number stands there."""
    if payment is not None:
        refund.party, refund.msisdn = payment.party, payment.msisdn
        refund.detail |= {name: payment.detail[name] for name in ("party_type", "party_id")}
    elif refund.detail["about"] in REFUNDS:
        refund.party = refund.msisdn = MAGIC_PREFIX + refund.detail["about"][-3:]
        refund.detail |= {"party_type": "MSISDN", "party_id": refund.party}


def plan(
    world: World,
    entry: Entry,
    user: ApiUser,
    outcome: Outcome | None = None,
    *,
    lasts_s: float | None = None,
) -> None:
    """Set out what becomes of `entry` by itself; `outcome` is for a number without a handset, `lasts_s`
    for how long the owner of a handset is asked."""
    asked = entry.msisdn in world.handsets
    if asked and entry.kind == "invoice":
        entry.timeline = [_end_of_invoice(entry)]
    elif asked and entry.kind in _PROMPTS and find_standing(world, entry) is None:
        _show_prompt(world, entry, user, world.config.prompt_s if lasts_s is None else lasts_s)
    else:
        _follow(world, entry, SUCCEEDS if asked else outcome or _outcome_of(entry))


def _show_prompt(world: World, entry: Entry, user: ApiUser, lasts_s: float) -> None:
    """Ask the owner of the handset, who has `lasts_s` to answer."""
    now, kind = world.now(), _PROMPTS[entry.kind]
    entry.timeline = [Step(now + lasts_s, FAILED, world.config.momo.expiry_reason)]
    entry.prompt = Prompt(
        id=uuid4().hex,
        msisdn=entry.msisdn or "",
        payee=user.payee,
        message=entry.detail["payer_message"] or "",
        created_at=now,
        expires_at=now + lasts_s,
        kind=kind,  # type: ignore[arg-type]
    )


def _outcome_of(entry: Entry) -> Outcome:
    if entry.kind == "payment":
        return find_payment_outcome(entry.amount)
    if entry.kind == "refund":
        return REFUNDS.get(entry.detail["about"], SUCCEEDS)
    return find_outcome(entry.kind, entry.party) if entry.kind in OUTCOMES else SUCCEEDS


def _follow(world: World, entry: Entry, outcome: Outcome) -> None:
    times = world.config.momo
    entry.status = outcome.first
    entry.timeline = []
    if outcome.when != "never":
        soon = times.failure_s if outcome.reason else times.success_s
        at = world.now() + (times.delayed_s if outcome.when == "later" else soon)
        entry.timeline = [Step(at, FAILED if outcome.reason else SUCCESSFUL, outcome.reason)]
    if entry.kind == "invoice":
        entry.timeline = [min([*entry.timeline, _end_of_invoice(entry)], key=lambda step: step.at)]


def _end_of_invoice(entry: Entry) -> Step:
    return Step(entry.detail["expires_at"], FAILED, "EXPIRED")
