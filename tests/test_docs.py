"""The pages tell the truth: what they name exists, their links lead somewhere, the list of settings is whole.

A page names a thing that is not there yet (in an example) inside a fenced block. Of these only `python` ones
are looked at: they quote the code, and leave out with dots what does not matter.
"""

import ast
import importlib
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import typer

from bot.__main__ import app
from bot.channels.catalogue import Catalogue
from bot.channels.refusals import refusals
from bot.money import AgreementState, OrderState, Source, Verdict, judge, may_become
from bot.settings.gateways import names_of_gateways, settings_of_gateways
from bot.settings.reference import reference
from bot.settings.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "bot/DECISIONS.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
ROOMS = ("bot", "flows", "tests", "benchmarks")
FOLDERS = (*ROOMS, "docs", "locales", ".ci")


def prose(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def named(page: Path) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def drawings(page: Path) -> list[str]:
    return re.findall(r"^```mermaid\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def drawn(page: Path) -> list[str]:
    """The lines of the page's drawings."""
    return [line for drawing in drawings(page) for line in drawing.splitlines()]


def test_no_drawing_breaks_off_at_a_semicolon() -> None:
    """Mermaid ends a statement there."""
    assert [line for page in PAGES for line in drawn(page) if ";" in line] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_a_page_names_is_there(page: Path) -> None:
    """`<name>` in a path stands for any name."""
    words = [word for text in (*named(page), *drawn(page)) for word in re.findall(r"[\w.<>*/-]+", text)]
    paths = {word.rstrip(".") for word in words if word.startswith(tuple(f"{folder}/" for folder in FOLDERS))}
    missing = sorted(path for path in paths if not any(ROOT.glob(re.sub(r"<[^>]*>", "*", path).rstrip("/"))))
    assert missing == [], f"{page.name} names what is not there; was it moved?"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_of_the_code_a_page_uses_is_there(page: Path) -> None:
    """`bot.money.judge`, `Turns.take`, `EffectResult` and `keep_reply()` are names of the code."""
    words = [word for text in (*named(page), *drawn(page)) for word in re.findall(r"[\w.]+(?:\(\))?", text)]
    missing = {word for word in words if not _is_there(word)}
    assert sorted(missing) == [], f"{page.name} names what is not in the code; was it renamed?"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_line_of_code_a_page_quotes_is_there(page: Path) -> None:
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    quoted = {line.strip() for block in blocks for line in block.splitlines() if "..." not in line}
    assert sorted(quoted - _lines()) == [], f"{page.name} quotes what is not in the code any more"


@cache
def _lines() -> frozenset[str]:
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return frozenset(line.strip() for path in paths for line in path.read_text(encoding="utf-8").splitlines())


def _is_there(word: str) -> bool:
    parts = word.removesuffix("()").split(".")
    if parts[0] in ROOMS and len(parts) > 1 and parts[-1] not in ("py", "md", "toml"):
        return _resolves(parts)
    if re.fullmatch(r"[A-Z]\w*[a-z]\w*\.[a-z_]\w*(?:\(\))?", word):
        return ".".join(parts) in _members()
    if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", word) and word != "MoMo":
        return word in _members()
    return not word.endswith("()") or parts[-1] in {name.rpartition(".")[2] for name in _members()}


def _resolves(parts: list[str]) -> bool:
    for at in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        for name in parts[at:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@cache
def _members() -> frozenset[str]:
    """`name` of each function and class, and `Class.name` of what is defined or set in a class."""
    found = set()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            if not isinstance(node, ast.ClassDef):
                continue
            found.add(node.name)
            for inner in ast.walk(node):
                match inner:
                    case ast.FunctionDef() | ast.AsyncFunctionDef():
                        found.add(f"{node.name}.{inner.name}")
                    case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                        found.add(f"{node.name}.{name}")
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    ours = re.findall(r"(?:`|^\.venv/bin/|^)kasapay ([a-z][a-z-]*)", text, flags=re.M)
    assert set(ours) <= set(typer.main.get_group(app).commands)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    assert set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, flags=re.M)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        to = (page.parent / path).resolve() if path else page
        if not to.exists() or (anchor and anchor not in _anchors(to)):
            lost.append(target)
    assert lost == []


def _anchors(page: Path) -> set[str]:
    """The headings' addresses, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_list_of_settings_is_the_model() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == reference(), "write it anew: python -m bot.settings.reference > docs/settings.md"


def test_the_page_of_refusals_is_whole() -> None:
    page = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    assert page == refusals(Catalogue.load()), (
        "write it anew: python -m bot.channels.refusals > docs/refusals.md"
    )


def test_settings_named_after_a_gateway_or_an_account_are_known() -> None:
    taken = {f"{begin}{end}" for begin, ends in names_of_gateways().items() for end in ends}
    for name, said in settings_of_gateways().items():
        assert name.replace("<GATEWAY>", "HUBTEL") in taken
        assert said.endswith(".")
    assert not taken & {name.upper() for name in Settings.model_fields}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_drawing_of_the_rooms_is_what_import_linter_keeps() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    floors = [
        {room.strip().removeprefix("bot.") for room in layer.split("|")}
        for layer in next(one["layers"] for one in contracts["contracts"] if one["type"] == "layers")
    ]
    page = ROOT / "docs" / "architecture.md"
    assert [
        set(floor.split(" · ")) for floor in re.findall(r'f\d+\["(.+?)"\]', "\n".join(drawn(page)))
    ] == floors
    told = re.findall(r"^\| `(?:bot/)?([a-z]+)` \|", page.read_text(encoding="utf-8"), flags=re.M)
    assert set(told) == set.union(*floors)


def test_the_lives_of_orders_and_agreements_are_drawn_as_they_are() -> None:
    orders, agreements = (
        set(re.findall(r"^ *([A-Z_]+) --> ([A-Z_]+)", drawing, flags=re.M))
        for drawing in drawings(ROOT / "docs" / "orders.md")[:2]
    )
    assert orders == {
        (one.value, other.value)
        for one in OrderState
        for other in OrderState
        if any(judge(one, other, source) is Verdict.MOVE for source in Source)
    }
    assert all(may_become(AgreementState(one), AgreementState(other)) for one, other in agreements)
