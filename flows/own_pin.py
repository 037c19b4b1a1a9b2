"""A staff PIN is chosen by typing it twice, for a new role or in place of the old one."""

from collections.abc import Callable
from typing import Final

from bot.dialog import Digits, Screen, SecretAct, Talk, Value
from bot.dialog.views import PinSet, Role
from flows.business_effects import ChangePin, ChoosePin
from flows.staff import wrong_pin

__all__ = ["change_pin", "choose_pin"]

_NEW_PIN: Final = Digits(4, 6, "pin.not_valid")
# As many wrong answers as any question takes.
_TRIES: Final = 3


async def change_pin(talk: Talk, role: Role) -> Screen:
    """The owner of a PIN takes another one."""
    if (wrong := await wrong_pin(talk, role)) is not None:
        return wrong
    done = await choose_pin(
        talk, role.staff_id, role.merchant, lambda first: ChangePin(role.staff_id, first), text="pin.new"
    )
    if done.refused:
        return Screen("pin.not_changed", {"merchant": role.merchant})
    return Screen("pin.changed", {"merchant": role.merchant})


async def choose_pin(
    talk: Talk, staff_id: str, merchant: Value, keep: Callable[[str], SecretAct[PinSet]], *, text: str
) -> PinSet:
    """The PIN that was typed twice alike, kept by `keep`. Until then a slow hash of it is all there is."""
    for _ in range(_TRIES):
        first = await talk.guard("new_pin", _NEW_PIN, ChoosePin(staff_id), text=text, merchant=merchant)
        if first.refused:
            text = "pin.too_easy"
            continue
        done = await talk.secret("new_pin_again", _NEW_PIN, keep(first.hash), text="pin.again")
        if done.refused != "differs":
            return done
        text = "pin.differs"
    return PinSet(refused="tries")
