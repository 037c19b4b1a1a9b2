"""`pip install .` gives a `kasapay` that works outside the checkout: everything it reads is inside."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What the checkout has beside its code and the program needs at run time.
NEEDED = {
    "bot/locales": "locales",
    "bot/web/templates": "bot/web/templates",
    "bot/web/static": "bot/web/static",
    "bot/store/migrations": "bot/store/migrations",
}


@dataclass(frozen=True)
class Installed:
    """A wheel unpacked by pip into a folder of its own; the libraries are those of this environment."""

    wheel: Path
    site: Path
    elsewhere: Path

    def run(self, *words: str, env: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [str(self.site / "bin" / "kasapay"), *words],
            cwd=self.elsewhere,
            env={**kept, "PYTHONPATH": str(self.site), "COLUMNS": "120", **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    pytest.importorskip("hatchling", reason="building the wheel offline needs hatchling")
    folder = tmp_path_factory.mktemp("package")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)]
    subprocess.run([*pip, *offline], check=True, capture_output=True, timeout=120)
    (folder / "elsewhere").mkdir()
    return Installed(wheel, folder / "site", folder / "elsewhere")


def test_the_wheel_holds_what_the_program_reads(installed: Installed) -> None:
    inside = set(zipfile.ZipFile(installed.wheel).namelist())
    for there, here in NEEDED.items():
        wanted = {
            f"{there}/{path.relative_to(ROOT / here).as_posix()}"
            for path in (ROOT / here).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted, f"{here} is empty"
        assert wanted <= inside, sorted(wanted - inside)
    code = {p.relative_to(ROOT).as_posix() for room in ("bot", "flows") for p in (ROOT / room).rglob("*.py")}
    assert code <= inside


def test_the_wheel_holds_nothing_else(installed: Installed) -> None:
    inside = zipfile.ZipFile(installed.wheel).namelist()
    assert {name.split("/")[0] for name in inside} == {"bot", "flows", f"kasapay-{version()}.dist-info"}
    unwanted = re.compile(r"\.(db|log|key|sock|env|pyc)\Z|__pycache__|/tests?/")
    assert [name for name in inside if unwanted.search(name)] == []
    metadata = f"kasapay-{version()}.dist-info/METADATA"
    text = zipfile.ZipFile(installed.wheel).read(metadata).decode()
    assert "License-Expression: MIT" in text
    assert str(ROOT) not in text


def test_it_runs_elsewhere(installed: Installed) -> None:
    url = {"DATABASE_URL": f"sqlite:///{installed.elsewhere / 'kasapay.db'}"}
    with ThreadPoolExecutor() as pool:  # a tour mostly waits
        touring = pool.submit(installed.run, "tour")
        said = installed.run("--version")
        migrated = installed.run("migrate", env=url)
        toured = touring.result()
    assert (said.returncode, said.stdout) == (0, f"{version()}\n"), said.stderr
    assert migrated.returncode == 0, migrated.stderr
    assert (installed.elsewhere / "kasapay.db").is_file()
    assert toured.returncode == 0, toured.stdout + toured.stderr
    assert "Every result arrived." in toured.stdout
    assert str(ROOT) not in toured.stdout + toured.stderr


def test_its_pages_come_from_inside(installed: Installed) -> None:
    """The page and the other language are read from the installed package, not from a checkout."""
    probe = (
        "import bot, pathlib, sys\n"
        "from bot.channels.catalogue import Catalogue\n"
        "from bot.dialog import Text\n"
        "inside = pathlib.Path(bot.__file__).parent\n"
        "assert str(inside).startswith(sys.argv[1]), inside\n"
        "said = Catalogue.load().say(Text('menu.pay'), 'fr', 'GH')\n"
        "assert (inside / 'web' / 'templates' / 'tryit.html').is_file()\n"
        "print(said)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", probe, str(installed.site)],
        cwd=installed.elsewhere,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed.site), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (0, "Payer\n"), said.stderr


def test_make_gives_the_checkout_its_own_command(tmp_path: Path) -> None:
    """`.venv/bin/kasapay` runs this checkout's code from whatever folder, with nothing to build."""
    checkout, elsewhere = tmp_path / "a checkout", tmp_path / "elsewhere"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (elsewhere / "bot").mkdir(parents=True)  # somebody else's package of that name
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="ascii")
    python.chmod(0o755)
    shutil.copy(ROOT / "Makefile", checkout)
    (checkout / "bot").symlink_to(ROOT / "bot")
    subprocess.run(["make", "-s", ".venv/bin/kasapay"], cwd=checkout, check=True, timeout=60)
    said = subprocess.run(
        [checkout / ".venv" / "bin" / "kasapay", "--version"],
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stdout) == (0, f"{version()}\n"), said.stderr


def version() -> str:
    found = re.search(
        r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found
    return found[1]
