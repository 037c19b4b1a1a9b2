"""What a provider, or the wire to it, does with the requests of one payment: one behaviour a run.

Each is a script for the network: it sees every request in order and says what becomes of it, "" being
nothing special.
"""

from collections.abc import Callable
from typing import Final

__all__ = ["BEHAVIOURS", "Behaviour"]

Script = Callable[[str, str, str], str]
Behaviour = Callable[[], Script]


def _creates(method: str, path: str) -> bool:
    return method == "POST" and (path.endswith("/requesttopay") or path.endswith("/mobile_money"))


def _verifies(path: str) -> bool:
    return path.endswith("/otp-verify")


def _asks(method: str, path: str) -> bool:
    return method == "GET" and ("/requesttopay/" in path or "/transaction/status/" in path)


def _first(fate: str, times: int, fits: Callable[[str, str], bool]) -> Behaviour:
    """The first so many requests that fit meet this fate."""

    def begin() -> Script:
        left = times

        def script(method: str, host: str, path: str) -> str:
            nonlocal left
            if left and fits(method, path):
                left -= 1
                return fate
            return ""

        return script

    return begin


def _creation(fate: str, times: int = 1) -> Behaviour:
    return _first(fate, times, _creates)


def _question(fate: str, times: int = 3) -> Behaviour:
    return _first(fate, times, _asks)


def _crawling_momo() -> Script:
    return lambda method, host, path: "crawl" if host.startswith("momo") else ""


BEHAVIOURS: Final[dict[str, Behaviour]] = {
    "well": _first("", 0, _creates),
    "request lost": _creation("lost_request"),
    "request lost, no word": _creation("silent_request"),
    "reply lost": _creation("lost_reply"),
    "reply lost twice": _creation("lost_reply", 2),
    "no reply": _creation("silent_reply"),
    "no connection": _creation("refused", 3),
    "500, nothing taken": _creation("failing_before"),
    "503, taken": _creation("failing_after"),
    "no meaning, nothing taken": _creation("unclear_before"),
    "no meaning, taken": _creation("unclear_after"),
    "429": _creation("busy", 2),
    "token ends": _first("expires", 3, lambda method, path: not path.endswith("/token/")),
    "no token": _first("failing_before", 2, lambda method, path: path.endswith("/token/")),
    "404 at first": _question("unknown_yet"),
    "403 in HTML": _question("forbidden"),
    "odd word": _question("odd_word"),
    "status lost": _question("lost_reply"),
    "code's reply lost": _first("lost_reply", 1, lambda method, path: _verifies(path)),
    "code's answer of no meaning": _first("unclear_after", 1, lambda method, path: _verifies(path)),
    "code's request lost": _first("lost_request", 1, lambda method, path: _verifies(path)),
    "message's reply lost": _first("lost_reply", 1, lambda method, path: path.endswith("/messaging")),
    "slow to answer": _crawling_momo,
    "message refused": _first("busy", 2, lambda method, path: path.endswith("/messaging")),
}
