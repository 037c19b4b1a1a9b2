"""The words for people, in each of our languages: read once, then said without a pause.

Finds the catalogues, fills in values, and lists what is wrong with them. Never raises for a missing
word: a person gets English, or at worst the entry's id, and the log hears of it once. A value cannot
bring a placeholder of its own.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
import structlog
from babel.core import Locale, UnknownLocaleError
from babel.messages.pofile import PoFileError, read_po

from bot.channels.parts import faults_of, parts_of, without_marks
from bot.dialog import Moment, Named, NavLabels, NavWords, Number, Text, Value
from bot.money import Money, currency_word, hours_ahead, mask_local, show_amount, show_local, to_major

__all__ = ["NAV_IDS", "Catalogue", "CatalogueError", "drafts", "known_languages", "native_name"]

_log = structlog.get_logger(__name__)

_ENGLISH: Final = "en"
_FILE: Final = Path("LC_MESSAGES", "kasapay.po")
_NO_BREAK: Final = "\u00a0"
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# Enough to see every fault once, and no more memory than that.
_MOST_REPORTS: Final = 1000
# Texts inside texts; deeper than this is a loop.
_MOST_NESTING: Final = 8

_WORD_IDS: Final = {
    "back": "nav.words.back",
    "home": "nav.words.home",
    "leave": "nav.words.leave",
    "yes": "nav.words.yes",
    "no": "nav.words.no",
    "help": "nav.words.help",
}
_LABEL_IDS: Final = {"more": "nav.more", "back": "nav.back", "home": "nav.home", "menu": "nav.menu"}
# What every catalogue must have for the screens themselves, whatever the flows say.
NAV_IDS: Final = frozenset(_WORD_IDS.values()) | frozenset(_LABEL_IDS.values())


# What every sentence may say without being told: see `Catalogue.speaking`.
_ALWAYS: Final[Mapping[str, Value]] = {"service": "Kasapay"}


class CatalogueError(Exception):
    """A catalogue is missing or cannot be read; the message names the file."""


class _Sentence(msgspec.Struct, frozen=True):
    """A sentence taken apart: words and placeholder names in turn, words first and last. `marked` is the
    sentence as the catalogue has it, with the marks of bot.channels.parts."""

    parts: tuple[str, ...]
    marked: str

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.parts[1::2])

    @property
    def words(self) -> str:
        return " ".join(self.parts[::2])


class _Language(msgspec.Struct, frozen=True):
    """One catalogue: what is translated, and the ids that stand there without a translation."""

    sentences: dict[str, _Sentence]
    untranslated: frozenset[str]
    twice: tuple[str, ...]


class Catalogue:
    """The sentences of `languages`, which are all there are, English first, unless named.

    English stands in for what another lacks; whoever speaks none of them hears the `default` one.
    `{service}` may stand in any sentence.
    """

    def __init__(
        self,
        entries: dict[str, _Language],
        languages: Sequence[str] = (),
        default: str = _ENGLISH,
        service: str = "",
    ) -> None:
        if _ENGLISH not in entries:
            raise CatalogueError("there is no English catalogue")
        self._entries = entries
        self.languages = tuple(languages) or (_ENGLISH, *sorted(set(entries) - {_ENGLISH}))
        self._default = default
        self._always = {"service": service} if service else _ALWAYS
        self._nav = {language: self._read_nav(language) for language in self.languages}
        self._labels = {language: self._read_labels(language) for language in self.languages}
        self._reported: set[tuple[str, str, str]] = set()

    @classmethod
    def load(cls, locales_dir: Path | str | None = None) -> "Catalogue":
        """Reads `<language>/LC_MESSAGES/kasapay.po` under `locales_dir`, or under our own place for them.

        Raises CatalogueError where there is none for English or one cannot be read.
        """
        root = Path(locales_dir) if locales_dir is not None else _own_place()
        entries = {path.parent.parent.name: _read(path) for path in sorted(root.glob(f"*/{_FILE}"))}
        if _ENGLISH not in entries:
            raise CatalogueError(f"{root / _ENGLISH / _FILE} is missing")
        return cls(entries)

    def speaking(self, languages: Sequence[str], default: str, service: str) -> "Catalogue":
        """The same, speaking only these languages, and calling itself `service`."""
        return Catalogue(self._entries, languages, default, service)

    def pick(self, language: str) -> str:
        """The language we speak for an IETF tag: `fr-CI` is fr, what we do not speak is the default one."""
        if language in self.languages:
            return language
        return next((name for name in _names_of(language) if name in self.languages), self._default)

    def say(self, text: Text, language: str, region: str) -> str:
        """`text` in `language`, with its values; `region` is where numbers are written without a country."""
        return self._say(text, self.pick(language), region, 0)

    def in_each(self, text: Text) -> str:
        """A word in all languages: `Language / Langue`."""
        return " / ".join(dict.fromkeys(self._say(text, language, "", 0) for language in self.languages))

    def nav(self, language: str) -> NavWords:
        """The words that move about in `language`, and the English ones; with and without accents."""
        return self._nav[self.pick(language)]

    def command_words(self) -> frozenset[str]:
        """Every word that moves about, in any language, as it is typed with and without a stroke."""
        words = {w for nav in self._nav.values() for field in _WORD_IDS for w in getattr(nav, field)}
        return frozenset(words | {f"/{word}" for word in words})

    def labels(self, language: str) -> NavLabels:
        """The footer's words and the menu button's."""
        return self._labels[self.pick(language)]

    def native_name(self, language: str) -> str:
        """The language's name in itself, as a menu of languages shows it: `Français`."""
        return native_name(language)

    def has(self, message_id: str, language: str = _ENGLISH) -> bool:
        return message_id in self._entries[self.pick(language)].sentences

    def problems(self, used: Iterable[str] = ()) -> list[str]:
        """What is wrong with the catalogues, one sentence each; `used` are the ids the code asks for."""
        english = self._entries[_ENGLISH].sentences
        found = [
            f"en: {name} is asked for and not there"
            for name in sorted((NAV_IDS | frozenset(used)) - english.keys())
            if name not in self._entries[_ENGLISH].untranslated
        ]
        for language in self.languages:
            entry = self._entries[language]
            found += [f"{language}: {name} is not translated" for name in sorted(entry.untranslated)]
            found += [f"{language}: {name} stands there twice" for name in entry.twice]
            found += [
                f"{language}: {name} has a brace that is no placeholder"
                for name, sentence in sorted(entry.sentences.items())
                if "{" in sentence.words or "}" in sentence.words
            ]
            found += [
                f"{language}: {name} {fault}"
                for name, sentence in sorted(entry.sentences.items())
                for fault in faults_of(sentence.marked)
            ]
            if language == _ENGLISH:
                continue
            here = entry.sentences.keys() | entry.untranslated
            found += [f"{language}: {name} is missing" for name in sorted(english.keys() - here)]
            found += [f"{language}: {name} is unknown in English" for name in sorted(here - english.keys())]
            for name in sorted(english.keys() & entry.sentences.keys()):
                theirs, ours = entry.sentences[name].names, english[name].names
                found += [f"{language}: {name} lacks {{{gone}}}" for gone in sorted(ours - theirs)]
                found += [f"{language}: {name} has unknown {{{new}}}" for new in sorted(theirs - ours)]
                gone = parts_of(english[name].marked).keys() - parts_of(entry.sentences[name].marked).keys()
                found += [f"{language}: {name} lacks the part <{part}>" for part in sorted(gone)]
        return found

    def placeholders(self, message_id: str) -> frozenset[str]:
        """The names the English sentence fills in; empty for an id that is not there."""
        sentence = self._entries[_ENGLISH].sentences.get(message_id)
        return sentence.names if sentence else frozenset()

    def parts(self, message_id: str, language: str = _ENGLISH) -> Mapping[str, str]:
        """The marked parts of a sentence (see bot.channels.parts); empty for an id that is not there."""
        sentence = self._entries[self.pick(language)].sentences.get(message_id)
        return parts_of(sentence.marked) if sentence else {}

    def ids(self) -> tuple[str, ...]:
        """Every id the English catalogue has, in its order."""
        return tuple(self._entries[_ENGLISH].sentences)

    def _say(self, text: Text, language: str, region: str, depth: int) -> str:
        if depth > _MOST_NESTING:
            self._report("nested too deep", text.id, language)
            return text.id
        sentence = self._entries[language].sentences.get(text.id)
        values = {**self._always, **text.values}
        if sentence is None or not sentence.names <= values.keys():
            what = "missing" if sentence is None else "needs another value"
            self._report(what, text.id, language)
            english = self._entries[_ENGLISH].sentences.get(text.id)
            if english is None:
                return text.id
            # English with the values there are says more than a sentence with a hole.
            sentence = english if sentence is None or english.names <= values.keys() else sentence
        parts = list(sentence.parts)
        for place in range(1, len(parts), 2):
            name = parts[place]
            value = values.get(name)
            if name == "currency" and isinstance(value, str):
                value = currency_word(value)
            parts[place] = f"{{{name}}}" if value is None else self._show(value, language, region, depth)
        return "".join(parts)

    def _show(self, value: Value, language: str, region: str, depth: int) -> str:
        if isinstance(value, Text):
            return self._say(value, language, region, depth + 1)
        if isinstance(value, Money):
            return _show_money(value, language)
        if isinstance(value, Number):
            home = value.region or region
            return mask_local(value.msisdn, home) if value.masked else show_local(value.msisdn, home)
        if isinstance(value, Named):
            return value.name
        if isinstance(value, Moment):
            return _show_moment(value, region)
        return str(value)

    def _report(self, what: str, message_id: str, language: str) -> None:
        fault = (what, message_id, language)
        if fault in self._reported or len(self._reported) >= _MOST_REPORTS:
            return
        self._reported.add(fault)
        _log.error("catalogue_fault", what=what, message_id=message_id, language=language)

    def _plain(self, message_id: str, language: str) -> str | None:
        sentence = self._entries[language].sentences.get(message_id)
        return "".join(sentence.parts) if sentence else None

    def _read_nav(self, language: str) -> NavWords:
        merged: dict[str, frozenset[str]] = {}
        for field, message_id in _WORD_IDS.items():
            words = getattr(NavWords(), field)
            for name in (_ENGLISH, language):
                words |= _words(self._plain(message_id, name) or "")
            merged[field] = words
        return NavWords(**merged)

    def _read_labels(self, language: str) -> NavLabels:
        labels = {
            field: self._plain(message_id, language) or self._plain(message_id, _ENGLISH)
            for field, message_id in _LABEL_IDS.items()
        }
        return NavLabels(**{field: label for field, label in labels.items() if label})


