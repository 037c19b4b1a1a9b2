"""The web chat as a channel: it reads what was sent from the store, so being sent is being there to read."""

from typing import Final

from bot.channels.base import Outgoing, Sent

__all__ = ["WebChatChannel"]


class WebChatChannel:
    kind: Final = "web"

    async def send(self, message: Outgoing) -> Sent:
        return Sent(message.edits or message.key)
