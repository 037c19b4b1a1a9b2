"""The bot's token is in the path of every call; no logger may write it."""

import logging

import pytest
from structlog.testing import capture_logs

from bot.channels.base import Button, ChannelError, Outgoing
from bot.channels.telegram import TelegramChannel, poll
from bot.channels.telegram.errors import detail_of
from tests.fake_telegram import (
    FakeTelegram,
    accept_then_drop,
    bad_request,
    conflict,
    flood,
    forbidden,
    garbled,
    refuse,
    server_error,
    unauthorized,
)


class Stop(Exception):
    pass


async def test_no_log_holds_the_token_or_what_was_said(
    fake: FakeTelegram, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything at DEBUG, through success and every kind of failure."""
    for name in ("httpx", "httpcore", "telegram"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    channel = TelegramChannel(fake.token, fake.url)
    ama = fake.person(phone="233247654321")
    await ama.says("my code is 918273")
    details: list[str] = []
    troubles = [
        None,
        forbidden(),
        flood(),
        bad_request("message is not modified"),
        bad_request(f"strange {fake.token}"),
        refuse(404, f"Not Found: /bot{fake.token}/x"),
        unauthorized(),
        conflict(),
        server_error(),
        accept_then_drop(),
        garbled(b"918273 and 233247654321"),
    ]
    with capture_logs() as logs:
        for trouble in troubles:
            if trouble is not None:
                fake.fail("*", trouble, times=None)
            for edits in ("", "5"):
                try:
                    await channel.send(
                        Outgoing(to=str(ama.id), text="918273", edits=edits, buttons=(Button("x", "y"),))
                    )
                except ChannelError as error:
                    details.append(error.detail)
            await channel.answer_callback("1", "918273")
            await channel.delete(str(ama.id), "1")
            fake.mend()
        pauses = 0

        async def sleep(_: float) -> None:
            nonlocal pauses
            pauses += 1
            fake.mend()
            if pauses > 1:
                raise Stop

        async def receive(update_id: int, chat: str, raw: bytes) -> bool:
            raise Stop

        fake.fail("getUpdates", garbled(b'[{"message":"918273"}]'))
        with pytest.raises(Stop):
            await poll(channel.bot, receive, sleep=sleep)
    await channel.close()
    written = [record.getMessage() + str(record.exc_text or "") for record in caplog.records]
    written += [str(line) for line in logs] + details
    assert len(details) > 10
    assert any("telegram_poll_failed" in line for line in written)
    for line in written:
        for secret in (fake.token, fake.token.split(":")[1], "918273", "233247654321", "7654321"):
            assert secret not in line


@pytest.mark.parametrize("number", ["233247654321", "1234567890:AAE-fake_token_of_the_tests"])
def test_an_errors_detail_is_masked_and_short(number: str) -> None:
    detail = detail_of(ValueError(f"it says {number}\n" + "x" * 500))
    assert number not in detail
    assert "\n" not in detail
    assert len(detail) <= 160
