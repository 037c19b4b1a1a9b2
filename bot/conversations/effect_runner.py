"""Runs the effects a flow asks for while it advances: looks, acts, and calls between a turn's two commits."""

from bot.conversations.commits import Commits
from bot.conversations.effect_dispatch import EffectDispatch
from bot.conversations.turn import Turn
from bot.dialog import Look, Run, Wants
from bot.operations.actor import EffectResult, RequestKey
from bot.store.records import ConversationRow

__all__ = ["EffectRunner"]


class EffectRunner:
    """Has operations do what a flow wants, with the commits that this needs."""

    def __init__(self, dispatch: EffectDispatch, commits: Commits) -> None:
        self._dispatch = dispatch
        self._commits = commits

    async def perform(self, turn: Turn, row: ConversationRow, run: Run, wants: Wants) -> bool:
        """Do what the flow wants; True where a provider may have been called for it."""
        turn.step = wants.key
        actor = turn.actor(row)
        effect = wants.effect
        if isinstance(effect, Look):
            outside = self._dispatch.calls_provider(effect)
            if outside:
                await self._commits.mark_running(turn, row, run.journal)
            run.deliver(await self._dispatch.look(effect, actor))
            return outside
        effect_result = await self._dispatch.act(effect, actor, RequestKey(row.id, wants.position))
        await self.carry_out(turn, row, run, effect_result)
        return effect_result.provider_call is not None

    async def carry_out(
        self, turn: Turn, row: ConversationRow, run: Run, effect_result: EffectResult
    ) -> None:
        """Commit 1 before the call, and the call, which keeps its own outcome. Raises TooLate."""
        if effect_result.changes or effect_result.payment is not None:
            turn.timeout_reply.begin(effect_result.payment, is_kept=effect_result.goes_on)
        turn.changes += effect_result.changes
        if effect_result.person is not None:
            turn.person = effect_result.person
        result = effect_result.result
        if effect_result.provider_call is not None:
            await self._commits.mark_running(turn, row, run.journal)
            turn.timeout_reply.is_kept = True
            result = await effect_result.provider_call()
            if getattr(result, "ok", False):
                turn.changes += effect_result.then
        run.deliver(result)
