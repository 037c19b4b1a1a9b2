"""Lists to choose from: a list of one is not asked about."""

from collections.abc import Sequence

from bot.dialog import Choice, Talk

__all__ = ["choose_among"]


async def choose_among(talk: Talk, key: str, choices: Sequence[Choice], *, text: str = "") -> str:
    """The value of the only choice, or of the one that is chosen. For lists whose lines are alike: where
    something else may be chosen as well, or the choice itself is agreed to, the question is asked."""
    if len(choices) == 1:
        return choices[0].value
    return await talk.choose(key, choices, text=text)
