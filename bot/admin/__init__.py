"""Operators' commands, reconciliation, the check of an installation and the owner-only socket."""
