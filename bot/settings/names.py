"""Which names of the environment are settings of ours, and which were meant to be. Pure.

A misspelt setting says nothing by itself: the door it was to close stays open. So what begins like one of our
names and is none is refused, and so is what is one slip away from one. The names come from the settings'
model; here stands only what it cannot know.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

__all__ = ["nearest_name", "refused_names"]

# First words of our names that others use as well: only a slip in the whole name is refused there.
_COMMON: Final = frozenset({"DATABASE", "HOST", "PORT", "PUBLIC", "SECRET", "SERVICE", "WEB"})
# One letter from a name of ours, and a name with a meaning of its own.
_NOT_MEANT: Final = frozenset({"LANGUAGE"})
# What Kubernetes and Docker say about a service that is called like us, such as KASAPAY_PORT_8000_TCP_ADDR.
_INJECTED: Final = re.compile(
    r"[A-Z0-9_]+_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?"
    r"|ENV_[A-Z0-9_]+)"
)
# And what only its value tells from a setting of ours.
_INJECTED_VALUES: Final = {
    "_PORT": re.compile(r"(?:tcp|udp|sctp)://\S+"),
    "_NAME": re.compile(r"/[^/\s]+/[^/\s]+"),
}
_PLAIN: Final = re.compile(r"[A-Z0-9_]{1,80}")
# In a shorter name another letter makes another word: POST is no misspelt PORT.
_LONG: Final = 8


def refused_names(
    given: Mapping[str, str], settings: Collection[str], parts: Mapping[str, Collection[str]]
) -> list[str]:
    """A sentence for each name given that is no setting and was meant to be one.

    `settings` are our names in capitals; `parts` says what may stand behind a beginning such as USSD_ALLOW_.
    """
    known = frozenset(settings) | {begin + part for begin, ends in parts.items() for part in ends}
    words = {name.partition("_")[0] for name in known if "_" in name} - _COMMON
    ours = tuple(f"{word}_" for word in sorted(words))
    found = []
    for as_given, value in given.items():
        name = as_given.upper()
        if name in known or name in _NOT_MEANT or _is_injected(name, value):
            continue
        if not name.startswith(ours) and _one_slip_away(name, known) is None:
            continue
        shown = as_given if _PLAIN.fullmatch(name) else "of a name with other characters than A-Z, 0-9 and _"
        found.append(f"There is no setting {shown}{_proposal(name, known, parts)}")
    return found


def nearest_name(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; empty where none is near."""
    names = frozenset(known)
    slip = _one_slip_away(name, names)
    return slip or next(iter(get_close_matches(name, sorted(names), n=1, cutoff=0.75)), "")


def _proposal(name: str, known: frozenset[str], parts: Mapping[str, Collection[str]]) -> str:
    among: Collection[str] = known
    for begin, ends in parts.items():
        if name.startswith(begin):
            among = sorted(begin + end for end in ends)
    if near := nearest_name(name, among):
        return f"; did you mean {near}?"
    return f"; there are {', '.join(among)}." if among is not known and among else "."


def _is_injected(name: str, value: str) -> bool:
    if _INJECTED.fullmatch(name):
        return True
    return any(name.endswith(end) and form.fullmatch(value) for end, form in _INJECTED_VALUES.items())


def _one_slip_away(name: str, known: frozenset[str]) -> str | None:
    """The known name of which `name` is a slip: a letter dropped, doubled or swapped with the next; in long
    names also one too many or another one."""
    table = _slips(known)
    if name in table:
        return table[name]
    if len(name) + 1 < _LONG:
        return None
    return next((table[drop] for drop in _drops(name) if len(table.get(drop, "")) >= _LONG), None)


@lru_cache(8)
def _slips(known: frozenset[str]) -> dict[str, str]:
    """The known name by each of its slips, and by itself."""
    table: dict[str, str] = {}
    for name in sorted(known):
        for slip in (*_drops(name), *_doubles(name), *_swaps(name)):
            table.setdefault(slip, name)
    return table | {name: name for name in known}


def _drops(name: str) -> list[str]:
    return [name[:at] + name[at + 1 :] for at in range(len(name))]


def _doubles(name: str) -> list[str]:
    return [name[:at] + name[at] + name[at:] for at in range(len(name))]


def _swaps(name: str) -> list[str]:
    swapped = [name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1)]
    return [slip for slip in swapped if slip != name]
