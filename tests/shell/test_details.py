"""What a customer shares: asked for, shown once, and kept nowhere."""

import msgspec
import pytest

from bot.dialog import views as v
from bot.money import AgreementState, Source
from bot.operations.actor import Actor
from bot.operations.consents import Consents
from bot.providers.base import Call, Consent, Secret
from bot.providers.momo.adapter import Momo
from bot.providers.momo.settings import MomoAccount
from bot.store.base import KeepStaff
from tests.conversations.people import Phone, decide
from tests.conversations.stage import CASHIER, EFUA, STAFF_PIN, Stage
from tests.operations.actors import make_actor

BORN, NAME = "1976-08-13", "Efua Mensah"


async def asked_by(stage: Stage) -> tuple[Consents, Actor, str]:
    """The cashier, who has just asked Efua; and the id of what was asked."""
    phone = Phone(stage, CASHIER)
    await phone.dial()
    for answer in ("5", "8", EFUA, STAFF_PIN):
        await phone.answer(answer)
    (row,) = stage.rows("SELECT id, person_id, staff_id FROM agreements")
    person = await stage.store.person(row["person_id"])
    address = next(a for a in await stage.store.addresses_of(row["person_id"]) if a.kind == "msisdn")
    assert person is not None
    actor = make_actor(person, address, await stage.store.staff_of("msisdn", CASHIER))
    return stage.kasapay.operations.details, actor, row["id"]


async def state(stage: Stage, id: str) -> tuple[AgreementState, str]:
    row = await stage.store.agreement(id)
    assert row is not None
    return row.state, row.provider_id


async def test_what_is_shared_is_shown_once(stage: Stage) -> None:
    askers, actor, id = await asked_by(stage)
    see = {"staff_id": actor.staff[0].id, "asked_id": id}
    assert (await askers.see(actor, **see)).state == "waiting"
    decide(stage, EFUA, "approve")
    stage.clock.ms += 6000
    shown = await askers.see(actor, **see)
    assert [line.label for line in shown.lines] == ["name", "birthdate", "gender"]
    assert [line.value for line in shown.lines][:2] == [NAME, "13/08/1976"]
    assert await state(stage, id) == (AgreementState.ACTIVE, "")
    stage.clock.ms += 6000
    assert await askers.see(actor, **see) == v.Details("shown")


async def test_nobody_else_sees_them(stage: Stage) -> None:
    askers, actor, id = await asked_by(stage)
    decide(stage, EFUA, "approve")
    other = msgspec.structs.replace(actor.staff[0], id="another")
    await stage.store.commit([KeepStaff(other)])
    foreign = msgspec.structs.replace(actor, staff=(other,))
    assert (await askers.see(foreign, staff_id="another", asked_id=id)).state == "not_available"
    assert (await askers.see(foreign, staff_id=actor.staff[0].id, asked_id=id)).state == "not_available"
    unlinked = msgspec.structs.replace(actor, msisdn="")
    assert (await askers.see(unlinked, staff_id=actor.staff[0].id, asked_id=id)).state == "not_available"
    asked = await askers.ask(unlinked, staff_id=actor.staff[0].id, msisdn=EFUA)
    assert asked.result == v.DetailsAsked(refused="not_allowed")
    locked = msgspec.structs.replace(actor.staff[0], locked=True)
    late = msgspec.structs.replace(actor, staff=(locked,))
    assert (await askers.see(late, staff_id=locked.id, asked_id=id)).state == "not_available"
    assert await state(stage, id) != (AgreementState.ACTIVE, "")


@pytest.mark.parametrize(
    ("action", "word", "ends"),
    [("reject", "refused", AgreementState.REFUSED), ("ignore", "expired", AgreementState.EXPIRED)],
)
async def test_what_is_not_shared_is_over(stage: Stage, action: str, word: str, ends: AgreementState) -> None:
    askers, actor, id = await asked_by(stage)
    decide(stage, EFUA, action)
    stage.clock.ms += 6000 if action == "reject" else 3601_000
    see = {"staff_id": actor.staff[0].id, "asked_id": id}
    assert (await askers.see(actor, **see)).state == word
    assert await state(stage, id) == (ends, "")
    assert (await askers.see(actor, **see)).state == word
    assert [line.source for line in await stage.store.agreement_lines(id)][-1] is Source.POLL


async def test_impatience_is_answered_without_asking(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    askers, actor, id = await asked_by(stage)
    see = {"staff_id": actor.staff[0].id, "asked_id": id}
    asked, consent = [], Momo.consent

    def heard(adapter: Momo, account: MomoAccount, asked_for: Secret) -> Call[Consent]:
        asked.append(asked_for.reveal())
        return consent(adapter, account, asked_for)

    monkeypatch.setattr(Momo, "consent", heard)
    for _ in range(5):
        assert (await askers.see(actor, **see)).state == "waiting"
    assert asked == [stage.entries[0].reference] * 2


async def test_nothing_of_it_is_left_once_the_conversation_is_forgotten(stage: Stage) -> None:
    phone = Phone(stage, CASHIER)
    await phone.dial()
    for answer in ("5", "8", EFUA, STAFF_PIN):
        await phone.answer(answer)
    auth_req_id = next(entry.reference for entry in stage.entries if entry.kind == "consent")
    assert not stage.holds(auth_req_id)
    decide(stage, EFUA, "approve")
    stage.clock.ms += 6000
    for answer in ("1", STAFF_PIN):
        await phone.answer(answer)
    assert "13/08/1976" in phone.screen.text
    assert not stage.holds(auth_req_id)
    assert BORN not in str(stage.rows("SELECT * FROM agreements"))
    await phone.answer("1")
    stage.clock.ms += int(stage.times.remember_s * 1000) + 3600_000
    await stage.kasapay.worker._purge()
    assert not stage.rows("SELECT id FROM conversations")
    tables = [row["name"] for row in stage.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    kept = {name: str(stage.rows(f'SELECT * FROM "{name}"')) for name in tables}
    for secret in (BORN, "13/08/1976", NAME, auth_req_id):
        assert [name for name, rows in kept.items() if secret in rows] == []
