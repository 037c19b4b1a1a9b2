"""Turns: a message in, an answer out; loaded, replayed, advanced, rendered and committed once.

`turns` takes a turn from its message to its answer, `routing` picks the conversation that answers, `advance`
goes one step on in it, `effect_runner` runs what its flow asks for, `effect_dispatch` says which operation
that is, and `commits` keeps it all. A `Turn` passes through them and collects what is to be kept. This room
owns no words (channels/catalogue), no rules about money (orders/rules) and no wire format.
"""

from bot.conversations.reading import Speaks
from bot.conversations.turn import TurnsConfig
from bot.conversations.turns import Turns

__all__ = ["Speaks", "Turns", "TurnsConfig"]
