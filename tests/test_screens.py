"""The page of every screen: all is on it, it needs no script, and a browser filters it."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser
from typer import Exit

from bot.channels.catalogue import Catalogue
from bot.cli.screens.command import write_screens
from bot.cli.screens.page import all_shown, write_page


def test_every_sentence_is_on_the_page_in_every_language(tmp_path: Path) -> None:
    page = tmp_path / "screens.html"
    write_screens(page, "")
    written, catalogue = page.read_text(encoding="utf-8"), Catalogue.load()
    shown = all_shown(catalogue)
    heads = {one.id for one in shown}
    assert heads == set(catalogue.ids())
    assert set(re.findall(r"<h3><code>([\w.]+)</code>", written)) == heads
    for language in catalogue.languages:
        assert written.count(f'data-language="{language}"') == len(shown)
    # It stands alone.
    assert not re.search(r'(?:src|href)="(?!#)', written)


def test_what_takes_more_than_one_screen_is_marked() -> None:
    page = write_page(Catalogue.load(), ["en"])
    assert '<strong class="long">2 pages</strong>' in page
    assert 'data-language="fr"' not in page


def test_a_language_there_is_none_of_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit):
        write_screens(tmp_path / "screens.html", "en,xx")
    assert "There is no catalogue of xx; there are en" in capsys.readouterr().err
    with pytest.raises(Exit):
        write_screens(tmp_path / "no" / "screens.html", "en")
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_browser_filters_by_words_language_and_channel(tmp_path: Path, chromium: Browser) -> None:
    write_screens(tmp_path / "screens.html", "en,fr")
    context = await chromium.new_context(viewport={"width": 390, "height": 844})
    try:
        page = await context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        await page.goto((tmp_path / "screens.html").as_uri())
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width == 390  # nothing hangs over the edge of a telephone
        await page.get_by_role("searchbox").fill("pay.confirm_twin_unasked")
        await page.get_by_role("combobox").select_option("ussd")
        await page.get_by_label("Français").uncheck()
        shown = await page.evaluate(
            "[...document.querySelectorAll('article')].filter((a) => a.offsetHeight)"
            ".map((a) => [a.querySelector('code').textContent,"
            " [...a.querySelectorAll('.cell')].filter((c) => c.offsetHeight).map((c) => c.lang).join(),"
            " [...a.querySelectorAll('.chat')].filter((c) => c.offsetHeight).length])"
        )
        assert shown
        assert {tuple(one) for one in shown} == {("pay.confirm_twin_unasked", "en", 0)}
        assert troubles == []
    finally:
        await context.close()
