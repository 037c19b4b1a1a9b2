"""The summary of a long run, as a table for the terminal and for docs/reliability.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.torture.book import Book, reached
from tests.torture.campaign import Campaign

__all__ = ["draw_table", "write_table"]

_BEGIN: Final = "<!-- figures: written by `make torture` -->"
_END: Final = "<!-- end of figures -->"


def draw_table(book: Book, campaigns: Sequence[Campaign]) -> str:
    """One line a campaign, in Markdown; figures that fall short stand as they are."""
    lines = [
        "| campaign | done | of | must hold | violations | seen | worst | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for campaign in campaigns:
        page = book.pages.get(campaign.name)
        if page is None:
            lines.append(f"| {campaign.title} | not run | | {campaign.holds} | | | | |")
            continue
        total = page.sum
        done = ", ".join(f"{total.done.get(what, 0):,} {what}" for what in campaign.goal)
        share = min(reached(campaign, page), 1.0)
        seen = ", ".join(f"{times:,} {what}" for what, times in sorted(total.seen.items())) or "none"
        worst = ", ".join(f"{what} {value:,.2f}" for what, value in sorted(total.worst.items())) or "none"
        minutes = f"{page.took_s / 60:.1f} min"
        lines.append(
            f"| {campaign.title} | {done} | {share:.1%} | {campaign.holds} | {len(total.wrong)} "
            f"| {seen} | {worst} | {minutes} |"
        )
    return "\n".join(lines)


def write_table(path: Path, book: Book, campaigns: Sequence[Campaign]) -> None:
    """Put the table between its marks in `path`. Raises ValueError where the marks are missing."""
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(_BEGIN)
    _, closed, after = rest.partition(_END)
    if not found or not closed:
        raise ValueError(f"{path} has no place for the figures")
    heading = f"Seed {book.seed}, version {book.version}."
    table = draw_table(book, campaigns)
    path.write_text(f"{before}{_BEGIN}\n\n{heading}\n\n{table}\n\n{_END}{after}", encoding="utf-8")
