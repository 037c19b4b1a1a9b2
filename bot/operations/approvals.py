"""The second person: what waits for one, and what becomes of it when they decide.

Whoever asked never decides, neither in that role nor as the same person in another.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from bot.dialog import Name
from bot.dialog import views as v
from bot.money import Money, OrderKind, Right, Source
from bot.notifications.approval_messages import approval_ended
from bot.operations.actor import Actor, EffectResult
from bot.operations.new_order import NO_AMOUNT, order_of, refused_view, view_of
from bot.operations.staff_requests import StaffRequests
from bot.operations.staff_roles import ActingRole, StaffRoles
from bot.runtime.clock import Clock, Ids
from bot.store.base import Change, CreateOrder, Decide, Store
from bot.store.records import ApprovalRow, ApprovalState, OrderRow

__all__ = ["Approvals"]

_LISTED: Final = 9
_LATELY_MS: Final = 30 * 24 * 3600_000


class Approvals:
    """What a second person does: see what waits for one, approve it or refuse."""

    def __init__(
        self, store: Store, roles: StaffRoles, staff_requests: StaffRequests, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._roles = roles
        self._staff_requests = staff_requests
        self._clock = clock
        self._ids = ids

    async def waiting(self, actor: Actor, staff_id: str) -> tuple[v.ApprovalView, ...]:
        """What waits for a second person at the role's merchant, and may be decided by the actor."""
        role = await self._roles.acting(staff_id, Right.APPROVE, actor)
        if isinstance(role, str):
            return ()
        rows = await self._store.approvals_waiting(role.merchant.id, self._clock(), _LISTED)
        return tuple([await self._shown(row) for row in rows if not await self._is_own(row, role, actor)])

    async def payouts(self, actor: Actor, staff_id: str) -> tuple[v.PayoutView, ...]:
        """Money that left the role's merchant lately, whoever asked for it, and what waits for a second
        person; newest first."""
        role = await self._roles.acting(staff_id, Right.PAYOUTS, actor)
        if isinstance(role, str):
            return ()
        merchant, now_ms = role.merchant, self._clock()
        orders = await self._store.payouts_of_merchant(
            merchant.id, merchant.currency, now_ms - _LATELY_MS, _LISTED
        )
        waiting = await self._store.approvals_waiting(merchant.id, now_ms, _LISTED)
        asked = [order_of(approval.request, approval.created_ms) for approval in waiting]
        names = {row.id: row.shown for row in await self._store.staff_of_merchant(merchant.id)}
        found = [_payout(order, names) for order in orders]
        found += [_payout(order, names, waits=True) for order in asked]
        return tuple(sorted(found, key=lambda one: one.at_ms, reverse=True)[:_LISTED])

    async def decide(self, actor: Actor, *, staff_id: str, approval_id: str, approve: bool) -> EffectResult:
        """Keep the second person's word, and make the order where it is yes.

        The order begins as if just asked for: limits and switches are those of now.
        """
        role = await self._roles.acting(staff_id, Right.APPROVE, actor)
        approval = await self._store.approval(approval_id)
        if isinstance(role, str) or approval is None or approval.merchant_id != role.merchant.id:
            why = role if isinstance(role, str) else "not_allowed"
            name = await self._roles.merchant_of(staff_id, actor)
            return EffectResult(result=refused_view(why, NO_AMOUNT, name, kind=OrderKind.TRANSFER))
        name = role.merchant.shown
        order = order_of(approval.request, approval.created_ms)
        amount, now_ms = Money(order.amount_minor, order.currency), self._clock()
        if approval.state is not ApprovalState.WAITING:
            # This very act, where the turn that did it never ended.
            made = await self._store.order(approval.order_id) if approval.order_id else None
            if made is not None and approval.decided_by == role.row.id:
                return EffectResult(result=view_of(made, name))
            return EffectResult(result=refused_view("too_late", amount, name, kind=order.kind))
        if approval.expires_ms <= now_ms:
            return EffectResult(result=refused_view("too_late", amount, name, kind=order.kind))
        if await self._is_own(approval, role, actor):
            return EffectResult(result=refused_view("own", amount, name, kind=order.kind))
        if not approve:
            decided = Decide(approval.id, ApprovalState.REFUSED, role.row.id, now_ms)
            told = await self._told(approval, ApprovalState.REFUSED, role, now_ms)
            return EffectResult((decided, *told), refused_view("declined", amount, name, kind=order.kind))
        refusal = await self._staff_requests.refusal(actor, order, role.merchant)
        if refusal is not None:
            return EffectResult(result=refusal)
        order = msgspec.structs.replace(order, approved_by=role.row.id, created_ms=now_ms, updated_ms=now_ms)
        create = CreateOrder(order, Source.US, caps=self._staff_requests.caps(order))
        decided = Decide(approval.id, ApprovalState.APPROVED, role.row.id, now_ms, order.id)
        told = await self._told(approval, ApprovalState.APPROVED, role, now_ms)
        view = view_of(order, name)
        return EffectResult((create, decided, *told), view, payment=view)

    async def opened(self, actor: Actor, approval_id: str) -> v.OpenedApproval:
        """The approval whose id somebody named, for the role of theirs that may decide such; gone where none
        of theirs may, whether there is one or not."""
        approval = await self._store.approval(approval_id)
        rows = [
            row for row in actor.staff if approval is not None and row.merchant_id == approval.merchant_id
        ]
        found = [await self._roles.acting(row.id, Right.APPROVE, actor) for row in rows]
        role = next((one for one in found if isinstance(one, ActingRole)), None)
        if approval is None or role is None:
            why = next((one for one in found if isinstance(one, str) and one != "not_allowed"), "gone")
            return v.OpenedApproval(refused=why)
        shown = await self._shown(approval)
        if approval.state is not ApprovalState.WAITING:
            decider = await self._store.staff_member(approval.decided_by) if approval.decided_by else None
            by = decider.shown if decider is not None else ""
            return v.OpenedApproval(approval=shown, refused=approval.state.value, by=by)
        if approval.expires_ms <= self._clock():
            return v.OpenedApproval(approval=shown, refused=ApprovalState.EXPIRED.value)
        if await self._is_own(approval, role, actor):
            return v.OpenedApproval(refused="own")
        roles = await self._roles.all_of(actor)
        return v.OpenedApproval(next(one for one in roles if one.staff_id == role.row.id), shown)

    async def _told(
        self, approval: ApprovalRow, to_state: ApprovalState, role: ActingRole, now_ms: int
    ) -> list[Change]:
        """The messages that say how it ended, to whoever asked and whoever was asked."""
        prompts = await self._store.messages_of_order(approval.request.id)
        return approval_ended(
            approval, to_state, prompts, role.row.shown, now_ms=now_ms, new_id=self._ids.uuid
        )

    async def _is_own(self, approval: ApprovalRow, role: ActingRole, actor: Actor) -> bool:
        """Whether the actor asked for it: in this role, or as the same person in another. A chat may have
        been linked since, so who asked is also whoever owns by now where it was asked, or the role's address.
        """
        request = approval.request
        if approval.asked_by == role.row.id or request.person_id == actor.person.id:
            return True
        asker = await self._store.staff_member(approval.asked_by)
        places = {(request.origin_kind, request.origin_value)}
        if asker is not None:
            places.add((asker.address_kind, asker.address_value))
        owners = [await self._store.person_of(kind, value) for kind, value in places]
        return any(owner is not None and owner[0].id == actor.person.id for owner in owners)

    async def _shown(self, approval: ApprovalRow) -> v.ApprovalView:
        request = approval.request
        asker = await self._store.staff_member(approval.asked_by)
        about = await self._store.order(request.parent_id) if request.parent_id else None
        return v.ApprovalView(
            id=approval.id,
            kind=request.kind.value,
            amount=Money(request.amount_minor, request.currency),
            to=request.payee,
            asked_by=asker.shown if asker else "",
            about=about.code if about else "",
            at_ms=approval.created_ms,
        )


def _payout(order: OrderRow, names: Mapping[str, Name], *, waits: bool = False) -> v.PayoutView:
    return v.PayoutView(
        id=order.id,
        code=order.code,
        kind=order.kind,
        state=order.shown,
        amount=Money(order.amount_minor, order.currency),
        to=order.payee,
        asked_by=names.get(order.staff_id, ""),
        at_ms=order.created_ms,
        approved_by=names.get(order.approved_by, ""),
        reason=order.reason,
        waits=waits,
    )
