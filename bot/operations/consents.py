"""What a customer agrees to share with a merchant: asked for on the phone, shown once, never kept.

Kept is only that it was asked, by whom and of whom; the id to ask with is encrypted until it is used.
"""

import base64
import secrets
from datetime import date
from typing import Final

from bot.dialog import views as v
from bot.money import (
    ORDER_CODE_BYTES,
    AgreementKind,
    AgreementState,
    Msisdn,
    Right,
    Source,
    code_from_bytes,
)
from bot.operations.actor import Actor, EffectResult
from bot.operations.asking import PhoneRules
from bot.operations.staff_roles import StaffRoles
from bot.orders.provider_calls import Calls
from bot.providers.base import (
    AsksConsent,
    ConsentState,
    Declined,
    Malformed,
    ProviderError,
    Secret,
    Unknown,
    UserInfo,
)
from bot.runtime.clock import Clock, Ids
from bot.runtime.keys import Sealer
from bot.runtime.timeouts import Timeouts
from bot.settings.limits import AskLimits
from bot.store.base import Conflict, KeepAgreement, MoveAgreement, Store
from bot.store.records import AgreementRow

__all__ = ["Consents"]

_ENDED: Final = {AgreementState.REFUSED: "refused", AgreementState.ACTIVE: "shown"}
_SHOWN: Final = (
    "name", "birthdate", "gender", "email", "phone", "address", "occupation", "identification",
)  # fmt: skip


class Consents:
    """What staff do for a consent: have a customer asked for it, and see what was agreed to."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        roles: StaffRoles,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        timeouts: Timeouts,
        phones: PhoneRules,
        limits: AskLimits,
    ) -> None:
        self._store = store
        self._calls = calls
        self._roles = roles
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._phones = phones
        self._wait_ms = int(limits.window_s * 1000)

    async def ask(self, actor: Actor, *, staff_id: str, msisdn: Msisdn) -> EffectResult:
        """Ask a customer, on the phone, to share their details with the merchant."""
        role = await self._roles.acting(staff_id, Right.DETAILS, actor)
        if isinstance(role, str):
            return EffectResult(result=v.DetailsAsked(refused=role))
        if not actor.msisdn:
            return EffectResult(result=v.DetailsAsked(refused="not_allowed"))
        now_ms = self._clock()
        wait_ms = now_ms + self._wait_ms
        row = AgreementRow(
            id=self._ids.uuid(),
            kind=AgreementKind.CONSENT,
            state=AgreementState.REQUESTED,
            account_id=role.merchant.account_id,
            merchant_id=role.merchant.id,
            person_id=actor.person.id,
            payer=msisdn,
            amount_minor=0,
            currency=role.merchant.currency,
            reference=self._ids.uuid(),
            code=code_from_bytes(self._ids.random_bytes(ORDER_CODE_BYTES)),
            created_ms=now_ms,
            updated_ms=now_ms,
            until_ms=wait_ms,
            due_ms=wait_ms,
            staff_id=role.row.id,
        )
        asking = self._phones.asking(actor, msisdn, staff=True)
        if why := await self._phones.refusal(row, asking, actor):
            return EffectResult(result=v.DetailsAsked(refused=why))
        # The row comes before the call, so that it counts while the phone is being asked.
        return EffectResult((KeepAgreement(row, asking),), provider_call=lambda: self._ask(row))

    async def _ask(self, row: AgreementRow) -> v.DetailsAsked:
        asked = await self._calls.ask(
            row.account_id,
            AsksConsent,
            lambda adapter, account: adapter.ask_consent(account, row.payer),
            self._timeouts.look_up_s,
        )
        now_ms = self._clock()
        if isinstance(asked, ProviderError):
            # Where nobody knows, the phone may have been asked.
            unsure = isinstance(asked, Unknown | Malformed)
            await self._end(row, AgreementState.EXPIRED if unsure else AgreementState.CANCELLED)
            return v.DetailsAsked(refused="unknown" if isinstance(asked, Declined) else "not_available")
        until_ms = now_ms + int(asked.expires_s * 1000)
        sealed = self._sealed(asked.id)
        await self._store.commit(
            [MoveAgreement(row.id, row.version, now_ms, until_ms, until_ms=until_ms, provider_id=sealed)]
        )
        return v.DetailsAsked(id=row.id)

    async def see(self, actor: Actor, *, staff_id: str, asked_id: str) -> v.Details:
        """Asked of the provider every time; what was once given is told once and then over."""
        role = await self._roles.acting(staff_id, Right.DETAILS, actor)
        row = await self._store.agreement(asked_id)
        if isinstance(role, str) or row is None or row.staff_id != role.row.id or not actor.msisdn:
            return v.Details("not_available")
        if row.kind is not AgreementKind.CONSENT or row.state is not AgreementState.REQUESTED:
            return v.Details(_ENDED.get(row.state, "expired"))
        if not await self._store.count(f"see:{row.id}", 5_000, self._clock(), 2):
            return v.Details("waiting")
        asked = self._opened(row)
        found = await self._calls.ask(
            row.account_id,
            AsksConsent,
            lambda adapter, account: adapter.consent(account, asked),
            self._timeouts.look_up_s,
        )
        if isinstance(found, ProviderError):
            return v.Details("not_available")
        if found.state is ConsentState.WAITING:
            return v.Details("waiting")
        if found.state is not ConsentState.GIVEN:
            refused = found.state is ConsentState.REFUSED
            await self._end(row, AgreementState.REFUSED if refused else AgreementState.EXPIRED)
            return v.Details(found.state.value)
        token = found.token
        info = await self._calls.ask(
            row.account_id,
            AsksConsent,
            lambda adapter, account: adapter.user_info(account, token),
            self._timeouts.look_up_s,
        )
        # The id is used up either way.
        await self._end(row, AgreementState.ACTIVE)
        if isinstance(info, ProviderError):
            return v.Details("not_available")
        return v.Details("given", _lines(info))

    async def _end(self, row: AgreementRow, to_state: AgreementState) -> None:
        now_ms = self._clock()
        moved = MoveAgreement(
            row.id,
            row.version,
            now_ms,
            None,
            to_state,
            Source.POLL,
            provider_id="",
            note="asked on the phone",
        )
        try:
            await self._store.commit([moved])
        except Conflict:
            return  # ended meanwhile

    def _sealed(self, asked: Secret) -> str:
        return base64.b64encode(self._sealer.seal(asked.reveal().encode(), secrets.token_bytes(12))).decode()

    def _opened(self, row: AgreementRow) -> Secret:
        return Secret((self._sealer.open(base64.b64decode(row.provider_id)) or b"").decode())


def _lines(info: UserInfo) -> tuple[v.DetailLine, ...]:
    """What is told of it, in a fixed order; the name put together where it comes in parts."""
    name = info.name or " ".join(part for part in (info.given_name, info.family_name) if part)
    told = {label: getattr(info, label) for label in _SHOWN}
    told |= {"name": name, "birthdate": _written_out(info.birthdate)}
    return tuple(v.DetailLine(label, told[label]) for label in _SHOWN if told[label])


def _written_out(day: str) -> str:
    """An ISO date as our screens show days: `13/08/1976`. What is none stays as it is."""
    try:
        return f"{date.fromisoformat(day):%d/%m/%Y}"
    except ValueError:
        return day
