"""The pretend outside world: MoMo, Startbutton, SMS, wallet handsets and switches on one port.

For development and tests only; never part of `serve`. It imports no other room of ours.
"""

from bot.sandbox.app import Running, build_app, serve_sandbox
from bot.sandbox.config import SandboxConfig
from bot.sandbox.record import RecordError

__all__ = ["SandboxConfig", "Running", "build_app", "serve_sandbox", "RecordError"]
