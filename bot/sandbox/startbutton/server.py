"""Startbutton as a server: its routes, whose key is for which, and the mobile-money charge with its OTP.

Source: Startbutton documentation (several editions). HTTP codes of refusals are not documented: 400,
401, 403 and 404 are our choice and a switch changes them.
"""

from collections.abc import Callable
from decimal import Decimal
from secrets import compare_digest, randbelow
from uuid import uuid4

from bot.sandbox.config import StartbuttonAccount
from bot.sandbox.fault_values import FaultValues
from bot.sandbox.model import Entry, Step
from bot.sandbox.routing import Exchange, Handler, Route
from bot.sandbox.startbutton import looks
from bot.sandbox.startbutton.checks import MINOR_PER_MAJOR, Charge, Declined, parse_charge
from bot.sandbox.startbutton.envelope import granted, refusal
from bot.sandbox.startbutton.events import ABANDONED, CHARGE, INITIATED
from bot.sandbox.startbutton.life import Startbutton
from bot.sandbox.startbutton.spending import Spending
from bot.sandbox.wire import Answer, BadBody, parse_object
from bot.sandbox.world import World

AccountHandler = Callable[[World, Exchange, StartbuttonAccount], Answer]


def build_routes(startbutton: Startbutton) -> list[Route]:
    """All Startbutton routes."""
    public, secret = "public", "secret"
    charge = "/transaction/initialize/s2s/mobile_money"
    desk, spending = _Desk(startbutton), Spending(startbutton)
    table: tuple[tuple[str, str, str, tuple[str, ...], AccountHandler], ...] = (
        ("POST", charge, "create", (public,), desk.charge),
        ("POST", f"{charge}/otp-verify", "otp", (public,), desk.verify_otp),
        ("GET", "/transaction/status/{reference}", "status", (secret,), looks.show_status),
        ("GET", "/transaction", "list", (secret,), looks.list_all),
        ("GET", "/wallet", "wallet", (secret,), looks.show_wallet),
        ("POST", "/transaction/transfer", "transfer", (secret,), spending.transfer),
        ("POST", "/transaction/refunds", "refund", (secret,), spending.refund),
        ("GET", "/transaction/refunds/{query}/status", "status", (secret,), spending.refund_status),
        ("GET", "/bank/list/{currency}", "bank", (secret,), looks.show_banks),
        (
            "GET",
            "/transaction/mobile-money/providers/{code}",
            "list",
            (public, secret),
            looks.show_providers,
        ),
    )
    return [
        Route(method, path, f"startbutton.{group}", _with_key(startbutton, kinds, handle))
        for method, path, group, kinds, handle in table
    ]


def _with_key(startbutton: Startbutton, kinds: tuple[str, ...], handle: AccountHandler) -> Handler:
    """`handle` for the account whose key of the right kind came with the request; else 401."""

    def guarded(world: World, ex: Exchange) -> Answer:
        scheme, _, key = ex.headers.get("Authorization", "").partition(" ")
        given = key.strip().encode("utf-8", "surrogateescape")
        for account in startbutton.accounts.values() if scheme.lower() == "bearer" else ():
            keys = {"public": account.public_key, "secret": account.secret_key}
            if any(compare_digest(given, keys[kind].encode()) for kind in kinds):
                if ex.faults.address_refused:
                    return refusal(Declined(403, "your address is not allowed"), ex.faults)
                return _handled(handle, world, ex, account)
        return refusal(Declined(401, "not authorised: wrong key for this endpoint"), ex.faults)

    return guarded


