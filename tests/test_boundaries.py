"""Flows stay pure and the import rules of `pyproject.toml` hold: read from the sources, with the line named.

Which room may import which is import-linter's (`make check`); here stands what it cannot say.
"""

import ast
import importlib
import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What a pure room may import from outside: no clock, no chance, no settings, no way out.
OUTSIDE: dict[str, frozenset[str]] = {
    "bot.money": frozenset(
        {"collections.abc", "decimal", "enum", "functools", "msgspec", "phonenumbers", "re", "typing"}
    ),
    "bot.dialog": frozenset({"collections.abc", "msgspec", "re", "typing", "unicodedata"}),
    "flows": frozenset({"collections.abc", "msgspec", "typing"}),
}
# A value of its own, which tells no time.
EXCEPTIONS = {("bot.money.agreements", "datetime"): "days and months of a given moment"}
ROOMS = [
    "bot.money",
    "bot.dialog",
    "bot.providers",
    "bot.channels",
    "bot.channels.telegram",
    "bot.channels.ussd",
    "bot.store",
    "bot.sandbox",
    "bot.web",
    "flows",
]


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sources("bot", "flows")}


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every module imported anywhere in the tree, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def impure_imports(module: str, tree: ast.AST) -> list[str]:
    """What a pure module imports from outside and must not."""
    allowed = next((names for room, names in OUTSIDE.items() if is_in(module, room)), None)
    if allowed is None:
        return []
    return [
        f"{module}:{line} must not import {wanted}: it is pure"
        for line, wanted in imports_of(tree)
        if wanted.partition(".")[0] not in ("bot", "flows")
        and wanted not in allowed
        and (module, wanted) not in EXCEPTIONS
    ]


# ---- flows ---------------------------------------------------------------------------------------

# Chance, settings and ways out that need no import; `hash` and sets differ from process to process.
_NEVER_CALLED = frozenset(
    {"open", "input", "print", "eval", "exec", "compile", "__import__", "globals", "locals", "vars"}
    | {"setattr", "delattr", "hash", "id", "set", "frozenset", "breakpoint"}
)


def impurities(module: str, tree: ast.AST) -> list[str]:
    """What a flow must not do, line by line."""
    found: list[tuple[int, str]] = []
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    # What is raised is read by us.
    raised = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Raise) for inner in ast.walk(node)}
    for_us = docstrings | raised
    for node in ast.walk(tree):
        match node:
            case ast.Global() | ast.Nonlocal():
                found.append((node.lineno, "keeps state outside its journal (global, nonlocal)"))
            case ast.AsyncWith() | ast.AsyncFor():
                found.append((node.lineno, "uses async with or async for: a replay closes it early"))
            case ast.Try() if node.finalbody and _awaits(node):
                found.append((node.lineno, "has a finally around an await: every turn would run it"))
            case ast.With() if _awaits(node):
                found.append((node.lineno, "has a with around an await: every turn would leave it"))
            case ast.ExceptHandler() if _catches_everything(node):
                found.append((node.lineno, "catches everything: the engine could not close it"))
            case ast.Call(func=ast.Name(id=name)) if name in _NEVER_CALLED:
                found.append((node.lineno, f"calls {name}()"))
            case ast.Set() | ast.SetComp():
                found.append((node.lineno, "makes a set: its order differs from process to process"))
            case ast.Await() if not _is_of_the_talk(node.value):
                found.append((node.lineno, "awaits something that is no step of the talk"))
            case ast.Yield() | ast.YieldFrom():
                found.append((node.lineno, "yields"))
            case ast.Constant(value=str() as text) if id(node) not in for_us and _is_prose(text):
                found.append((node.lineno, f"holds text for people: {text!r}"))
            case ast.Constant(value=float()):
                found.append((node.lineno, "holds a float"))
            case _:
                pass
    return [f"{module}:{line} {what}" for line, what in sorted(found)]


def _awaits(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Await) for inner in ast.walk(node))


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id == "BaseException") for kind in caught)


def _is_of_the_talk(awaited: ast.expr) -> bool:
    """`talk.ask(...)`, or a part of the flow that was given the talk."""
    if not isinstance(awaited, ast.Call):
        return False
    given = [awaited.func, *awaited.args, *(keyword.value for keyword in awaited.keywords)]
    return any(isinstance(n, ast.Name) and n.id == "talk" for part in given for n in ast.walk(part))


def _is_prose(text: str) -> bool:
    """Two words: ids, codes and meanings are one."""
    words = text.split()
    return len(words) > 1 and any(c.isalpha() for c in text)


# ---- the tests -----------------------------------------------------------------------------------

