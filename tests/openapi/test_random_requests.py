"""Requests drawn from the descriptions, fitting and not, against the sandbox: it answers each, soon, with
what is described; and never with a 5xx but for those by which MoMo names a mistake of the caller's.

A run sends what is at the boundaries of fitting, a quarter of what is just beyond them, and a few random
requests, other ones every time. `KASAPAY_OPENAPI_EXAMPLES=100` sends all of what is beyond to both modes of
the sandbox, and 100 random requests for each operation and way: minutes, with
`-o faulthandler_timeout=0`.
"""

import copy
import logging
import os
import random
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.config import GenerationConfig

from .description import Description, load
from .pretend import PRODUCTS, World, open_world

THOROUGH: Final = int(os.environ.get("KASAPAY_OPENAPI_EXAMPLES", "0"))
# The first that is drawn is always the simplest there is.
FEW: Final = 2
PATIENCE_S: Final = 20.0
NOTES: Final = ("payerMessage", "payeeNote", "description", "senderNote", "receiverMessage")
# These take the id of something in the right state, which nobody draws by chance.
NEVER_GRANTED: Final = {
    "mtn-momo": {"redeemConsent", "showUserInfo", "cancelPreApproval"},
    "startbutton": {"verifyOtp", "refund"},
}


class Fire:
    """One description against a strict and a lenient sandbox."""

    def __init__(self, name: str, worlds: tuple[World, ...]) -> None:
        document = narrowed(name)
        self.worlds = worlds
        self.description = Description(document)
        self.schema = schemathesis.openapi.from_dict(document)
        self.operations = [found.ok() for found in self.schema.get_all_operations()]
        self.session = requests.Session()
        self.session.trust_env = False
        self.granted: set[str] = set()
        self.mistakes = set(document["components"]["responses"].get("Fault", {}).get("x-our-mistakes", ()))

    def prepare(self, world: World, case: Case) -> None:
        """Let the request in, and give what it makes a reference that nobody has used."""
        raw = case.operation.definition.raw
        product = next((one for one in PRODUCTS if one in case.formatted_path.split("/")), PRODUCTS[0])
        for scheme in raw.get("security", [{"subscriptionKey": [], "bearer": []}])[0]:
            case.headers.update(world.credentials(scheme, product))
        if "X-Target-Environment" in case.headers:
            case.headers["X-Target-Environment"] = "sandbox"
        if case.meta is None or not case.meta.generation.mode.is_positive:
            return
        if "X-Reference-Id" in case.headers:
            case.headers["X-Reference-Id"] = str(uuid.uuid4())
        if isinstance(case.body, dict) and raw["operationId"] in ("chargeWallet", "transfer"):
            fresh = {"reference": uuid.uuid4().hex} if "reference" in case.body else {}
            case.body = {**case.body, **fresh}

    def shoot(self, world: World, case: Case) -> None:
        """Send it; fails for an answer that must not be."""
        reply = case.call(base_url=world.url, session=self.session, timeout=PATIENCE_S)
        if reply.status_code >= 500:
            assert self.names_a_mistake(case, reply), (reply.status_code, reply.content[:300], case)
        operation = self.description.find(case.method, urlsplit(reply.request.url).path)
        if operation is None:  # no such path, or not by this method
            assert reply.status_code in (400, 404, 405), (reply.status_code, case)
            return
        headers = {name.lower(): ", ".join(told) for name, told in reply.headers.items()}
        found = self.description.reply_faults(operation, reply.status_code, headers, reply.content)
        assert list(found) == [], case
        if reply.status_code < 300:
            self.granted.add(operation.id)

    def names_a_mistake(self, case: Case, reply: schemathesis.Response) -> bool:
        """Whether a 5xx is one that MoMo answers for the caller's own configuration or for an empty note."""
        if reply.status_code != 500 or reply.headers.get("content-type") != ["application/json"]:
            return False
        told = reply.json()
        if not isinstance(told, dict) or told.keys() != {"code", "message"}:
            return False
        if told["code"] == "INTERNAL_PROCESSING_ERROR":
            return isinstance(case.body, dict) and any(case.body.get(name) == "" for name in NOTES)
        return told["code"] in self.mistakes

    def at_the_boundaries(self) -> None:
        """What fits to the strict sandbox; of what does not, of eight one to that, one to the lenient."""
        offset = random.randrange(8)
        for operation in self.operations:
            known = self.known(self.worlds[0], operation)
            for case in self.boundaries(operation, GenerationMode.POSITIVE):
                self.prepare(self.worlds[0], case)
                self.shoot(self.worlds[0], case)
                if known:
                    case.path_parameters.update(known)
                    self.shoot(self.worlds[0], case)
            for number, case in enumerate(self.boundaries(operation, GenerationMode.NEGATIVE), offset):
                for world in self.worlds if THOROUGH else self.worlds[number % 8 : number % 8 + 1]:
                    if number % 9:
                        self.prepare(world, case)
                    self.shoot(world, case)

    def boundaries(self, operation: Any, mode: GenerationMode) -> Iterator[Case]:
        return self.schema.iter_coverage_cases(
            operation, generation_modes=[mode], generation_config=GenerationConfig()
        )

    def at_random(self) -> None:
        for operation in self.operations if THOROUGH else random.sample(self.operations, 5):
            for mode in GenerationMode:
                for world in self.worlds:
                    self.draw(world, operation, mode)

    def draw(self, world: World, operation: Any, mode: GenerationMode) -> None:
        cases = operation.as_strategy(generation_mode=mode)
        known = self.known(world, operation)
        if known and mode.is_positive:
            cases |= operation.as_strategy(generation_mode=mode, path_parameters=known)

        @settings(max_examples=THOROUGH or FEW, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=cases, enters=st.integers(0, 8))
        def shot(case: Case, enters: int) -> None:
            if mode.is_positive or enters:
                self.prepare(world, case)
            self.shoot(world, case)

        shot()

    def known(self, world: World, operation: Any) -> dict[str, str]:
        return world.known.get(operation.definition.raw["operationId"], {})


