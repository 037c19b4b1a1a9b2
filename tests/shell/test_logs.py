"""Logs: JSON lines with no number in them, whoever wrote the line and wherever the number stood."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.runtime.logs import configure_logs, mask_numbers

NUMBER = "+233240000001"
MASKED = "+233***001"


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Configures logging as a process of ours does, and gives back what was written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("httpx", "telegram", "asyncio")}
    config = structlog.get_config()
    stream = io.StringIO()
    configure_logs("DEBUG", stream)
    structlog.configure(cache_logger_on_first_use=False)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**config)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (NUMBER, MASKED),
        ("233240000001", "2332***001"),
        ("0240000001", "0240***001"),
        ("240000001", "2400***001"),
        (f"payer {NUMBER}, sent", f"payer {MASKED}, sent"),
        (f"tel:{NUMBER}", f"tel:{MASKED}"),
        (f"from={NUMBER}&to={NUMBER}", f"from={MASKED}&to={MASKED}"),
        ("/msisdn/233240000001/active", "/msisdn/2332***001/active"),
        (f'{{"partyId":"{NUMBER}"}}', f'{{"partyId":"{MASKED}"}}'),
        (f"({NUMBER})", f"({MASKED})"),
        (f"{NUMBER}.", f"{MASKED}."),
        ("%2B233240000001", "%2B2332***001"),
        ("user_233240000001", "user_2332***001"),
        ("web-233240000001", "web-2332***001"),
    ],
)
def test_a_number_is_masked_wherever_it_stands(text: str, masked: str) -> None:
    assert mask_numbers(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GHS 12.50",
        "K7QX2A9M",
        "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
        "1b4e28ba-2fa1-41d2-883f-123456789012",
        "1b4e28ba2fa141d2883f0016d3cca427",
        "took 12345678 ms",
        "2026-11-21T10:43:17.123456Z",
        "version 3.11.2",
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    assert mask_numbers(text) == text


@given(st.text(" ,;:=/'\"()[]{}<>|&?\n", min_size=1, max_size=3), st.integers(100000000, 10**15 - 1))
def test_no_number_between_blanks_and_marks_is_left(around: str, number: int) -> None:
    for written in (str(number), f"+{number}"):
        assert str(number) not in mask_numbers(f"{around}{written}{around}")


def test_an_event_is_one_json_line(lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger("turn").info("turn", outcome="answered", took_ms=3)
    (line,) = lines()
    assert line["event"] == "turn"
    assert line["outcome"] == "answered"
    assert line["took_ms"] == 3
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


class Thing:
    def __repr__(self) -> str:
        return f"Thing({NUMBER})"


@pytest.mark.parametrize(
    "value",
    [
        NUMBER,
        [NUMBER],
        (NUMBER, 1),
        {"payer": NUMBER},
        {NUMBER: "payer"},
        {"deep": [{"er": (NUMBER,)}]},
        ValueError(f"{NUMBER} is not known"),
        Thing(),
        {NUMBER},
        NUMBER.encode(),
        Decimal(NUMBER),
    ],
    ids=repr,
)
def test_a_number_inside_any_value_is_masked(value: Any, lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().warning("odd", what=value)
    assert "233240000001" not in json.dumps(lines())
    assert "***001" in json.dumps(lines())


def test_a_number_in_the_event_or_a_bound_value_is_masked(lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().bind(address=NUMBER).error(f"no answer from {NUMBER}")
    with structlog.contextvars.bound_contextvars(payer=NUMBER):
        structlog.get_logger().info("bound")
    first, second = lines()
    assert first["event"] == f"no answer from {MASKED}"
    assert first["address"] == second["payer"] == MASKED


def test_a_traceback_is_masked(lines: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        raise KeyError(NUMBER)
    except KeyError:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    assert "KeyError" in line["exception"]
    assert "233240000001" not in line["exception"]


def test_other_libraries_write_the_same_lines(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logging.getLogger("some.library").warning("could not reach %s", NUMBER)
    try:
        raise ValueError(NUMBER)
    except ValueError:
        logging.getLogger("some.library").exception("also %s", NUMBER)
    first, second = lines()
    assert first["event"] == f"could not reach {MASKED}"
    assert first["level"] == "warning"
    assert "233240000001" not in json.dumps(second)


@pytest.mark.parametrize("name", ["httpx", "httpcore", "telegram", "aiohttp.access", "asyncio", "sqlalchemy"])
def test_loggers_that_print_addresses_are_held(name: str, lines: Callable[[], list[dict[str, Any]]]) -> None:
    logging.getLogger(name).info("HTTP Request: GET https://api.telegram.org/bot123:token/getMe")
    logging.getLogger(f"{name}.inner").info("GET /ussd/hubtel/secret")
    assert lines() == []
    logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in lines()] == ["trouble"]


def test_a_reference_is_kept_whole(lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().info("order", reference="123456789012")
    assert lines()[0]["reference"] == "123456789012"


def test_figures_stay_figures(lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger().info("x", at_ms=1_790_000_000_000, ok=True, none=None, share=0.5)
    (line,) = lines()
    assert (line["at_ms"], line["ok"], line["none"], line["share"]) == (1_790_000_000_000, True, None, 0.5)


def test_the_level_is_kept(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logging.getLogger().setLevel("WARNING")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines()] == ["loud"]
