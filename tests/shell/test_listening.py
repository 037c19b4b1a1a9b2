"""Where something listens, as it is printed."""

import ipaddress

import pytest

from bot.app.listening import is_here_only, shown_url, url_of


@pytest.mark.parametrize(
    ("host", "here", "only"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", True),
        ("localhost", "http://localhost:8000", True),
        ("::1", "http://[::1]:8000", True),
        ("0.0.0.0", "http://127.0.0.1:8000", False),
        ("::", "http://127.0.0.1:8000", False),
        ("192.168.1.7", "http://192.168.1.7:8000", False),
    ],
)
def test_what_is_printed_can_be_opened(host: str, here: str, only: bool) -> None:
    assert url_of(host, 8000) == here
    assert is_here_only(host) is only
    shown = shown_url(host, 8000).removeprefix("http://").removesuffix(":8000").strip("[]")
    if host == "localhost":
        assert shown == host
    else:
        assert not ipaddress.ip_address(shown).is_unspecified
    if host not in ("0.0.0.0", "::"):
        assert shown_url(host, 8000) == here
