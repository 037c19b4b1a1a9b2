"""`kasapay tour` tells the whole story, and says so only if all of it happened."""

import sys
from pathlib import Path

from tests.end_to_end.processes import command, script

# The sandbox loses something for good before the story begins, and nobody has much patience.
_BROKEN = """
import contextlib, sys
import bot.cli.tour as tour
from bot.sandbox import SandboxConfig

kept = SandboxConfig.from_dict.__func__
SandboxConfig.from_dict = classmethod(lambda cls, values: kept(cls, {{**values, "faults": {fault!r}}}))
tour._PATIENCE_S = 1.0
sys.argv[1:] = ["tour"]
from bot.__main__ import main
main()
"""


async def test_the_tour_shows_every_result_and_exits_0(tmp_path: Path) -> None:
    told = await command("tour", folder=tmp_path)
    assert told.code == 0, told.out + told.err
    assert told.err == ""
    chapters = told.out.split("\n# ")[1:]
    assert len(chapters) == 5
    ends = [
        next((line for line in chapter.split("\n") if line.startswith("~ SMS: ")), "") for chapter in chapters
    ]
    for number, sms in enumerate(("~ SMS: Paid: GHS 12.50", "~ SMS: Not paid: GHS 3.00")):
        assert ends[number].startswith(sms)
    assert "is your code" in ends[2]
    assert "~ SMS: Paid: GHS 8.00 to Kofi Books" in chapters[2]
    assert ends[3].startswith("~ SMS: Paid: GHS 2.00")
    assert "Balance of Ama's Kitchen" in chapters[4]
    assert "2468" not in told.out, "a staff PIN is not shown"
    assert told.out.rstrip().endswith("Every result arrived.")
    assert list(tmp_path.iterdir()) == [], "the tour leaves nothing behind"


async def test_a_result_that_does_not_arrive_makes_it_fail(tmp_path: Path) -> None:
    path = tmp_path / "broken_tour.py"
    path.write_text(_BROKEN.format(fault={"sms_code": 500}), encoding="utf-8")
    told = await script(path, folder=tmp_path)
    assert told.code == 1, told.out + told.err
    assert "The tour failed: the result of" in told.out
    assert "did not arrive" in told.out
    assert "Every result arrived" not in told.out
    assert "Traceback" not in told.out + told.err
    assert sys.executable not in told.out


async def test_a_provider_that_is_down_makes_it_fail(tmp_path: Path) -> None:
    path = tmp_path / "broken_tour.py"
    path.write_text(_BROKEN.format(fault={"error_status": 503}), encoding="utf-8")
    told = await script(path, folder=tmp_path)
    assert told.code == 1, told.out + told.err
    assert "The tour failed" in told.out
    assert "Traceback" not in told.out + told.err
