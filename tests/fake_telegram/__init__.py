"""A Bot API server of our own for tests, people who use it, and the trouble it can make.

async with FakeTelegram() as fake:
    ama = fake.person("Ama")
    ...  # start the bot with TELEGRAM_API_URL=fake.url and TELEGRAM_TOKEN=fake.token
    await ama.starts()
    await ama.presses("Pay")
    await ama.sees("How much?")
"""

from tests.fake_telegram.chats import Chat, Message
from tests.fake_telegram.failures import (
    Failure,
    accept_then_drop,
    accept_then_hang,
    answer,
    bad_request,
    conflict,
    drop,
    flood,
    forbidden,
    garbled,
    hang,
    migrated,
    refuse,
    server_error,
    unauthorized,
)
from tests.fake_telegram.markup import Key
from tests.fake_telegram.methods import Call
from tests.fake_telegram.person import Person
from tests.fake_telegram.server import Delivery, FakeTelegram

__all__ = [
    "Call",
    "Chat",
    "Delivery",
    "Failure",
    "FakeTelegram",
    "Key",
    "Message",
    "Person",
    "accept_then_drop",
    "accept_then_hang",
    "answer",
    "bad_request",
    "conflict",
    "drop",
    "flood",
    "forbidden",
    "garbled",
    "hang",
    "migrated",
    "refuse",
    "server_error",
    "unauthorized",
]
