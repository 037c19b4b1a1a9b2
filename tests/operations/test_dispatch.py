"""Each effect of a flow names its operation."""

from types import SimpleNamespace
from typing import Any, cast

from bot.conversations.effect_dispatch import EffectDispatch
from bot.dialog import Act, Look, SecretAct
from bot.operations.operations import Operations
from flows import business_effects, effects


def test_every_effect_has_an_operation() -> None:
    dispatch = EffectDispatch(cast(Operations, SimpleNamespace()))
    known: dict[type, Any] = {Look: dispatch.looks, Act: dispatch.acts, SecretAct: dispatch.secret_acts}
    for module in (effects, business_effects):
        for name in module.__all__:
            effect = getattr(module, name)
            (kind,) = [kind for kind in known if issubclass(effect, kind)]
            assert effect in known[kind], f"{name} stands in no line of EffectDispatch"
    assert dispatch.provider_looks <= set(dispatch.looks)
