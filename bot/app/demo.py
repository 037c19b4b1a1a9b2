"""`run` and `tour`: everything in one process on pretend money, with no setting needed.

The sandbox plays the providers, the SMS gateway and the wallets on a port of its own; Kasapay talks to
it over HTTP as it would to the real ones. What is kept stands in one folder and survives a kill.
"""

import json
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from pydantic import SecretStr

from bot.admin.registry import COMMANDS
from bot.app.build import CannotStart, Kasapay, build, running
from bot.app.listening import cannot_listen, find_free_port, url_of
from bot.app.pretend_phone import play_phone
from bot.channels.ussd import GATEWAYS
from bot.providers import Secret
from bot.providers.momo.settings import MomoAccount, ProductKeys
from bot.providers.startbutton.settings import StartbuttonAccount
from bot.runtime.clock import Clock, Ids, wall_clock_ms
from bot.runtime.keys import Sealer
from bot.runtime.timeouts import TIMES, Timeouts
from bot.sandbox import RecordError, SandboxConfig, serve_sandbox
from bot.settings.gateways import GatewaySettings
from bot.settings.settings import Settings
from bot.store import migrate
from bot.store.base import KeepStaff, SaveAddress, SavePerson
from bot.store.records import AddressRow, PersonRow, StaffRow
from bot.web import TryCustomer, TryIt, TryMerchant, TryStaff

__all__ = ["CUSTOMERS", "MERCHANTS", "STAFF", "STAFF_PIN", "Embedded", "run_embedded"]

MERCHANTS: Final = (
    TryMerchant("1001", "Ama's Kitchen", "GHS", "MTN MoMo"),
    TryMerchant("1002", "Kofi Books", "GHS", "Startbutton"),
    TryMerchant("1003", "Duka la Mama", "KES", "Startbutton"),
)
_CONNECTIONS: Final = {"1001": "momo-ghana", "1002": "startbutton-ghs", "1003": "startbutton-kes"}
CUSTOMERS: Final = (
    TryCustomer("Efua, in Ghana", "+233240000001", "1234"),
    TryCustomer("Kwame, in Ghana", "+233240000002", "1234"),
    TryCustomer("Wanjiru, in Kenya", "+254700000001", "1234"),
)
STAFF_PIN: Final = "2468"
STAFF: Final = (
    TryStaff("Ama, owner of Ama's Kitchen", "+233240000009", STAFF_PIN, "1001"),
    TryStaff("Esi, cashier of Ama's Kitchen", "+233240000008", "1357", "1001"),
    TryStaff("Yaw, accountant of Ama's Kitchen", "+233240000007", "8642", "1001"),
    TryStaff("Kofi, owner of Kofi Books", "+233240000006", "9753", "1002"),
)
# Refunds and payouts above it need Ama and Yaw both.
_APPROVE_OVER: Final = {"1001": "500"}
# Minor units. In pretend money too, so that the page shows what a limit says.
_PAYOUT_LIMITS: Final = {"number_day": 1_000_00, "merchant_day": 5_000_00, "total_day": 20_000_00}
_BILLS: Final = {"ECG": "ecg.sandbox"}

_HANDSETS: Final[list[dict[str, Any]]] = [
    {"msisdn": "233240000001", "name": "Efua Mensah", "pin": "1234", "balance": {"GHS": "500.00"}},
    {"msisdn": "233240000002", "name": "Kwame Boateng", "pin": "1234", "balance": {"GHS": "20.00"}},
    {"msisdn": "254700000001", "name": "Wanjiru Kamau", "pin": "1234", "balance": {"KES": "9000.00"}},
    {"msisdn": "233240000009", "name": "Ama Owusu", "pin": "1234", "balance": {"GHS": "1000.00"}},
    {"msisdn": "233240000008", "name": "Esi Darko", "pin": "1234", "balance": {"GHS": "50.00"}},
    {"msisdn": "233240000007", "name": "Yaw Asante", "pin": "1234", "balance": {"GHS": "50.00"}},
    {"msisdn": "233240000006", "name": "Kofi Addo", "pin": "1234", "balance": {"GHS": "200.00"}},
]
_PLACE: Final = "the sandbox of kasapay run"
_ASKS_PER_S: Final = 50  # the sandbox has no limit
_SUBSCRIPTION_KEY: Final = "0" * 31 + "1"
_API_USER: Final = "7b6d3f6e-2d9a-4a53-9d2c-0f1d0c8a4e11"
_API_KEY: Final = "0" * 31 + "2"
_PAYOUT_SUBSCRIPTION_KEY: Final = "0" * 31 + "3"
_PAYOUT_API_USER: Final = "7b6d3f6e-2d9a-4a53-9d2c-0f1d0c8a4e12"
_PAYOUT_API_KEY: Final = "0" * 31 + "4"
_SMS_USER: Final = "sandbox"
_SMS_KEY: Final = "sandbox-sms-key"
_KEYS: Final = {
    "startbutton-ghs": ("pk_sandbox_ghs", "sk_sandbox_ghs"),
    "startbutton-kes": ("pk_sandbox_kes", "sk_sandbox_kes"),
}


