"""The language a person is spoken to in."""

import msgspec

from bot.dialog import views as v
from bot.operations.actor import Actor, EffectResult
from bot.store.base import SavePerson

__all__ = ["choose_language"]


async def choose_language(actor: Actor, language: str) -> EffectResult:
    """Kept as chosen, so that nothing guesses another one later."""
    person = msgspec.structs.replace(actor.person, language=language, language_chosen=True)
    return EffectResult((SavePerson(person),), v.Done(), person=person)
