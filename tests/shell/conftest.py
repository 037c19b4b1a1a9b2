"""The stage of the conversations, for the shell's own tests."""

from tests.conversations.fixtures import stage, template

__all__ = ["stage", "template"]
