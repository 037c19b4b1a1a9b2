"""The parts of a sentence that ends something: what happened, whether money moved, what to do now.

Translators mark them in the catalogue: `<what>Not paid.</what> <money>Nothing was taken.</money> <next>Try
again.</next>`. Nobody reads the marks: they let a test hold every refusal, in every language, to its parts.
`<money/>` says that no money is in question, `<done>` that what was wanted is done. Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["DONE", "PARTS", "faults_of", "parts_of", "without_marks"]

PARTS: Final = ("what", "money", "next")
DONE: Final = "done"
_MARK: Final = re.compile(r"<(/?)(\w+)(/?)>")
_NAMES: Final = frozenset({*PARTS, DONE})


def without_marks(sentence: str) -> str:
    """The sentence as people read it."""
    return _MARK.sub("", sentence)


def parts_of(sentence: str) -> Mapping[str, str]:
    """The words of each part that is marked, in the order of the sentence. A part may stand within another;
    one that stands there twice is joined. `money` is empty where no money is in question."""
    found: dict[str, list[str]] = {}
    begun: dict[str, int] = {}
    for mark in _MARK.finditer(sentence):
        closes, name, alone = mark.groups()
        if alone:
            found.setdefault(name, [])
        elif not closes:
            begun[name] = mark.end()
        elif name in begun:
            found.setdefault(name, []).append(without_marks(sentence[begun.pop(name) : mark.start()]))
    return {name: " ".join(words) for name, words in found.items()}


def faults_of(sentence: str) -> list[str]:
    """What is wrong with the marks, one phrase each."""
    faults: list[str] = []
    open_ones: list[str] = []
    for mark in _MARK.finditer(sentence):
        closes, name, alone = mark.groups()
        if name not in _NAMES or (alone and name != "money"):
            faults.append(f"has a mark {mark[0]} that is none of ours")
        elif closes and (not open_ones or open_ones.pop() != name):
            faults.append(f"has a {mark[0]} too many")
        elif not closes and not alone:
            open_ones.append(name)
    return faults + [f"does not end its <{name}>" for name in open_ones]
