"""The descriptions themselves: whole, of what the sandbox serves and nothing else, their examples true."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from bot.sandbox.app import SANDBOX, build_app
from bot.sandbox.config import SandboxConfig
from bot.sandbox.momo.magic import CURRENCIES
from bot.sandbox.routing import Route

from .description import Description, _inline, load, read_description

NAMES = ("mtn-momo", "startbutton")


def described(name: str) -> set[tuple[str, str]]:
    """Method and path of every operation, a product's name put in, and what varies without its name."""
    return {
        (operation.method, re.sub(r"\{\w+\}", "{}", operation.template.replace("{product}", product)))
        for operation in read_description(name).operations
        for product in ("collection", "disbursement")
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_the_sandbox_serves_is_described_and_nothing_else(name: str) -> None:
    side = "momo" if name == "mtn-momo" else "startbutton"
    served = {
        (route.method, re.sub(r"\{\w+\}", "{}", route.template))
        for route in routes()
        if route.provider == side
    }
    assert described(name) == served


def routes() -> list[Route]:
    app = build_app(SandboxConfig())
    return [route for _, route in app[SANDBOX].routes._table]


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_has_an_id_of_its_own(name: str) -> None:
    ids = [operation.id for operation in read_description(name).operations]
    assert len(ids) == len(set(ids))


def bodies(name: str) -> Iterator[tuple[str, Any]]:
    for operation in read_description(name).operations:
        yield f"{operation.id} request", operation.raw.get("requestBody", {})
        for status, reply in operation.raw["responses"].items():
            yield f"{operation.id} {status}", reply


@pytest.mark.parametrize("name", NAMES)
def test_every_body_has_an_example_that_fits(name: str) -> None:
    for place, body in bodies(name):
        for media, content in body.get("content", {}).items():
            shown = [content["example"]] if "example" in content else []
            shown += [example["value"] for example in content.get("examples", {}).values()]
            assert shown or media == "text/html", f"{place} has no example"
            for example in shown:
                errors = [
                    error.message for error in Draft202012Validator(content["schema"]).iter_errors(example)
                ]
                assert errors == [], place


@pytest.mark.parametrize("name", NAMES)
def test_every_component_is_used(name: str) -> None:
    document = load(name)
    text = str(document)
    for kind, entries in document["components"].items():
        if kind != "securitySchemes":
            assert [entry for entry in entries if f"#/components/{kind}/{entry}'" not in text] == []


def test_environments_and_currencies_are_those_of_the_sandbox() -> None:
    schemas = load("mtn-momo")["components"]["schemas"]
    assert set(schemas["Environment"]["enum"]) == set(CURRENCIES)
    assert set(schemas["Currency"]["enum"]) == {one for some in CURRENCIES.values() for one in some}


def test_the_references_of_a_document_are_put_in() -> None:
    whole: dict[str, Any] = {"a": {"b": {"type": "string"}}, "c": {"$ref": "#/a/b", "description": "d"}}
    assert _inline(whole["c"], whole) == {"type": "string", "description": "d"}
    empty = Description({"paths": {}, "components": {"securitySchemes": {}}})
    assert empty.find("GET", "/") is None


def test_every_day_of_the_calendar_is_a_day_and_no_other_is() -> None:
    shape = load("startbutton")["components"]["schemas"]["Day"]["pattern"]
    for year in (2023, 2024, 2099):
        days = {date(year, 1, 1) + timedelta(days=n) for n in range(366)}
        said = {f"{year}-{month:02}-{day:02}" for month in range(14) for day in range(33)}
        assert {text for text in said if re.search(shape, text)} == {
            str(day) for day in days if day.year == year
        }
