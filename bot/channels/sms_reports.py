"""Delivery reports of Africa's Talking: what became of an SMS. For statistics, nothing more.

Source: Africa's Talking's SMS documentation, "Delivery reports", November 2026.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

__all__ = ["DeliveryReport", "DeliveryReports", "plain_word", "read_delivery_report"]

_PLAIN_ID: Final = re.compile(r"[\w.:\-]{1,128}", re.ASCII)
_PLAIN_WORD: Final = re.compile(r"[A-Za-z]{1,40}")


class DeliveryReport(msgspec.Struct, frozen=True):
    """What the network says became of a message. Unsigned: for statistics, and for nothing else.

    `status` is one of their words or `Unknown`; `reason` their word for a failure, or empty.
    """

    message_id: str
    status: str
    reason: str = ""
    network: str = ""

    @property
    def delivered(self) -> bool:
        return self.status == "Success"

    @property
    def final(self) -> bool:
        return self.status in _FINAL_STATUSES


_FINAL_STATUSES: Final = frozenset({"Success", "Failed", "Rejected", "AbsentSubscriber", "Expired"})
_STATUSES: Final = _FINAL_STATUSES | {"Sent", "Submitted", "Buffered"}


def read_delivery_report(form: Mapping[str, str]) -> DeliveryReport | None:
    """The report in a form, without the number in it; None where it names no message or says nothing."""
    message_id, status = form.get("id", ""), form.get("status", "")
    if not _PLAIN_ID.fullmatch(message_id) or not status:
        return None
    network = form.get("networkCode", "")
    return DeliveryReport(
        message_id=message_id,
        status=status if status in _STATUSES else "Unknown",
        reason=plain_word(form.get("failureReason", "")),
        network=network if re.fullmatch(r"\d{5,6}", network, re.ASCII) else "",
    )


class DeliveryReports:
    """Counts the reports. `secret` is the last part of the path they come to; `count` hears of each final
    one, "delivered" or "undelivered"."""

    def __init__(self, secret: str, count: Callable[[str], None]) -> None:
        self.secret = secret
        self._count = count

    async def report(self, form: Mapping[str, str]) -> None:
        found = read_delivery_report(form)
        if found is not None and found.final:
            self._count("delivered" if found.delivered else "undelivered")


def plain_word(word: Any) -> str:
    """One word of theirs that may be logged; a sentence could hold a number."""
    return word if isinstance(word, str) and _PLAIN_WORD.fullmatch(word) else ""
