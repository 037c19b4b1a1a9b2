"""The wallet handset: what it shows, and what its owner can do with a prompt or an invoice."""

from decimal import Decimal
from typing import Any, Literal

from bot.money import EXPONENTS
from bot.sandbox.model import IGNORED, OPEN, Entry, Handset, Prompt, Sms, moment, plain
from bot.sandbox.world import World

WRONG_PINS = 3


class CannotPress(Exception):
    """The owner cannot do that; `status` is the HTTP answer and `extra` stands beside the sentence."""

    def __init__(self, status: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.extra = extra


def press(
    world: World, msisdn: str, prompt_id: str, action: Literal["approve", "reject", "ignore"], pin: str | None
) -> Entry:
    """Answer a prompt. Approving needs the PIN; a wrong one leaves the prompt, the third ends the payment.

    An ignored prompt disappears and the payment expires in its time. CannotPress: 404 unknown prompt,
    409 no longer open, 400 no PIN, 403 wrong PIN (with `tries_left`).
    """
    entry = world.find_prompt(prompt_id)
    prompt = entry.prompt if entry is not None else None
    handset = world.handsets.get(msisdn)
    if entry is None or prompt is None or handset is None or prompt.msisdn != msisdn:
        raise CannotPress(404, "There is no such open prompt on this handset.")
    if prompt.state != OPEN:
        raise CannotPress(409, "This prompt is no longer open.")
    player = world.players[entry.provider]
    if action == "approve":
        _check_pin(world, entry, prompt, handset, pin)
        player.approve(world, entry)
    elif action == "reject":
        player.reject(world, entry)
    else:
        prompt.state = IGNORED
    world.keep_entry(entry)
    return entry


def pay_invoice(world: World, msisdn: str, name: str, pin: str | None) -> Entry:
    """Pay an invoice meant for this handset; `name` is its id, its payment reference or our reference.

    CannotPress: 404 unknown invoice, 409 no longer open or too little money (it stays open), 400 no PIN,
    403 wrong PIN (nothing happens to the invoice).
    """
    handset = world.handsets.get(msisdn)
    entry = next((one for one in _invoices(world, msisdn) if name in _names_of(one)), None)
    if entry is None or handset is None:
        raise CannotPress(404, "There is no such invoice for this handset.")
    if entry.final_at is not None:
        raise CannotPress(409, "This invoice is no longer open.", payment=entry.status)
    if pin is None:
        raise CannotPress(400, "Paying needs the PIN.")
    if pin != handset.pin:
        raise CannotPress(403, "The PIN is wrong.")
    if handset.balances.get(entry.currency, Decimal(0)) < entry.amount:
        raise CannotPress(409, "There is not enough money in the wallet.", payment=entry.status)
    world.players[entry.provider].approve(world, entry)
    return entry


def _invoices(world: World, msisdn: str) -> list[Entry]:
    return [entry for entry in world.agreements_of(msisdn) if entry.kind == "invoice"]


def _names_of(invoice: Entry) -> tuple[str, ...]:
    return invoice.provider_reference, invoice.detail["payment_reference"], invoice.reference


def _check_pin(world: World, entry: Entry, prompt: Prompt, handset: Handset, pin: str | None) -> None:
    if pin is None:
        raise CannotPress(400, "Approving needs the PIN.")
    if pin == handset.pin:
        return
    prompt.wrong_pins += 1
    left = WRONG_PINS - prompt.wrong_pins
    if left <= 0:
        world.players[entry.provider].lock(world, entry)
    world.keep_entry(entry)
    raise CannotPress(403, "The PIN is wrong.", tries_left=max(left, 0), payment=entry.status)


def show_handset(world: World, handset: Handset) -> dict[str, Any]:
    """The handset as a page draws it: open prompts and invoices oldest first, messages newest last."""
    return {
        "msisdn": handset.msisdn,
        "name": handset.name,
        "pin": handset.pin,
        "balances": {
            currency: show_balance(amount, currency) for currency, amount in handset.balances.items()
        },
        "prompts": [_show_prompt(entry) for entry in world.prompts_of(handset.msisdn)],
        "invoices": [
            _show_invoice(entry) for entry in _invoices(world, handset.msisdn) if entry.final_at is None
        ],
        "sms": [show_sms(sms) for sms in world.sms if sms.msisdn == handset.msisdn],
    }


def show_balance(amount: Decimal, currency: str) -> str:
    """A balance with the decimals its currency has, and more only if there are more."""
    whole, _, part = plain(amount).partition(".")
    part = part.ljust(EXPONENTS.get(currency, 2), "0")
    return f"{whole}.{part}" if part else whole


def show_sms(sms: Sms) -> dict[str, str]:
    """One message of an inbox."""
    return {"id": sms.id, "to": sms.msisdn, "from": sms.sender, "text": sms.text, "at": moment(sms.at)}


def _show_prompt(entry: Entry) -> dict[str, Any]:
    prompt = entry.prompt
    assert prompt is not None, "only entries with an open prompt are shown"
    moves_money = prompt.kind in ("payment", "withdrawal")
    return {
        "id": prompt.id,
        "provider": entry.provider,
        "kind": prompt.kind,
        "text": _say(entry, prompt),
        "payee": prompt.payee,
        "amount": plain(entry.amount) if moves_money else None,
        "currency": entry.currency or None,
        "message": prompt.message,
        "reference": entry.reference,
        "created_at": moment(prompt.created_at),
        "expires_at": moment(prompt.expires_at),
        "wrong_pins": prompt.wrong_pins,
    }


def _say(entry: Entry, prompt: Prompt) -> str:
    """What the prompt asks, in a sentence; the amount is shown beside it."""
    if prompt.kind == "withdrawal":
        return f"Withdraw cash at {prompt.payee}"
    if prompt.kind == "pre_approval":
        validity_s = entry.detail["validity_s"]
        lasts = f"for {_say_duration(validity_s)}" if validity_s else "until it is cancelled"
        what = entry.currency or "money"
        return f"Let {prompt.payee} take {what} from this wallet without asking, {lasts}"
    if prompt.kind == "consent":
        return f"Share your details ({prompt.message}) with {prompt.payee}"
    return f"Pay {prompt.payee}"


def _say_duration(seconds: int) -> str:
    for name, length in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(seconds, length)
        if count and not rest:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"


def _show_invoice(entry: Entry) -> dict[str, Any]:
    detail = entry.detail
    return {
        "id": entry.provider_reference,
        "reference": entry.reference,
        "payment_reference": detail["payment_reference"],
        "payee": detail["payee_name"],
        "amount": plain(entry.amount),
        "currency": entry.currency,
        "description": detail["terms"].get("description") or "",
        "expires_at": moment(detail["expires_at"]),
    }