def _show_money(money: Money, language: str) -> str:
    """The amount as people write it: francs by the name they go by, in French behind the figures."""
    word = currency_word(money.currency)
    if word == money.currency:
        return show_amount(money)
    figures = f"{to_major(money):,}"
    return f"{figures.replace(',', _NO_BREAK)}{_NO_BREAK}{word}" if language == "fr" else f"{word} {figures}"


def _show_moment(moment: Moment, region: str) -> str:
    """Day, month and year, and the hour, by the clocks of `region`: `21/11/2026 15:46`. Else by UTC."""
    at = _at_home(moment.at_ms, region)
    if moment.seen_ms is not None:
        same_day = at.date() == _at_home(moment.seen_ms, region).date()
        return f"{at:%H:%M}" if same_day else f"{at:%d/%m %H:%M}"
    if moment.hour:
        return f"{at:%H:%M}"
    return f"{at:%d/%m/%Y}" if moment.day else f"{at:%d/%m/%Y %H:%M}"


def _at_home(at_ms: int, region: str) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC) + timedelta(hours=hours_ahead(region))


@lru_cache(maxsize=64)
def native_name(language: str) -> str:
    """The name of `language` in itself, with a capital; its code where nobody has told us.

    Source: Unicode CLDR, as Babel ships it.
    """
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return language
    name = locale.get_language_name(locale.language) or language
    return name[:1].upper() + name[1:]


