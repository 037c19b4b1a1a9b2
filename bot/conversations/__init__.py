"""One message in, one answer out: load, replay and advance, render, commit once.

The shell's heart. It owns no words (catalogue), no rules of money (settle) and no wire; it joins the
engine to the store and decides what a message means to its conversation: a dial, an answer, a
repeat, a drop resumed, a code waited for.

`turns` is a turn from its message to its answer, `routing` says which conversation speaks, `advance` goes
one step on in it, `effect_runner` does what a flow wants done, `effect_dispatch` says which operation that
is, and `commits` keeps it all. A `Turn` passes through them and gathers what is to be kept.
"""

from bot.conversations.reading import Speaks
from bot.conversations.turn import TurnsConfig
from bot.conversations.turns import Turns

__all__ = ["Speaks", "Turns", "TurnsConfig"]
