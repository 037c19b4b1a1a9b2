"""What a flow asked for, done: looks answered, acts planned as changes, calls made inside a turn.

A look returns its result. An act returns a plan: changes to commit with the turn, and either its
result at once or a call to make between the turn's two commits. References and rows come first, so
that a crash anywhere finds them again by (conversation, position).

`dispatch` says who does what; each other module does one subject's share.
"""

from bot.conversations.effects.dispatch import EffectDispatch
from bot.operations.actor import Actor, EffectResult

__all__ = ["EffectDispatch", "EffectResult", "Actor"]