PURE = sorted(module for module in MODULES if any(is_in(module, room) for room in OUTSIDE))


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_is_pure(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert impure_imports(module, tree) == []
    if is_in(module, "flows"):
        assert impurities(module, tree) == []


def test_every_exception_is_still_needed() -> None:
    for module, wanted in EXCEPTIONS:
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        assert wanted in {found for _, found in imports_of(tree)}


def test_nothing_stands_loose() -> None:
    assert sorted(path.name for path in (ROOT / "bot").glob("*.py")) == ["__init__.py", "__main__.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_gives_out_what_it_says(room: str) -> None:
    package = importlib.import_module(room)
    given = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert given == set(package.__all__)
    assert len(package.__all__) == len(set(package.__all__))


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_fits_in_one_sitting(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 450


# ---- the tests of the tests ----------------------------------------------------------------------

# A line that breaks a rule of `pyproject.toml`, the module it is planted in, and what is said of it.
PLANTED = [
    ("bot/money/amounts.py", "import bot.dialog", "bot.money is not allowed to import bot.dialog"),
    ("bot/store/orders.py", "import bot.orders.worker", "bot.store is not allowed to import bot.orders"),
    ("bot/channels/sms.py", "import bot.channels.telegram", "bot.channels.sms is not allowed to import"),
    ("bot/channels/ussd/hubtel.py", "import bot.channels.ussd.africastalking", "bot.channels.ussd.hubtel is"),
    (
        "bot/sandbox/gateways/hubtel.py",
        "import bot.sandbox.gateways.africastalking",
        "bot.sandbox.gateways.hubtel is",
    ),
    ("bot/sandbox/momo/server.py", "import bot.sandbox.startbutton.server", "bot.sandbox.momo.server -> bot"),
    (
        "bot/sandbox/startbutton/server.py",
        "import bot.sandbox.momo.server",
        "bot.sandbox.startbutton.server",
    ),
    ("flows/pay.py", "import bot.runtime.clock", "flows.pay -> bot.runtime.clock"),
    ("bot/store/people.py", "import bot.providers.base", "bot.store.people -> bot.providers.base"),
    ("bot/operations/links.py", "import flows.effects", "bot.operations.links -> flows.effects"),
    ("bot/web/hooks.py", "import bot.sandbox.world", "bot.web.hooks -> bot.sandbox.world"),
    (
        "bot/operations/payments.py",
        "import bot.providers.sender",
        "bot.operations.payments -> bot.provid",
    ),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_planted_import_is_found(tmp_path: Path) -> None:
    for folder in ("bot", "flows"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, line, _ in PLANTED:
        with (tmp_path / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    found = lint(tmp_path)
    assert found.returncode == 1
    assert [said for _, _, said in PLANTED if said not in found.stdout] == [], found.stdout
    assert "BROKEN" in found.stdout
    assert "KEPT" not in found.stdout, "a rule that nothing here breaks"


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("bot.money.amounts", "import time"),
        ("bot.dialog.engine", "from datetime import datetime"),
        ("flows.pay", "import random"),
        ("flows.pay", "from os import environ"),
        ("flows.pay", "def inner() -> None:\n    import asyncio"),
    ],
)
def test_a_planted_way_out_is_found(module: str, line: str) -> None:
    (found,) = impure_imports(module, ast.parse(line))
    assert found.startswith(f"{module}:{line.count(chr(10)) + 1} must not import ")


@pytest.mark.parametrize(
    "line", ["from bot.money import Money", "from flows.effects import PayBill", "import msgspec"]
)
def test_an_allowed_import_is_left_alone(line: str) -> None:
    assert impure_imports("flows.pay", ast.parse(line)) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("count = 0\ndef f():\n    global count", "keeps state"),
        ("def f():\n    x = 0\n    def g():\n        nonlocal x", "keeps state"),
        ("async def f(talk):\n    async with lock(talk):\n        pass", "async with"),
        ("async def f(talk):\n    async for x in talk:\n        pass", "async for"),
        (
            "async def f(talk):\n    try:\n        await talk.ask('a', K)\n    finally:\n        pass",
            "finally",
        ),
        (
            "async def f(talk):\n    try:\n        pass\n    finally:\n        await talk.ask('a', K)",
            "finally",
        ),
        ("async def f(talk):\n    with x:\n        await talk.ask('a', K)", "with around"),
        (
            "async def f(talk):\n    try:\n        await talk.ask('a', K)\n    except:\n        pass",
            "everything",
        ),
        (
            "def f():\n    try:\n        pass\n    except (ValueError, BaseException):\n        pass",
            "everything",
        ),
        ("def f():\n    open('x')", "calls open()"),
        ("def f():\n    return hash('x')", "calls hash()"),
        ("X = {1, 2}", "makes a set"),
        ("X = [x for x in {y for y in 'ab'}]", "makes a set"),
        ("async def f(talk):\n    await sleep(1)", "no step of the talk"),
        ("async def f(talk):\n    await future", "no step of the talk"),
        ("async def f(talk):\n    yield 1", "yields"),
        ("async def f(talk):\n    return Screen('Thank you')", "text for people: 'Thank you'"),
        ("async def f(talk):\n    return Screen(f'Paid {x} to you')", "text for people"),
        ("RATE = 0.5", "a float"),
    ],
)
def test_a_planted_impurity_is_found(source: str, what: str) -> None:
    found = impurities("flows.planted", ast.parse(source))
    assert len(found) >= 1
    assert any(what in text for text in found), found
    assert all(text.startswith("flows.planted:") for text in found)


def test_what_a_flow_may_do_is_left_alone() -> None:
    source = '''
async def flow(talk):
    """Words for people may stand here, and only here."""
    try:
        picked = await talk.choose("menu", [Choice("pay", Text("menu.pay"))])
    except ValueError:
        picked = "pay"
        if not talk:
            raise ValueError("not such a menu")
    finally_named = await _part(talk.sub(picked))
    return Screen(f"menu.{picked}", {"lines": "\\n".join(finally_named)})
'''
    assert impurities("flows.planted", ast.parse(source)) == []
