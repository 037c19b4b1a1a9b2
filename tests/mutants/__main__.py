"""`make mutants`: plays the tests against small mistakes in the money core, so many drawn by a seed.

mutmut makes the mistakes and runs for each the tests that reach it, on a copy in `.mutants/`. What came out
is kept there: the same call goes on where it stopped. What no test notices is shown to mypy, which is part of
the gate; what mypy takes as well is harmless only where `harmless.toml` says why. The exit status is 0
where at least 95 % of those that are not harmless were noticed.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[2]
_COPY: Final = _ROOT / ".mutants"
_HARMLESS: Final = Path(__file__).with_name("harmless.toml")
_WANTED: Final = 0.95
# How mutmut ends a mutant, by its exit code. One that hangs or breaks the run was noticed.
_SURVIVED: Final = 0
_UNTESTED: Final = (5, 33)


def main() -> int:
    asked = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    asked.add_argument("--count", type=int, default=300, help="how many mistakes (default: 300)")
    asked.add_argument("--seed", type=int, default=1, help="which ones are drawn (default: 1)")
    asked.add_argument(
        "--only", default="", help="only functions whose dotted name begins so: bot.orders.rules"
    )
    asked.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    options = asked.parse_args()
    _copy_checkout()
    if not _results():
        print("Making the mistakes and learning which tests reach them (some minutes)...", flush=True)
        _mutmut("run", "bot.money.codes*", "--max-children", str(options.cores))
    known = sorted(name for name in _results() if name.startswith(options.only))
    drawn = random.Random(options.seed).sample(known, min(options.count, len(known)))
    waiting = [name for name in drawn if _results()[name] is None]
    print(f"{len(known)} mistakes, {len(drawn)} drawn, {len(waiting)} not tried yet.", flush=True)
    if waiting:
        _mutmut("run", *waiting, "--max-children", str(options.cores))
    return _judge(drawn)


def _copy_checkout() -> None:
    """The files that git knows, as they are now; what mutmut made of unchanged ones stays."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=_ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = {name for name in listed.stdout.split("\0") if name and (_ROOT / name).is_file()}
    for name in names:
        here, there = _ROOT / name, _COPY / name
        if there.is_file() and there.read_bytes() == here.read_bytes():
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here, there)
    for folder in ("bot", "flows", "tests", "locales"):
        for path in (_COPY / folder).rglob("*"):
            if path.is_file() and str(path.relative_to(_COPY)) not in names and path.suffix != ".pyc":
                path.unlink()
    # What came out for a file that has moved since says nothing any more.
    made = _COPY / "mutants"
    for path in made.rglob("*.meta"):
        if str(path.relative_to(made).with_suffix("")) not in names:
            path.unlink()


def _mutmut(*words: str) -> None:
    command = Path(sys.executable).with_name("mutmut")
    ended = subprocess.run([command, *words], cwd=_COPY, check=False)
    if ended.returncode:
        sys.exit(f"mutmut ended with {ended.returncode}")


def _results() -> dict[str, int | None]:
    """Exit codes by the mistakes' names; None for those not tried."""
    found: dict[str, int | None] = {}
    for path in (_COPY / "mutants").rglob("*.meta"):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def _judge(drawn: list[str]) -> int:
    results, harmless = _results(), _read_harmless()
    unseen = [name for name in drawn if results[name] in (_SURVIVED, *_UNTESTED, None)]
    left = [name for name in unseen if not _types_refuse(name)]
    excused, open_ = [], []
    for name in left:
        shown = _shown(name)
        why = next((row["why"] for row in harmless if _is_it(row, name, shown)), "")
        (excused if why else open_).append(name)
        print(f"\n{'harmless: ' + why if why else 'NOT NOTICED'}\n{shown}")
    counted = len(drawn) - len(excused)
    noticed = counted - len(open_)
    by_room = Counter(name.split(".")[1] for name in open_)
    print(
        f"\n{noticed} of {counted} noticed ({noticed / counted:.1%}), {len(excused)} harmless.", dict(by_room)
    )
    return 0 if noticed >= _WANTED * counted else 1


def _types_refuse(name: str) -> bool:
    """Whether mypy refuses the mistake, made in the copy and taken back."""
    path = _COPY.joinpath(*name.rpartition("__mutmut")[0].split(".")[:-1]).with_suffix(".py")
    before = path.read_bytes()
    try:
        _mutmut("apply", name)
        mypy = Path(sys.executable).with_name("mypy")
        return subprocess.run([mypy], cwd=_COPY, check=False, capture_output=True).returncode != 0
    finally:
        path.write_bytes(before)


def _shown(name: str) -> str:
    command = Path(sys.executable).with_name("mutmut")
    ended = subprocess.run([command, "show", name], cwd=_COPY, check=False, capture_output=True, text=True)
    return ended.stdout.strip()


def _read_harmless() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(_HARMLESS.read_text(encoding="utf-8")).get("mistake", [])
    return rows


def _is_it(row: dict[str, Any], name: str, shown: str) -> bool:
    """Whether a mistake is the one of the list: by its function and the line it makes, since numbers move."""
    function = re.sub(r"__mutmut_\d+$", "", name)
    lines = [line[1:].strip() for line in shown.splitlines() if line.startswith("+") and line[1:2] != "+"]
    return bool(function == row["function"] and row["line"] in lines)


if __name__ == "__main__":
    sys.exit(main())
