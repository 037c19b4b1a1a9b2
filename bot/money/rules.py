"""What amounts and numbers an account takes, as its provider declares it: conversations ask for no others."""

import msgspec

from bot.money.numbers import Msisdn, region_of

__all__ = ["AmountRule", "NumberRule"]


class AmountRule(msgspec.Struct, frozen=True):
    """Amounts between `least_minor` and `most_minor`, in whole steps of `step_minor`; all in minor units."""

    least_minor: int = 1
    most_minor: int | None = None
    step_minor: int = 1


class NumberRule(msgspec.Struct, frozen=True):
    """Numbers of these countries (ISO 3166); any where none is named. `also`: beginnings of others that are
    taken, such as a provider's published test numbers."""

    regions: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def takes(self, msisdn: Msisdn) -> bool:
        return not self.regions or region_of(msisdn) in self.regions or msisdn.startswith(self.also)
