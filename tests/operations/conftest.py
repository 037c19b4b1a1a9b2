"""The stage of the conversations, with nobody speaking."""

from tests.conversations.fixtures import stage, template

__all__ = ["stage", "template"]
