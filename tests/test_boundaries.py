"""Imports go one way, and flows stay pure: read from the sources, with the offending line named.

An exception to a rule stands here with its reason, or it is a fault.
"""

import ast
import importlib
import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MONEY, DIALOG = "bot.money", "bot.dialog"
PURE = (MONEY, DIALOG)
# What the shell may know of an adapter: its protocol and its values, never a class that does something.
FACES = (
    "bot.providers.base",
    "bot.store.base",
    "bot.store.records",
    "bot.channels.base",
    "bot.channels.ussd.base",
)

# What each room may import of ours. The longest name that fits a module counts.
MAY: dict[str, tuple[str, ...]] = {
    "bot.money": (MONEY,),
    "bot.dialog": PURE,
    "flows": (*PURE, "flows"),
    "bot.providers": (*PURE, "bot.providers"),
    "bot.store": (*PURE, "bot.store"),
    "bot.channels": ("bot.channels.base",),
    "bot.channels.base": PURE,
    "bot.channels.sms": (*PURE, "bot.channels.base"),
    "bot.channels.telegram": (*PURE, "bot.channels.base", "bot.channels.telegram"),
    "bot.channels.ussd": (*PURE, "bot.channels.base", "bot.channels.ussd"),
    "bot.sandbox": (MONEY, "bot.sandbox"),
    "bot.web": (*PURE, *FACES, "bot.web"),
}
# What runs once: it says who is who, or stands on top of what does. Nothing below may import these.
TOP: dict[str, str] = {
    "bot.app.build": "picks the concrete classes",
    "bot.__main__": "the command line",
    "bot.cli.terminal": "the operator's commands in the terminal",
    "bot.cli.reconcile": "one more of them, with a table and exit statuses of its own",
    "bot.cli.business": "more of them: payouts, agreements, approvals",
    "bot.conversations.telegram_connection": "the connection to Telegram, and how it fares",
    "bot.cli.people": "more of them: people and their links",
    "bot.cli.copies": "two that copy the file itself: backup, restore",
    "bot.cli.provision": "one that asks and writes `.env`",
    "bot.app.processes": "serve, worker, sandbox and run as processes",
    "bot.app.demo": "run: all of Kasapay and the sandbox in one process",
    "bot.cli.tour": "plays a session against `embedded`",
    "bot.admin.check": "check: tries each account, gateway and chat by itself, without building the rest",
    "bot.cli.handset": "dial: a handset in the terminal",
    "bot.cli.pretend_wallet": "its other half: the wallet and the SMS of `run`, through the page's doors",
}
# What a module, or any module of a package, may import all the same.
EXCEPTIONS: dict[tuple[str, str], str] = {
    (
        "bot.conversations.telegram_inbox",
        "bot.channels.telegram",
    ): "it is Telegram's part of the shell: the inbox and its workers",
    (
        "bot.settings.settings",
        "bot.channels.ussd",
    ): "it refuses the settings of a gateway that does not exist",
    ("bot.conversations.effects", "flows.effects"): "it performs them",
    ("bot.conversations.effects", "flows.business_effects"): "it performs them",
    ("bot.conversations.timeout_reply", "flows.effects"): "it tells of the payment that one begins",
    ("bot.providers.client", "bot"): "the version stands in the User-Agent",
}
# What else a pure room may import: no clock, no chance, no settings, no way out.
OUTSIDE: dict[str, frozenset[str]] = {
    "bot.money": frozenset(
        {"collections.abc", "decimal", "enum", "functools", "msgspec", "phonenumbers", "re", "typing"}
    ),
    "bot.dialog": frozenset({"collections.abc", "msgspec", "re", "typing", "unicodedata"}),
    "flows": frozenset({"collections.abc", "msgspec", "typing"}),
}
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


def imports_of(module: str, tree: ast.AST, known: Iterable[str] = MODULES) -> Iterator[tuple[int, str]]:
    """Every module imported anywhere in the tree, with its line; `from x import y` is x.y if that is one."""
    known = set(known)
    package = module if (ROOT / Path(*module.split("."))).is_dir() else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield node.lineno, inner if inner in known else base


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def is_ours(module: str) -> bool:
    return is_in(module, "bot") or is_in(module, "flows")


def room_of(module: str) -> str | None:
    return max((room for room in MAY if is_in(module, room)), key=len, default=None)


def may_import(module: str, wanted: str) -> bool:
    excepted = any(is_in(module, name) and wanted == one for name, one in EXCEPTIONS)
    if module in TOP or excepted:
        return True
    room = room_of(module)
    if room is not None:
        return any(is_in(wanted, allowed) for allowed in MAY[room])
    # The shell: pure rooms, faces, and its own modules below the top.
    inside_a_room = room_of(wanted) is not None
    return any(is_in(wanted, allowed) for allowed in (*PURE, *FACES)) or (
        not inside_a_room and wanted not in TOP and wanted != "bot"
    )