@lru_cache(maxsize=1)
def known_languages() -> Mapping[str, str]:
    """The languages there is a catalogue of, each with what its header says of its state: see `drafts`."""
    found = {}
    for path in sorted(_own_place().glob(f"*/{_FILE}")):
        header = path.read_text(encoding="utf-8-sig").partition("\n\n")[0]
        status = re.search(r'^"X-Status: (.*)\\n"$', header, re.MULTILINE)
        found[path.parent.parent.name] = status[1] if status else ""
    return found


def drafts(languages: Iterable[str]) -> list[str]:
    """Those of the languages that no native speaker has signed: their header says so."""
    return [name for name in languages if known_languages().get(name, "").startswith("draft")]


def _own_place() -> Path:
    """Inside the package once installed, at the top of a checkout."""
    here = Path(__file__).resolve().parent.parent
    inside = here / "locales"
    return inside if inside.is_dir() else here.parent / "locales"


def _names_of(language: str) -> list[str]:
    """The tag and its shorter forms, as directories are named: `pt-BR` -> pt_BR, pt."""
    parts = language.replace("-", "_").split("_")
    return ["_".join(parts[:count]) for count in range(len(parts), 0, -1)] + [parts[0].lower()]


def _read(path: Path) -> _Language:
    try:
        # Babel joins an entry that stands twice without a word; the text itself still shows it.
        text = path.read_text(encoding="utf-8-sig")
        with path.open("rb") as file:
            catalogue = read_po(file, ignore_obsolete=True, abort_invalid=True, charset="utf-8")
    except (OSError, ValueError, LookupError, PoFileError) as error:
        raise CatalogueError(f"{path} cannot be read: {error}") from error
    sentences: dict[str, _Sentence] = {}
    untranslated: set[str] = set()
    for message in catalogue:
        if not isinstance(message.id, str) or not message.id:
            continue
        # A fuzzy entry is one whose English changed since; gettext does not show it either.
        if isinstance(message.string, str) and message.string and not message.fuzzy:
            words = without_marks(message.string)
            sentences[message.id] = _Sentence(tuple(_PLACEHOLDER.split(words)), message.string)
        else:
            untranslated.add(message.id)
    seen = re.findall(r'^msgid "(.+)"$', text, re.MULTILINE)
    twice = (
        tuple(sorted({name for name in seen if seen.count(name) > 1})) if len(seen) > len(set(seen)) else ()
    )
    return _Language(sentences, frozenset(untranslated), twice)


def _words(listed: str) -> frozenset[str]:
    """The comma-separated words, as typed ones are compared; also without accents, as keypads type them."""
    words = {unicodedata.normalize("NFC", word).strip().casefold() for word in listed.split(",")}
    return frozenset(words | {_bare(word) for word in words}) - {""}


def _bare(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
