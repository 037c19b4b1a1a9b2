"""Startbutton: the adapter, its settings, its callbacks and its words."""
