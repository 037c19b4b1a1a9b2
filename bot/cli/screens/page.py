"""`kasapay screens`: one page of every screen in every language and channel, for whoever reviews the words.

The page stands alone: its style and its script are in it, and without the script everything is there. It is
made of the conversations that the tests play (`conversations.py`) and of what is left of the catalogue.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from bot.channels.catalogue import Catalogue, drafts, native_name
from bot.cli.screens.conversations import HOME, every_conversation
from bot.cli.screens.messages import SAMPLES
from bot.dialog import (
    USSD_BUDGET,
    Ended,
    Text,
    Value,
    View,
    count_septets,
    fits,
    render_chat,
    render_sms,
    render_ussd,
)

__all__ = ["Shown", "all_shown", "write_page"]

_HERE: Final = Path(__file__).parent
_NO_LIMIT: Final = 100_000
_UCS2: Final = 70
# Words that stand inside others, and what people type.
_PIECES: Final = "words inside others"
_CHAT: Final = ("chat.", "command.", "open.", "nav.share", "help.chat", "otp.prompt")


class Shown(msgspec.Struct, frozen=True):
    """Something people read. `channels`: where; `part`: a word or notice that is never shown alone."""

    view: View
    channels: tuple[str, ...]
    part: bool = False

    @property
    def id(self) -> str:
        return self.view.text.id

    @property
    def group(self) -> str:
        return _PIECES if self.part else self.id.partition(".")[0]


def all_shown(catalogue: Catalogue) -> list[Shown]:
    """Each screen once, then each sentence that no conversation shows by itself."""
    found: dict[tuple[str, ...], Shown] = {}
    inside: set[str] = set()
    for shown in _of_conversations(catalogue):
        ids = tuple(_ids_of(shown.view))
        inside.update(ids)
        before = found.setdefault(ids, shown)
        channels = dict.fromkeys((*before.channels, *shown.channels))
        found[ids] = msgspec.structs.replace(before, channels=tuple(channels))
    heads = {shown.id for shown in found.values()}
    others = [
        _of_sentence(name, catalogue, part=name in inside) for name in catalogue.ids() if name not in heads
    ]
    return sorted([*found.values(), *others], key=lambda shown: (shown.part, shown.group))


def _of_conversations(catalogue: Catalogue) -> Iterator[Shown]:
    for played in every_conversation():
        for question in played.asked:
            first = question.text.id == "main.menu"
            view = View(
                text=question.text,
                notice=question.notice,
                choices=question.choices,
                back=not first,
                home=not first,
                conversation="0",
            )
            yield Shown(view, _channels(question.text.id, played.channel, catalogue))
        if isinstance(played.state, Ended):
            screen = played.state.screen
            view = View(text=Text(screen.text, screen.values), ends=True, conversation="0")
            channels = _channels(screen.text, played.channel, catalogue)
            # A result that is looked up here is told by itself elsewhere.
            told = ("sms",) if screen.text.startswith("result.") else ()
            yield Shown(view, (*channels, *told))


def _channels(name: str, channel: str, catalogue: Catalogue) -> tuple[str, ...]:
    if channel != "ussd" or name.endswith("_chat"):
        return ("chat",)
    # What a chat says otherwise is not shown there.
    return ("ussd",) if catalogue.has(f"{name}_chat") else ("ussd", "chat")


def _of_sentence(name: str, catalogue: Catalogue, *, part: bool) -> Shown:
    # Whatever has no sample stands there by its name.
    values = {place: SAMPLES.get(place, f"{{{place}}}") for place in catalogue.placeholders(name)}
    # A notice stands above a question; only what ends a talk has the menu's button below it.
    view = View(text=Text(name, values), ends=name.startswith("talk."), conversation="0")
    if part or name.startswith(("nav.", "reason.", "state.", "language.")):
        return Shown(view, ("words",), part=True)
    if name.startswith(_CHAT) or name.endswith("_chat"):
        return Shown(view, ("chat",))
    if name.startswith(("amount.", "number.", "text.", "choice.", "talk.", "code.", "pin.")):
        return Shown(view, ("ussd", "chat"))
    return Shown(view, ("sms", "chat"))


def _ids_of(view: View) -> Iterator[str]:
    yield from _ids_in(view.text)
    if view.notice is not None:
        yield from _ids_in(view.notice)
    for choice in view.choices:
        yield from _ids_in(choice.label)


def _ids_in(value: Value) -> Iterator[str]:
    if isinstance(value, Text):
        yield value.id
        for name in sorted(value.values):
            yield from _ids_in(value.values[name])


# ---- the page ------------------------------------------------------------------------------------


def write_page(catalogue: Catalogue, languages: Sequence[str]) -> str:
    """The page, of these languages side by side."""
    shown = all_shown(catalogue)
    groups: dict[str, list[Shown]] = {}
    for one in shown:
        groups.setdefault(one.group, []).append(one)
    sections = "".join(
        f'<section id="g-{group.replace(" ", "-")}"><h2>{escape(group)} <small>{len(ones)}</small></h2>'
        + "".join(_article(one, catalogue, languages) for one in ones)
        + "</section>"
        for group, ones in groups.items()
    )
    links = "".join(f'<a href="#g-{group.replace(" ", "-")}">{escape(group)}</a>' for group in groups)
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Kasapay: every screen</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header><h1>Every screen</h1>{_controls(languages)}</header>\n"
        f"<nav>{links}</nav>\n<main>\n{_about(languages, len(shown))}{sections}\n</main>\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _about(languages: Sequence[str], count: int) -> str:
    unsigned = [native_name(name) for name in drafts(languages)]
    draft = f" Drafts, not signed by a native speaker yet: {', '.join(unsigned)}." if unsigned else ""
    return (
        f'<p class="about">{count} screens and sentences, each with its longest values. A screen of a phone '
        f"holds {USSD_BUDGET} septets, and so does a text message: what takes more is marked."
        f'{escape(draft)} <span id="count" role="status"></span></p>'
    )


def _controls(languages: Sequence[str]) -> str:
    """Only a script can filter: hidden until it runs."""
    boxes = "".join(
        f'<label><input type="checkbox" name="language" value="{name}" checked>'
        f" {escape(native_name(name))}</label>"
        for name in languages
    )
    channels = "".join(
        f'<option value="{value}">{words}</option>'
        for value, words in (
            ("", "Every channel"),
            ("ussd", "USSD"),
            ("chat", "Chat"),
            ("sms", "SMS"),
            ("long", "Takes more than one"),
        )
    )
    return (
        '<form hidden><input type="search" name="search" placeholder="Words or ids" aria-label="Search">'
        f'<select name="channel" aria-label="Channel">{channels}</select><span>{boxes}</span></form>'
    )


def _article(shown: Shown, catalogue: Catalogue, languages: Sequence[str]) -> str:
    cells = "".join(_cell(shown, catalogue, language) for language in languages)
    inside = list(dict.fromkeys(_ids_of(shown.view)))[1:]
    also = f" <small>{escape(' '.join(inside))}</small>" if inside else ""
    return (
        f'<article data-channels="{" ".join(shown.channels)}"><h3><code>{escape(shown.id)}</code>{also}</h3>'
        f'<div class="row">{cells}</div></article>'
    )


def _cell(shown: Shown, catalogue: Catalogue, language: str) -> str:
    draw = {"ussd": _ussd, "chat": _chat, "sms": _sms, "words": _words}
    drawn = "".join(
        f'<div class="{channel}">{draw[channel](shown.view, catalogue, language)}</div>'
        for channel in shown.channels
    )
    return f'<div class="cell" lang="{language}" data-language="{language}"><b>{language}</b>{drawn}</div>'


def _ussd(view: View, catalogue: Catalogue, language: str) -> str:
    def say(text: Text) -> str:
        return catalogue.say(text, language, HOME)

    labels = catalogue.labels(language)
    whole = render_ussd(view, say, labels, budget=_NO_LIMIT, ucs2_budget=_NO_LIMIT).text
    pages = render_ussd(view, say, labels).pages
    drawn = "".join(
        f"<pre>{escape(render_ussd(msgspec.structs.replace(view, page=page), say, labels).text)}</pre>"
        for page in range(pages)
    )
    return drawn + _measure(whole, pages, "page")


def _sms(view: View, catalogue: Catalogue, language: str) -> str:
    text = render_sms(view, lambda text: catalogue.say(text, language, HOME))
    one = fits(text, USSD_BUDGET, _UCS2)
    # A long one goes out in parts of 153 septets, or of 67 characters.
    septets = count_septets(text)
    parts = 1 if one else -(-septets // 153) if septets is not None else -(-len(text) // 67)
    return f"<pre>{escape(text)}</pre>" + _measure(text, parts, "message")


def _chat(view: View, catalogue: Catalogue, language: str) -> str:
    chat = render_chat(view, lambda text: catalogue.say(text, language, HOME), catalogue.labels(language))
    buttons = "".join(f"<i>{escape(label)}</i>" for label, _ in chat.buttons)
    return f"<p>{escape(chat.text)}</p>" + (f"<div>{buttons}</div>" if buttons else "")


def _words(view: View, catalogue: Catalogue, language: str) -> str:
    return f"<p>{escape(catalogue.say(view.text, language, HOME))}</p>"


def _measure(text: str, parts: int, what: str) -> str:
    septets = count_septets(text)
    if septets is not None:
        size = f"{septets} septets"
    else:
        strange = "".join(sorted({letter for letter in text if count_septets(letter) is None}))
        size = f"{len(text)} characters, because of {strange}"
    mark = f' <strong class="long">{parts} {what}s</strong>' if parts > 1 else ""
    return f"<small>{escape(size)}{mark}</small>" if not mark else f"<small>{escape(size)}</small>{mark}"
