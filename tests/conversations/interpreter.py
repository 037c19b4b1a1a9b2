"""Hears a conversation in one language and knows how each screen and message of it reads in another.

The turns of a conversation are the same in every language; only words differ. So one play says two
transcripts. Where the other language needs other turns (a page more, a word typed in it), what is derived
does not read as it stands, and that conversation is played in it for itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from bot.channels.catalogue import Catalogue
from bot.channels.renderer import Renderer

__all__ = ["Interpreter"]


class Interpreter:
    """`words`: what was said, and how it reads in `language`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.words: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        return self.words.get(text, text)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hears whatever is rendered meanwhile."""
        screen, words, say = Renderer.screen, Renderer.message, Catalogue.say

        def screen_too(self_: Renderer, view: Any, gateway: str, language: str) -> Any:
            told = screen(self_, view, gateway, language)
            self.words[told.text] = screen(self_, view, gateway, self.language).text
            return told

        def words_too(self_: Renderer, view: Any, kind: str, language: str) -> Any:
            told, here = words(self_, view, kind, language), words(self_, view, kind, self.language)
            self.words[told.text] = here.text
            self.words[told.wants_contact] = here.wants_contact
            for one, other in zip(told.buttons, here.buttons, strict=True):
                self.words[one.label] = other.label
            return told

        def say_too(self_: Catalogue, text: Any, language: str, *more: Any, **named: Any) -> str:
            told = say(self_, text, language, *more, **named)
            self.words.setdefault(told, say(self_, text, self.language, *more, **named))
            return told

        with (
            patch.object(Renderer, "screen", screen_too),
            patch.object(Renderer, "message", words_too),
            patch.object(Catalogue, "say", say_too),
        ):
            yield
