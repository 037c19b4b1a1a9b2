"""A database as `migrate` leaves it, made once a run and copied for every test."""

from tests.conversations.fixtures import stage, template

__all__ = ["stage", "template"]
