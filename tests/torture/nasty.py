"""What hostile requests are made of. What stands under RISKY makes a server stop reading at once."""

from typing import Any, Final

# ruff: noqa: E501 - the more stands on a line, the easier these are to look through
# fmt: off
TEXTS: Final = (
    "", " ", "\x00", "\x00" * 9, "\r\nSet-Cookie: a=b", "\t\n\r", "\x1b[2J", "\x7f\x80\x9f",
    "١٢٣", "１２３", "²", "½", "Ⅷ", "০", "💥", "👩‍👩‍👧‍👦" * 20, "\u202e1001\u202c", "\u200f\u200e", "\ufeff1", "e\u0301" * 50,
    "=1+1", '=HYPERLINK("http://x","y")', "@SUM(A1)", "-1", "+1", "0x10", "1e999", "NaN", "Infinity", "-0",
    "9" * 400, "1" + "0" * 5000, "1.000", "1,000", "0.001", "1..5", ".5", "5.", "00000000001", "*", "#", "**1**",
    "%", "%00", "%zz", "%ff%fe", "%u0041", "%c0%af", "../../etc/passwd", "..\\..\\", "${jndi:ldap://x}", "{{7*7}}",
    "' OR 1=1 --", "<script>alert(1)</script>", "\ud800", "\udfff\ud800", "İıſK", "a" * 3000, "null", "true", "[]",
    "*920*10#", "*920*10*1001*5*1#", "+233240000001", "0240000001", "menu", "cancel", "/start", "1*1*1*1*1",
)
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1e308, -0.0, 2**63, 2**64, -(2**63) - 1, 10**400, float("nan"), float("inf"),
    [], {}, [[]], [None], {"": ""}, {"id": {"id": {}}}, [1, "2", {"3": 4}], "", "0", "\ud800", "\x00",
)
BODIES: Final = (
    b"", b"\x00", b"null", b"[]", b"{}", b'""', b"0", b"1e999", b"-", b"NaN", b"{", b"[1,]", b'{"a":1,}',
    b"[" * 10_000, b'{"a":' * 10_000, b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b"[" * 9_999 + b"]" * 9_999,
    b'{"update_id":' + b"9" * 5_000 + b"}", b'{"id":"x","id":"y"}', b"\xef\xbb\xbf{}", '{"a":"é"}'.encode("latin-1"),
    '{"text":"a"}'.encode("utf-16"), '{"text":"a"}'.encode("utf-32"), b'{"text":"\\ud800"}', b'{"text":"\\u00"}',
    b"&" * 300, b"=" * 300, b"a=1&" * 90, b"a=1&" * 3_000, b"%", b"a=%f", b"a=%ff", b"text=%00&text=%01", b";;;",
    b"--x\r\nContent-Disposition: form-data; name=text\r\n\r\n1\r\n--x--\r\n", b"<a/>", b"/* */{}", b"x" * 60_000,
)
SCRAPS: Final = (
    b"\x00", b"\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"%", b"%0", b"%zz", b'"',
    b"\\", b"\\u", b"\\ud800", b"{", b"[", b"}", b"]", b",", b":", b"&", b"=", b"+", b"\r\n", b"\n", b"1e", b"-",
)
TYPES: Final = (
    "application/json", "application/x-www-form-urlencoded", "text/plain", "application/octet-stream", "", ";",
    "multipart/form-data", "multipart/form-data; boundary=x", "application/json; charset=utf-7", "nonsense",
    "application/json; charset=utf-16", "application/json;charset=\xff", "a/b/c", "text/html; charset=", "*/*",
)
HEADERS: Final = (
    "Accept: text/html", "Accept: \xff\xfe", "Accept-Language: İ", "Accept-Language: ;;;q=", "Range: bytes=9-1",
    "Range: bytes=-99999999999", "If-Modified-Since: yesterday", 'If-None-Match: "', "Cookie: =;;=;kasapay_chat",
    "Cookie: kasapay_chat=" + "g" * 32, "Cookie: " + "a=b; " * 300, "X-Forwarded-For: ,,,", "X-Forwarded-For: ::1%x",
    "X-Forwarded-For: 999.1.1.1", "X-Forwarded-For: [::1", "Origin: null", "Origin: http://[", "Sec-Fetch-Site: evil",
    "Authorization: Basic !!!", "X-A: " + "a" * 7_000, "Forwarded: for=", "TE: x", "X-B:",
    "Last-Event-ID: -1", "Last-Event-ID: \xb2", "x-startbutton-signature: " + "0" * 128,
    "X-Telegram-Bot-Api-Secret-Token: wrong", "Content-Encoding: identity",
)
RISKY_HEADERS: Final = (
    "Expect: nonsense", "Expect: 100-continue", "Content-Encoding: gzip", "Content-Encoding: deflate", "Date: \x01",
    "Content-Encoding: br", "Content-Encoding: zstd", "Connection: close", "Content-Length: 3", "X: " + "a" * 9_000,
    "Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked", "Connection: Upgrade\r\nUpgrade: h2c",
    "Connection: Upgrade\r\nUpgrade: websocket", "Trailer: Host", "Sec-WebSocket-Version: 99", ": empty", "no colon",
    "Host: evil.example", "Content-Type: a/b\r\nContent-Type: c/d",
)
METHODS: Final = ("GET", "DELETE", "PATCH", "OPTIONS", "HEAD", "PUT", "POST", "TRACE", "PROPFIND")
RISKY_METHODS: Final = ("BREW", "X" * 30, "post", "", "CONNECT", "PRI", "GET\x00", "\xff", "SOURCE")
TAILS: Final = (
    "?", "?a", "?%zz=%", "?" + "a=b&" * 90, "?" + "a=b&" * 400, "?after=%00", "?x=%ff%fe", "/", "//", "/..", "/../..",
    "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/%ff", "/..;/", ";x=y", "%", "%2", "%zz", "%c0%ae%c0%ae/", "\\..",
    "/" + "a" * 4_000, "/" * 500, "/a" * 800, "#frag", "/*", "/{}", "/events", "/events/events",
)
RISKY_TAILS: Final = ("/\u202e", "?\xff", "/\x7f", "é", " /x", "\x00", "/" + "a" * 9_000, "\t", "?\x01")
# fmt: on
