"""The wallet handset: what it shows, and what its owner can do with a prompt."""

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
    """The handset as a page draws it: open prompts oldest first, messages newest last."""
    return {
        "msisdn": handset.msisdn,
        "name": handset.name,
        "pin": handset.pin,
        "balances": {
            currency: show_balance(amount, currency) for currency, amount in handset.balances.items()
        },
        "prompts": [_show_prompt(entry) for entry in world.prompts_of(handset.msisdn)],
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
    return {
        "id": prompt.id,
        "provider": entry.provider,
        "payee": prompt.payee,
        "amount": plain(entry.amount),
        "currency": entry.currency,
        "message": prompt.message,
        "reference": entry.reference,
        "created_at": moment(prompt.created_at),
        "expires_at": moment(prompt.expires_at),
        "wrong_pins": prompt.wrong_pins,
    }
