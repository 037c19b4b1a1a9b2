"""What a code typed on the first screen is: a merchant's, or a payment's reference."""

from bot.dialog import views as v
from bot.money import read_token
from bot.operations.actor import Actor
from bot.operations.merchants import Merchants
from bot.operations.payments import Payments
from bot.operations.staff_requests import StaffRequests
from bot.operations.staff_roles import StaffRoles

__all__ = ["Recognition"]


class Recognition:
    """Tells what a typed code means to whoever typed it, and nothing of what they may not see."""

    def __init__(
        self, merchants: Merchants, payments: Payments, staff_requests: StaffRequests, roles: StaffRoles
    ) -> None:
        self._merchants = merchants
        self._payments = payments
        self._staff_requests = staff_requests
        self._roles = roles

    async def recognise(self, actor: Actor, typed: str) -> v.Recognised | None:
        """The merchant, the actor's own order, or the role under which the payment can be seen; None where
        the code is none of these."""
        token = read_token(typed)
        merchant = await self._merchants.find(token.merchant) if token.merchant else None
        if merchant is not None:
            return v.Recognised(merchant=merchant)
        code = token.reference
        if not code:
            return None
        order = await self._payments.own_by_code(actor, code)
        if order is not None:
            return v.Recognised(order=order)
        for role in await self._roles.all_of(actor):
            if await self._staff_requests.find(actor, staff_id=role.staff_id, code=code) is not None:
                return v.Recognised(staff_id=role.staff_id)
        return None
