"""Figures for operators: turns, provider calls, orders, messages. No number, name or code in any label."""

import re
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

# HeldBack is held_back.
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")

_CALL_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
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
            "Orders worked on, by account and state reached",
            ("account", "state"),
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
        self.calls = Counter(
            "kasapay_provider_calls",
            "Calls to providers, by provider, account, call and outcome (held_back: not tried)",
            ("provider", "account", "call", "outcome"),
            registry=self._registry,
        )
        self.call_s = Histogram(
            "kasapay_provider_call_seconds",
            "Time a provider took for calls that were tried",
            ("provider", "account", "call"),
            buckets=_CALL_BUCKETS,
            registry=self._registry,
        )
        self.left_alone = Gauge(
            "kasapay_provider_left_alone",
            "1 while an account fails so that it gets one call a second only",
            ("provider", "account"),
            registry=self._registry,
        )
        self.open_orders = Gauge(
            "kasapay_orders_open",
            "Orders that are not final, by account and state",
            ("account", "state"),
            registry=self._registry,
        )
        self.oldest_order_s = Gauge(
            "kasapay_orders_oldest_seconds",
            "Age of the oldest order that is not final, by account and state",
            ("account", "state"),
            registry=self._registry,
        )
        self.doubtful_agreements = Gauge(
            "kasapay_agreements_unresolved",
            "Invoices and auto-debits that a person must look into",
            ("account",),
            registry=self._registry,
        )
        self.incidents = Gauge(
            "kasapay_incidents", "Incidents that are kept, by kind", ("kind",), registry=self._registry
        )
        self.last_incident_s = Gauge(
            "kasapay_incidents_last_timestamp_seconds",
            "When the newest incident came, in seconds since 1970; 0 while there is none",
            registry=self._registry,
        )
        self.dead_messages = Gauge(
            "kasapay_messages_dead",
            "Messages that reached nobody and wait for an operator, by channel and kind",
            ("channel", "kind"),
            registry=self._registry,
        )
        self.waiting_messages = Gauge(
            "kasapay_messages_waiting",
            "Messages that wait to be sent, by channel",
            ("channel",),
            registry=self._registry,
        )
        self.security = Counter(
            "kasapay_security_events",
            "Wrong secrets, refused addresses, wrong PINs and the like, by kind",
            ("kind",),
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
        self.telegram = Gauge(
            "kasapay_telegram_connected",
            "1 while Telegram's updates reach us, by mode; nothing where no bot is set up",
            ("mode",),
            registry=self._registry,
        )
        self.ready = Gauge("kasapay_ready", "1 while payments may start", registry=self._registry)

    def note_call(self, provider: str, account_id: str, call: str, outcome: str, took_s: float) -> None:
        """An exchange with a provider has ended, or was held back."""
        at = (provider, account_id, call)
        word = _WORD.sub("_", outcome).lower()
        self.calls.labels(*at, word).inc()
        if word != "held_back":
            self.call_s.labels(*at).observe(max(took_s, 0))

    def render(self) -> bytes:
        """The figures in Prometheus' text form."""
        return generate_latest(self._registry)