def broken_imports(module: str, tree: ast.AST) -> list[str]:
    found = []
    for line, wanted in imports_of(module, tree):
        if is_ours(wanted):
            if not may_import(module, wanted):
                found.append(f"{module}:{line} must not import {wanted}")
            continue
        room = room_of(module)
        if room in OUTSIDE and wanted not in OUTSIDE[room]:
            found.append(f"{module}:{line} must not import {wanted}: {room} is pure")
    return found


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


def test_imports_go_one_way() -> None:
    for module, path in MODULES.items():
        assert broken_imports(module, ast.parse(path.read_text(encoding="utf-8"))) == [], module


@pytest.mark.parametrize("module", sorted(m for m in MODULES if is_in(m, "flows")))
def test_flows_are_pure(module: str) -> None:
    assert impurities(module, ast.parse(MODULES[module].read_text(encoding="utf-8"))) == []


def test_every_exception_is_still_needed() -> None:
    assert set(TOP) <= set(MODULES)
    for name, wanted in EXCEPTIONS:
        inside = [module for module in MODULES if is_in(module, name)]
        trees = {module: ast.parse(MODULES[module].read_text(encoding="utf-8")) for module in inside}
        imported = {found for module, tree in trees.items() for _, found in imports_of(module, tree)}
        assert wanted in imported, f"{name} imports {wanted} no more"


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


@pytest.mark.parametrize("module", sorted(m for m in MODULES if any(is_in(m, r) for r in (*PURE, "flows"))))
def test_a_pure_module_fits_in_one_sitting(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 450


# ---- the tests of the tests ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "line", "wanted"),
    [
        ("bot.money.amounts", "from bot.dialog import Text", "bot.dialog"),
        ("bot.money.amounts", "from bot.dialog.words import Text", "bot.dialog.words"),
        ("bot.money.amounts", "import time", "time"),
        ("bot.dialog.engine", "from flows import FLOWS", "flows"),
        ("bot.dialog.engine", "import bot.store.base", "bot.store.base"),
        ("bot.dialog.engine", "from datetime import datetime", "datetime"),
        ("flows.pay", "from bot.store.base import Store", "bot.store.base"),
        ("flows.pay", "from bot import settle", "bot.orders.rules"),
        ("flows.pay", "import random", "random"),
        ("flows.pay", "from os import environ", "os"),
        ("flows.pay", "def inner() -> None:\n    import asyncio", "asyncio"),
        ("bot.providers.momo.adapter", "from bot.store.records import OrderRow", "bot.store.records"),
        ("bot.providers.momo.adapter", "from bot.channels.base import Sent", "bot.channels.base"),
        ("bot.store.orders", "from bot.providers.base import Resend", "bot.providers.base"),
        ("bot.channels.sms", "from bot.channels.telegram import TelegramChannel", "bot.channels.telegram"),
        ("bot.channels.ussd.hubtel", "from ..telegram import events", "bot.channels.telegram.events"),
        ("bot.sandbox.world", "from bot.dialog import Text", "bot.dialog"),
        ("bot.web.ussd", "from bot.conversations import Turns", "bot.conversations"),
        ("bot.web.ussd", "from bot.channels.ussd import GATEWAYS", "bot.channels.ussd"),
        ("bot.conversations", "from bot.store import SqliteStore", "bot.store"),
        ("bot.conversations", "from bot.providers import Sender", "bot.providers"),
        ("bot.conversations", "from bot.app.build import Kasapay", "bot.app.build"),
        ("bot.conversations", "from flows.effects import RequestPayment", "flows.effects"),
        ("bot.conversations.advance", "from flows.effects import RequestPayment", "flows.effects"),
        ("bot.operations.payments", "from flows import FLOWS", "flows"),
        (
            "bot.orders.rules",
            "if True:\n    from bot.channels.telegram import TelegramChannel",
            "bot.channels.telegram",
        ),
    ],
)
def test_a_planted_import_is_found(module: str, line: str, wanted: str) -> None:
    found = broken_imports(module, ast.parse(line))
    number = line.count("\n") + 1
    assert [text.split(":")[0] for text in found] == [module]
    assert found[0].startswith(f"{module}:{number} must not import {wanted}")


@pytest.mark.parametrize(
    "line",
    [
        "from bot.money import Money",
        "from bot.dialog import Talk",
        "from flows.effects import Holder",
        "from typing import Final",
        "import msgspec",
    ],
)
def test_an_allowed_import_is_left_alone(line: str) -> None:
    assert broken_imports("flows.pay", ast.parse(line)) == []


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
