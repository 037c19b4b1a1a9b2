"""The pretend USSD gateways: one module each, named like its gateway, with a class `Simulator`."""

from importlib import import_module

from bot.sandbox.gateways.base import GatewaySimulator, Names, Sent, Shown, Upset

__all__ = ["GatewaySimulator", "Names", "Sent", "Shown", "Upset", "simulator_of"]


def simulator_of(gateway: str) -> type[GatewaySimulator]:
    """The simulator of a gateway that we speak."""
    found: type[GatewaySimulator] = import_module(f"{__name__}.{gateway}").Simulator
    return found
