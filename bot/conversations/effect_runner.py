"""Runs the effects a flow asks for while it advances: looks, acts, and calls between a turn's two commits."""

from bot.conversations.commits import Commits
from bot.conversations.effect_dispatch import EffectDispatch
from bot.conversations.turn import Turn
from bot.dialog import Look, Run, Wants
from bot.operations.actor import EffectResult, RequestKey
from bot.store.records import ConversationRow

__all__ = ["Effects"]


class Effects:
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
        plan = await self._dispatch.act(effect, actor, RequestKey(row.id, wants.position))
        await self.carry_out(turn, row, run, plan)
        return plan.provider_call is not None

    async def carry_out(self, turn: Turn, row: ConversationRow, run: Run, plan: EffectResult) -> None:
        """Commit 1 before the call, and the call, which keeps its own outcome. Raises TooLate."""
        if plan.changes or plan.payment is not None:
            turn.timeout_reply.begin(plan.payment, is_kept=plan.goes_on)
        turn.changes += plan.changes
        if plan.person is not None:
            turn.person = plan.person
        result = plan.result
        if plan.provider_call is not None:
            await self._commits.mark_running(turn, row, run.journal)
            turn.timeout_reply.is_kept = True
            result = await plan.provider_call()
            if getattr(result, "ok", False):
                turn.changes += plan.then
        run.deliver(result)
