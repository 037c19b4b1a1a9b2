"""What was dialled behind the service code: `*920*10*1*50#` on `*920*10#` asks for 1, then 50.

Pure. Decides only what the arguments are; whether one may fill in an answer is the shell's business,
and none may ever confirm anything.
"""

import re
from typing import Final
from urllib.parse import unquote

from bot.dialog import fold_digits

__all__ = ["MOST_ARGS", "MOST_CHARACTERS", "is_dial", "parse_dial", "show_code"]

# The most a handset can send, and more arguments than any flow has questions.
MOST_CHARACTERS: Final = 182
MOST_ARGS: Final = 12

_DIALLED: Final = re.compile(r"\*?#?(\d+(?:\*\d*)*)#?", re.ASCII)


def parse_dial(text: str, service_code: str) -> tuple[str, ...]:
    """The arguments of a dial string, digits each; an empty one (`**`) leaves its question open.

    `*`, `#` and their percent-encoded forms around the code may be there or not. Empty where nothing
    was added, where `text` is not a dial of `service_code`, and where it is longer than a handset
    could send or a flow could use: half an argument would be worse than none.
    """
    code, dialled = _segments(service_code), _segments(text)
    if not code or dialled[: len(code)] != code:
        return ()
    args = dialled[len(code) :]
    while args and not args[-1]:
        args.pop()
    return tuple(args) if len(args) <= MOST_ARGS else ()


def is_dial(text: str, service_code: str) -> bool:
    """Whether `text` is a dial of the code, with or without arguments, and not an answer."""
    code = _segments(service_code)
    return bool(code) and text.strip().startswith(("*", "#")) and _segments(text)[: len(code)] == code


def show_code(service_code: str) -> str:
    """A service code as people dial it: `711*2` is `*711*2#`. What is no code stays as it is."""
    segments = _segments(service_code)
    return f"*{'*'.join(segments)}#" if segments else service_code


def _segments(text: str) -> list[str]:
    # Three characters for an encoded one: longer than that it cannot become short enough.
    if len(text) > 3 * MOST_CHARACTERS:
        return []
    text = "".join(fold_digits(unquote(text)).split())
    found = _DIALLED.fullmatch(text)
    return found[1].split("*") if found and len(text) <= MOST_CHARACTERS else []
