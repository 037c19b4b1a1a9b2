"""`kasapay screens`: reads which languages are wanted, and writes the page."""

from pathlib import Path

from bot.channels.catalogue import Catalogue
from bot.cli.screens.page import write_page
from bot.cli.terminal import fail

__all__ = ["write_screens"]


def write_screens(out: Path, languages: str) -> None:
    """Write the page of the named languages to `out`; of every one there is, where none is named."""
    catalogue = Catalogue.load()
    wanted = languages.replace(",", " ").split() or list(catalogue.languages)
    unknown = [name for name in wanted if name not in catalogue.languages]
    if unknown:
        there_are = ", ".join(catalogue.languages)
        fail([f"There is no catalogue of {name}; there are {there_are}." for name in unknown])
    try:
        out.write_text(write_page(catalogue, wanted), encoding="utf-8")
    except OSError as error:
        fail([f"{out} cannot be written: {error.strerror}."])
    print(f"Every screen in {', '.join(wanted)}: {out}")
