"""Kasapay: mobile-money payments by conversation."""

__version__ = "0.1.0"