def _handled(handle: AccountHandler, world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
    try:
        return handle(world, ex, account)
    except Declined as declined:
        return refusal(declined, ex.faults)
    except BadBody as bad:
        return refusal(Declined(bad.status, bad.message), ex.faults)


class _Desk:
    """The operations, each for an account whose key was checked."""

    def __init__(self, startbutton: Startbutton) -> None:
        self._startbutton = startbutton

    def charge(self, world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
        """Attempt a charge; nothing is paid yet. A used reference is refused or silently renewed."""
        charge = parse_charge(parse_object(ex.body), strict=world.config.strict)
        reference = ex.reference = charge.reference or uuid4().hex
        if world.find_entry("startbutton", account.name, reference) is not None:
            if ex.faults.duplicate_reference == "refuse":
                raise Declined(400, "duplicate reference")
            reference = uuid4().hex
        next_step = self._next_step(world, ex.faults, account, charge)
        entry = _new_entry(world, account, charge, reference)
        entry.knobs = ex.knobs
        if next_step == "OTP":
            self._ask_otp(world, entry)
        else:
            self._startbutton.plan(world, entry, prompt=True)
        world.add_entry(entry)
        self._startbutton.forge_at_once(world, entry)
        ex.created = entry
        shown = {"absent": None, "unknown": "REDIRECT"}.get(ex.faults.next_step, next_step)
        data = {"nextStep": shown, "reference": entry.provider_reference}
        return granted(
            ex.faults,
            "Charge attempted, requery to get status",
            {name: value for name, value in data.items() if value is not None},
        )

    def _next_step(
        self, world: World, faults: FaultValues, account: StartbuttonAccount, charge: Charge
    ) -> str:
        if faults.next_step == "rule":
            return "PIN" if _phone_key(account.name, charge.msisdn) in world.known_phones else "OTP"
        return "OTP" if faults.next_step == "OTP" else "PIN"

    def _ask_otp(self, world: World, entry: Entry) -> None:
        """Wait for a code: a true one on the handset, any six digits for a number without one."""
        times = world.config.startbutton
        entry.timeline = [Step(entry.created_at + times.abandoned_s, ABANDONED)]
        until = entry.created_at + times.otp_s
        entry.detail |= {"otp_left": times.otp_tries, "otp_until": until, "otp": None}
        if entry.msisdn in world.handsets:
            code = f"{randbelow(1_000_000):06d}"
            while code == times.wrong_otp:
                code = f"{randbelow(1_000_000):06d}"
            entry.detail["otp"] = code
            payee = self._startbutton.accounts[entry.account].payee
            text = f"{code} is your code to pay {payee}. Do not share it."
            world.send_sms(entry.msisdn, "Startbutton", text)

    def verify_otp(self, world: World, ex: Exchange, account: StartbuttonAccount) -> Answer:
        """Take the OTP of a charge, named by their reference only."""
        body = parse_object(ex.body)
        reference, otp = body.get("reference"), body.get("otp")
        if not isinstance(reference, str) or not isinstance(otp, str):
            raise Declined(400, "reference and otp are required as text")
        entry = world.find_entry("startbutton", account.name, reference)
        if entry is None or entry.provider_reference != reference:
            raise Declined(404, "transaction not found")
        ex.reference = entry.reference
        left = entry.detail.get("otp_left")
        if left is None or entry.status != INITIATED or entry.final_at is not None:
            raise Declined(400, "this transaction does not wait for an OTP")
        if not _otp_fits(world, entry, otp):
            entry.detail["otp_left"] = left - 1
            if left <= 1:
                self._startbutton.refuse_otp(world, entry)
            world.keep_entry(entry)
            raise Declined(400, "Invalid OTP", null_data=True)
        entry.detail |= {"otp_left": None, "otp": None}
        entry.status, entry.updated_at = "ongoing", world.now()
        world.remember_phone(_phone_key(account.name, entry.msisdn or ""))
        self._startbutton.plan(world, entry, prompt=world.faults.over(entry.knobs).otp_then_pin)
        world.keep_entry(entry)
        ex.created = entry  # the rest happens once this answer is out
        message = "Charge attempted"
        data = {"status": "requery", "message": "Confirming payment"}
        return granted(ex.faults, message, data, usual="status")


def _new_entry(world: World, account: StartbuttonAccount, charge: Charge, reference: str) -> Entry:
    now = world.now()
    return Entry(
        seq=world.new_seq(),
        provider="startbutton",
        kind=CHARGE,
        account=account.name,
        reference=reference,
        provider_reference=uuid4().hex[:12],
        external_id=None,
        amount=Decimal(charge.amount_minor) / MINOR_PER_MAJOR,
        currency=charge.currency,
        party=charge.phone,
        msisdn=charge.msisdn,
        status=INITIATED,
        created_at=now,
        updated_at=now,
        callback_url=account.webhook_url or None,
        detail={"email": charge.email, "provider": charge.provider},
    )


def _phone_key(account: str, msisdn: str) -> str:
    return f"{account}:{msisdn}"


def _otp_fits(world: World, entry: Entry, otp: str) -> bool:
    if len(otp) != 6 or not (otp.isascii() and otp.isdigit()) or world.now() > entry.detail["otp_until"]:
        return False
    wanted = entry.detail["otp"]
    return otp != world.config.startbutton.wrong_otp if wanted is None else compare_digest(otp, wanted)