def narrowed(name: str) -> dict[str, Any]:
    """The description with only what this world's environment takes, so that what fits is granted."""
    document = copy.deepcopy(load(name))
    if name == "mtn-momo":
        document["components"]["schemas"]["Currency"]["enum"] = ["EUR"]
        document["components"]["schemas"]["Environment"]["enum"] = ["sandbox"]
    return document


@pytest.mark.parametrize("name", ["mtn-momo", "startbutton"])
def test_whatever_is_sent_is_answered_as_described(name: str) -> None:
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # its lines hold paths, and those hold numbers
    with ExitStack() as stack:
        worlds = tuple(stack.enter_context(open_world(strict=strict)) for strict in (True, False))
        fire = Fire(name, worlds)
        fire.at_the_boundaries()
        assert {operation.id for operation in fire.description.operations} - fire.granted == NEVER_GRANTED[
            name
        ]
        fire.at_random()


def test_a_crash_would_be_seen(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def crash(code: str) -> None:
        raise TypeError(code)

    monkeypatch.setattr("bot.sandbox.startbutton.looks.list_providers", crash)
    with open_world(strict=True) as world:
        fire = Fire("startbutton", (world,))
        (operation,) = [
            one for one in fire.operations if one.definition.raw["operationId"] == "listProviders"
        ]
        case = next(iter(fire.boundaries(operation, GenerationMode.POSITIVE)))
        fire.prepare(world, case)
        with pytest.raises(AssertionError, match="500"):
            fire.shoot(world, case)
    assert "TypeError" in caplog.text
    caplog.clear()


@dataclass
class Told:
    """A reply, as far as it is judged."""

    body: Any
    status_code: int = 500
    headers: dict[str, list[str]] = field(default_factory=lambda: {"content-type": ["application/json"]})

    def json(self) -> Any:
        return self.body


def test_only_what_names_a_mistake_is_forgiven() -> None:
    fire = Fire("mtn-momo", ())
    empty, full = ({"payerMessage": text, "amount": "1"} for text in ("", "Lunch"))
    trouble, mistake = (
        {"code": code, "message": ""} for code in ("INTERNAL_PROCESSING_ERROR", "INVALID_CURRENCY")
    )
    judged = [
        fire.names_a_mistake(SimpleNamespace(body=body), told)  # type: ignore[arg-type]
        for body, told in (
            (full, Told(mistake)),
            (empty, Told(trouble)),
            (full, Told(trouble)),
            (full, Told(mistake | {"trace": ""})),
            (full, Told(mistake, 503)),
            (full, Told(mistake, headers={"content-type": ["text/plain"]})),
            (full, Told([mistake])),
            (full, Told({"code": "OUT_OF_MEMORY", "message": ""})),
        )
    ]
    assert judged == [True, True] + [False] * 6
