"""What a flow wants done while it advances: looks, acts, and the calls between a turn's two commits."""

from bot.conversations.commits import Commits
from bot.conversations.effects import Performer, Plan
from bot.conversations.turn import Turn
from bot.dialog import Look, Run, Wants
from bot.store.records import ConversationRow

__all__ = ["Effects"]


class Effects:
    def __init__(self, performer: Performer, commits: Commits) -> None:
        self._performer = performer
        self._commits = commits

    async def perform(self, turn: Turn, row: ConversationRow, run: Run, wants: Wants) -> bool:
        """Do what the flow wants; True where a provider may have been called for it."""
        turn.step = wants.key
        speaker = turn.speaker(row)
        effect = wants.effect
        if isinstance(effect, Look):
            outside = self._performer.goes_outside(effect)
            if outside:
                await self._commits.mark_running(turn, row, run.journal)
            run.deliver(await self._performer.look(effect, speaker))
            return outside
        plan = await self._performer.act(effect, wants.position, speaker)
        await self.carry_out(turn, row, run, plan)
        return plan.inside is not None

    async def carry_out(self, turn: Turn, row: ConversationRow, run: Run, plan: Plan) -> None:
        """Commit 1 before the call, and the call, which keeps its own outcome. Raises TooLate."""
        if plan.changes or plan.payment is not None:
            turn.last_words.begin(plan.payment, is_kept=plan.goes_on)
        turn.changes += plan.changes
        if plan.person is not None:
            turn.person = plan.person
        result = plan.result
        if plan.inside is not None:
            await self._commits.mark_running(turn, row, run.journal)
            turn.last_words.is_kept = True
            result = await plan.inside()
            if getattr(result, "ok", False):
                turn.changes += plan.then
        run.deliver(result)