@dataclass(frozen=True, slots=True)
class Embedded:
    """What runs, and where."""

    kasapay: Kasapay
    url: str
    sandbox_url: str
    ussd_path: str
    folder: Path


@asynccontextmanager
async def run_embedded(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    sandbox_port: int = 0,
    database: Path | None = None,
    clock: Clock = wall_clock_ms,
    timeouts: Timeouts = TIMES,
    extra: Settings | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> AsyncIterator[Embedded]:
    """Start the sandbox and Kasapay on it, with the demo merchants. Raises CannotStart.

    Port 0 takes any free one. `extra` adds what a developer has set in the environment (Telegram,
    the short code, languages); accounts and gateways are the demo's own. `say`
    is told of the connection to Telegram.
    """
    folder.mkdir(parents=True, exist_ok=True)
    database = database or folder / "kasapay.db"
    database.parent.mkdir(parents=True, exist_ok=True)
    secret = _own_secret(database.with_name(database.name + ".key"))
    ussd_secret = Sealer(secret).hash("try", "ussd")
    async with AsyncExitStack() as stack:
        # The callback addresses need our port before we listen on it.
        try:
            port = port or find_free_port(host)
        except OSError as error:
            raise CannotStart(cannot_listen(host, port, error)) from error
        url = url_of(host, port)
        sandbox = await stack.enter_async_context(_sandbox(folder, url, sandbox_port))
        settings = _settings(
            extra or Settings.model_validate({}), secret, ussd_secret, database, url, sandbox
        )
        ussd_path = f"/ussd/africastalking/{ussd_secret}"
        tryit = TryIt(
            sandbox_url=sandbox,
            short_code=settings.short_code,
            play_phone=play_phone,
            customers=CUSTOMERS,
            staff=STAFF,
            merchants=MERCHANTS,
        )
        migrate(settings.database_url)
        kasapay = build(settings, clock=clock, timeouts=timeouts, tryit=tryit, callback_url=url)
        if kasapay.telegram_link is not None:
            kasapay.telegram_link.say = say

        async def prepare() -> None:
            """Whoever finds the page finds the merchants, and `kasapay dial` finds us."""
            await _seed(kasapay)
            _tell_dial(folder, url_of(host, port), ussd_secret, settings.short_code)

        address = await stack.enter_async_context(running(kasapay, host=host, port=port, first=prepare))
        yield Embedded(kasapay, address, sandbox, ussd_path, folder)


@asynccontextmanager
async def _sandbox(folder: Path, url: str, port: int) -> AsyncIterator[str]:
    config = SandboxConfig.from_dict(
        {
            "database": str(folder / "sandbox.db"),
            "handsets": _HANDSETS,
            "momo": {
                "users": [
                    {
                        "api_user": _API_USER,
                        "api_key": _API_KEY,
                        "product": "collection",
                        "subscription_keys": [_SUBSCRIPTION_KEY],
                        "environment": "mtnghana",
                        "callback_host": urlsplit(url).hostname,
                        "payee": "Ama's Kitchen",
                    },
                    {
                        "api_user": _PAYOUT_API_USER,
                        "api_key": _PAYOUT_API_KEY,
                        "product": "disbursement",
                        "subscription_keys": [_PAYOUT_SUBSCRIPTION_KEY],
                        "environment": "mtnghana",
                        "callback_host": urlsplit(url).hostname,
                        "payee": "Ama's Kitchen",
                        "balance": "2000",
                    },
                ]
            },
            "startbutton": {
                "accounts": [
                    {
                        "name": name,
                        "public_key": public,
                        "secret_key": private,
                        "webhook_url": f"{url}/callbacks/startbutton/{name}",
                        "payee": next(m.name for m in MERCHANTS if _CONNECTIONS[m.code] == name),
                    }
                    for name, (public, private) in _KEYS.items()
                ]
            },
        }
    )
    try:
        async with serve_sandbox(config, "127.0.0.1", port) as sandbox:
            yield sandbox.url
    except RecordError as error:
        raise CannotStart(
            f"Another `kasapay run` seems to use the folder {folder}: stop it, "
            f"or give this one another with --folder. ({error}.)"
        ) from error
    except OSError as error:
        raise CannotStart(cannot_listen("127.0.0.1", port, error, "--sandbox-port")) from error


def _settings(
    extra: Settings, secret: str, ussd_secret: str, database: Path, url: str, sandbox: str
) -> Settings:
    accounts = (
        MomoAccount(
            id="momo-ghana",
            provider="momo",
            base_url=sandbox,
            place=_PLACE,
            currency="GHS",
            region="GH",
            collection=ProductKeys(
                subscription_key=Secret(_SUBSCRIPTION_KEY), api_user=_API_USER, api_key=Secret(_API_KEY)
            ),
            disbursement=ProductKeys(
                subscription_key=Secret(_PAYOUT_SUBSCRIPTION_KEY),
                api_user=_PAYOUT_API_USER,
                api_key=Secret(_PAYOUT_API_KEY),
            ),
            target_environment="mtnghana",
            name="MTN MoMo Ghana",
            asks_per_s=_ASKS_PER_S,
            payout_limits=_PAYOUT_LIMITS,
            invoice_successful_means="paid",
            bills=_BILLS,
            payee=STAFF[0].msisdn,
        ),
        *(
            StartbuttonAccount(
                id=f"startbutton-{currency.lower()}",
                provider="startbutton",
                base_url=sandbox,
                place=_PLACE,
                currency=currency,
                region=region,
                public_key=Secret(keys[0]),
                secret_key=Secret(keys[1]),
                email="payments@kasapay.example",
                networks=networks,
                name=f"Startbutton {currency}",
                asks_per_s=_ASKS_PER_S,
                payout_limits=_PAYOUT_LIMITS,
                refund_unit="minor",
                whole_amounts=False,
            )
            for currency, region, networks, keys in (
                ("GHS", "GH", ("MTN", "VOD", "ATL"), _KEYS["startbutton-ghs"]),
                ("KES", "KE", ("mpesa",), _KEYS["startbutton-kes"]),
            )
        ),
    )
    gateways = tuple(GatewaySettings(name, SecretStr(ussd_secret), ()) for name in GATEWAYS)
    return extra.model_copy(
        update={
            "database_url": f"sqlite:///{database.absolute()}",
            "secret_key": SecretStr(secret),
            # A webhook comes from outside, by the address the developer gave.
            "public_url": extra.public_url if extra.telegram_mode == "webhook" and extra.public_url else url,
            "africastalking_username": _SMS_USER,
            "africastalking_api_key": SecretStr(_SMS_KEY),
            "africastalking_api_url": sandbox,
            "sms_sender": "Kasapay",
            "accounts": accounts,
            "gateways": gateways,
        }
    )


async def _seed(kasapay: Kasapay) -> None:
    """The demo merchants and their staff, made once. Whose phone is played is known, and has a language."""
    store = kasapay.store
    for msisdn in (*(person.msisdn for person in CUSTOMERS), *(person.msisdn for person in STAFF)):
        if await store.person_of("msisdn", msisdn) is None:
            now_ms, person_id = kasapay.clock(), Ids().uuid()
            known = PersonRow(person_id, kasapay.settings.default_language, now_ms, language_chosen=True)
            at = AddressRow(Ids().uuid(), person_id, "msisdn", msisdn, now_ms, now_ms, verified_ms=now_ms)
            await store.commit([SavePerson(known), SaveAddress(at)])
    for merchant in MERCHANTS:
        if await store.merchant_by_code(merchant.code) is None:
            await COMMANDS["merchants.add"](
                kasapay.admin,
                {
                    "code": merchant.code,
                    "name": merchant.name,
                    "account": _CONNECTIONS[merchant.code],
                    "approve_over": _APPROVE_OVER.get(merchant.code, ""),
                },
            )
    for person in STAFF:
        merchant_row = await store.merchant_by_code(person.merchant)
        assert merchant_row is not None
        # The label says who, and as what. Whoever was removed stays removed.
        name, _, role = person.label.partition(", ")
        if any(row.name == name for row in await store.staff_of_merchant(merchant_row.id)):
            continue
        row = StaffRow(
            id=Ids().uuid(),
            merchant_id=merchant_row.id,
            role=role.split()[0],
            name=name,
            created_ms=kasapay.clock(),
            address_kind="msisdn",
            address_value=person.msisdn,
            pin_hash=PasswordHasher().hash(person.pin),
        )
        await store.commit([KeepStaff(row)])


def _own_secret(path: Path) -> str:
    """The secret key beside the database, made at the first start and readable by its owner only."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        secret = secrets.token_hex(32)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as out:
            out.write(secret + "\n")
        return secret
    except (OSError, ValueError) as error:
        raise CannotStart(f"{path} cannot be read: {error}.") from error


def _tell_dial(folder: Path, url: str, ussd_secret: str, short_code: str) -> None:
    """Leave what `kasapay dial` needs to find this process; readable by its owner only."""
    path = folder / "run.json"
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        json.dump({"url": url, "ussd_secret": ussd_secret, "short_code": short_code}, out)
