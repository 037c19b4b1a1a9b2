"""The switches that make the pretend world misbehave, and the rules above them.

A rule sets switches for the next requests of one path group only; what a rule sets on a creation
stays with that transaction.
"""

import random
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bot.sandbox.fault_values import GROUPS, FaultValues

Group = Annotated[str, Meta(pattern=r"^(momo|startbutton|sms)(\.[a-z]+)?\Z")]


class Rule(Struct, forbid_unknown_fields=True):
    """`set` holds for the next `times` requests (null: all) of paths in `group` ("momo", "momo.token")."""

    group: Group
    set: dict[str, Any]
    times: Annotated[int, Meta(ge=0)] | None = None


_NAMES = frozenset(FaultValues.__struct_fields__)


def with_changes(values: FaultValues, changes: Mapping[str, Any]) -> FaultValues:
    """`values` with `changes`; ValueError says which value does not fit."""
    unknown = sorted(set(changes) - _NAMES)
    if unknown:
        raise ValueError(f"unknown fault: {unknown[0]}")
    try:
        return msgspec.convert({**msgspec.structs.asdict(values), **changes}, FaultValues)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


class Faults:
    """The switches now: global values and the rules above them."""

    def __init__(self, start: Mapping[str, Any]) -> None:
        self._start = dict(start)
        self.values = FaultValues()
        self.rules: list[Rule] = []
        self._draw = random.Random(self.values.error_seed)
        self.merge(self._start)

    def reset(self) -> None:
        """Back to the starting position of the configuration."""
        self.values, self.rules = FaultValues(), []
        self._draw.seed(self.values.error_seed)
        self.merge(self._start)

    def merge(self, changes: Mapping[str, Any]) -> None:
        """Take over `changes`, all or nothing; `rules` replaces all rules. ValueError if one is wrong."""
        changes = dict(changes)
        rules = self.rules
        if "rules" in changes:
            try:
                rules = msgspec.convert(changes.pop("rules"), list[Rule])
            except msgspec.ValidationError as error:
                raise ValueError(f"rules: {error}") from None
            for rule in rules:
                with_changes(self.values, rule.set)
                if rule.group.partition(".")[2] and rule.group not in GROUPS:
                    raise ValueError(f"rules: unknown group {rule.group}")
        if "error_status" in changes:
            changes.setdefault("error_times", -1)  # a count used up earlier must not mute a new error
        values = with_changes(self.values, changes)
        if "error_seed" in changes:
            self._draw.seed(values.error_seed)
        self.values, self.rules = values, rules

    def as_dict(self) -> dict[str, Any]:
        """All values flat, and the rules with the times they have left."""
        return {**msgspec.structs.asdict(self.values), "rules": msgspec.to_builtins(self.rules)}

    def for_request(self, group: str) -> tuple[FaultValues, dict[str, Any]]:
        """The values one request of `group` meets, and what rules set in them; counts the rules down."""
        overlay: dict[str, Any] = {}
        for rule in self.rules:
            if rule.times == 0 or not (group == rule.group or group.startswith(rule.group + ".")):
                continue
            if rule.times is not None:
                rule.times -= 1
            overlay |= rule.set
        return self.over(overlay), overlay

    def over(self, knobs: Mapping[str, Any]) -> FaultValues:
        """The global values with a transaction's own knobs above them."""
        return with_changes(self.values, knobs) if knobs else self.values

    def strikes(self, name: str, effective: FaultValues) -> bool:
        """Whether a counter strikes now; a global counter is counted down, one set by a rule is not."""
        wanted: int = getattr(effective, name)
        standing: int = getattr(self.values, name)
        if wanted and wanted == standing and standing > 0:
            self.values = with_changes(self.values, {name: standing - 1})
        return wanted != 0

    def error_strikes(self, effective: FaultValues) -> bool:
        """Whether `error_status` strikes this request."""
        if effective.error_status < 400 or self._draw.random() >= effective.error_probability:
            return False
        return self.strikes("error_times", effective)
