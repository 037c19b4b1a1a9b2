"""The life of an order: its rules, its worker, its callbacks, and the calls to its provider."""
