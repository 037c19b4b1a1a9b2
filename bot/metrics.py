"""Figures for operators: turns, provider calls, orders, messages. No number, name or code in any label."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

_TURN_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4)


class Metrics:
    """One registry of our own, so that two of us can live in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.turns = Counter(
            "kasapay_turns", "Turns by channel and outcome", ("channel", "outcome"), registry=self._registry
        )
        self.turn_s = Histogram(
            "kasapay_turn_seconds",
            "Time from message to kept answer",
            ("channel",),
            buckets=_TURN_BUCKETS,
            registry=self._registry,
        )
        self.steps = Counter(
            "kasapay_steps", "Steps shown, by flow and step", ("flow", "step"), registry=self._registry
        )
        self.orders = Counter(
            "kasapay_order_transitions",
            "Orders worked on, by connection and state reached",
            ("connection", "state"),
            registry=self._registry,
        )
        self.messages = Counter(
            "kasapay_messages",
            "Messages, by channel, kind and outcome",
            ("channel", "kind", "outcome"),
            registry=self._registry,
        )
        self.overdue = Gauge(
            "kasapay_orders_overdue",
            "Open orders past their time that nobody works on and that are not UNRESOLVED",
            registry=self._registry,
        )
        self.connections = Gauge(
            "kasapay_connections", "Connections open to our port", registry=self._registry
        )
        self.streams = Gauge("kasapay_streams", "Event streams open to pages", registry=self._registry)
        self.bounds_met = Counter(
            "kasapay_bounds_met",
            "How often somebody met the most there may be at once, by what is bounded",
            ("bound",),
            registry=self._registry,
        )
        self.ready = Gauge("kasapay_ready", "1 while payments may start", registry=self._registry)

    def render(self) -> bytes:
        """The figures in Prometheus' text form."""
        return generate_latest(self._registry)
