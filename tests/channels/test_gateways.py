"""The contract every USSD gateway keeps: the dialogue, the end, and nothing that breaks it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.ussd import GATEWAYS, Heard, Left, Read, Rejected, WireReply, WireRequest
from bot.dialog import Address, Nothing, Typed

from .gateway_cases import CASES, MSISDN, SESSION_ID, AfricasTalkingCase, Case, HubtelCase, post


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


def read(case: Case, request: WireRequest) -> Read:
    return case.gateway.read(request, region="GH")


def heard(case: Case, request: WireRequest) -> Heard:
    found = read(case, request)
    assert isinstance(found, Heard), found
    return found


def test_every_gateway_has_its_case() -> None:
    assert {case.name for case in CASES} == set(GATEWAYS)
    assert all(name == gateway.name for name, gateway in GATEWAYS.items())


# ---- the dialogue ------------------------------------------------------------------------------------


def test_a_dial_is_a_turn_without_input(case: Case) -> None:
    inbound = heard(case, case.dial()).inbound
    assert inbound.channel == "ussd"
    assert inbound.address == Address("msisdn", MSISDN)
    assert inbound.verified
    assert inbound.input == Nothing()
    assert inbound.session is not None
    assert inbound.session.gateway == case.name
    assert inbound.session.id == SESSION_ID
    assert inbound.session.opens is (True if case.says_new else None)
    assert inbound.session.cumulative == ("" if case.cumulative else None)
    assert inbound.session.service_code == "*920*10#"
    assert inbound.session.network
    assert inbound.session.dial_args == ()
    assert not inbound.session.ended


def test_an_answer_is_what_was_typed(case: Case) -> None:
    inbound = heard(case, case.answer("1", "50")).inbound
    assert inbound.session is not None
    assert inbound.session.opens is (False if case.says_new else None)
    if case.cumulative:
        # Which part is new only the session's earlier text tells: that is the shell's to say.
        assert (inbound.input, inbound.session.cumulative) == (Nothing(), "1*50")
    else:
        assert (inbound.input, inbound.session.cumulative) == (Typed("50"), None)


@pytest.mark.parametrize(
    ("typed", "said", "keep_open"),
    [([], "Menu", True), (["1"], "Amount?", True), (["1", "50"], "Done", False)],
)
def test_the_reference_dialogue(case: Case, typed: list[str], said: str, keep_open: bool) -> None:
    turn = heard(case, case.answer(*typed))
    reply = case.gateway.build_reply(turn, said, keep_open=keep_open)
    assert reply.status == 200
    assert reply.body == case.reply(said, keep_open=keep_open)


def test_the_same_request_is_read_and_answered_the_same(case: Case) -> None:
    first, second = heard(case, case.answer("1")), heard(case, case.answer("1"))
    assert first == second
    replies = {case.gateway.build_reply(turn, "É\nçŋ 1,000", keep_open=True).body for turn in (first, second)}
    assert replies == {case.reply("É\nçŋ 1,000", keep_open=True)}


def test_turns_of_a_session_differ(case: Case) -> None:
    turns = [heard(case, case.answer(*typed)).inbound for typed in ([], ["1"], ["1", "1"])]
    seen = {(turn.turn_key, turn.session.cumulative if turn.session else None) for turn in turns}
    assert len(seen) == 3


def test_an_empty_answer_is_nothing(case: Case) -> None:
    if not case.cumulative:
        for blank in ("", "  ", "\u00a0", "\x00", "\t\n"):
            assert heard(case, case.answer(blank)).inbound.input == Nothing()


def test_a_star_in_an_answer_stays_in_it(case: Case) -> None:
    inbound = heard(case, case.answer("12*34")).inbound
    assert inbound.session is not None
    assert "12*34" in (inbound.session.cumulative, getattr(inbound.input, "text", None))


def test_the_end_is_heard_and_acknowledged(case: Case) -> None:
    found = read(case, case.end())
    assert isinstance(found, Left)
    assert (found.session_id, found.msisdn) == (SESSION_ID, MSISDN)
    assert found.why
    assert found.reply.status == 200


def test_a_screen_with_windows_line_ends_leaves_with_plain_ones(case: Case) -> None:
    turn = heard(case, case.dial())
    reply = case.gateway.build_reply(turn, "a\r\nb", keep_open=True)
    assert reply.body == case.reply("a\nb", keep_open=True)


def test_half_a_surrogate_pair_does_not_break_a_reply(case: Case) -> None:
    turn = heard(case, case.dial())
    assert case.gateway.build_reply(turn, "a\ud800b", keep_open=False).body == case.reply(
        "a?b", keep_open=False
    )


@pytest.mark.parametrize(
    "number",
    ["+233240000001", "233240000001", "0240000001", "240000001", " 233240000001", "tel:+233240000001",
     "00233240000001", "+233 24 000 0001"],
)  # fmt: skip
def test_numbers_are_understood_in_every_form_seen(case: Case, number: str) -> None:
    turn = heard(case, case.build(case.fields([]) | {case.number_field: number}))
    assert turn.inbound.address == Address("msisdn", MSISDN)


def test_the_figures_of_a_gateway_make_sense(case: Case) -> None:
    gateway = case.gateway
    assert 40 <= gateway.budget <= 182
    assert 0 < gateway.answer_s < gateway.idle_s
    assert "POST" in gateway.methods
    # How long it waits for its person goes along with each turn: a session is no older than that.
    session = heard(case, case.answer("1")).inbound.session
    assert session is not None
    assert session.idle_s == gateway.idle_s


# ---- what is broken ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["id_field", "number_field"])
@pytest.mark.parametrize("value", [None, "", "   "])
def test_without_session_or_number_nobody_can_be_answered(
    case: Case, missing: str, value: str | None
) -> None:
    name = getattr(case, missing)
    fields = case.fields(["1"])
    if value is None:
        del fields[name]
    else:
        fields[name] = value
    found = read(case, case.build(fields))
    assert isinstance(found, Rejected)
    assert found.reply.status == 400
    assert found.reply.body == f"{name} is missing\n".encode()


@pytest.mark.parametrize("missing", ["text_field"])
def test_what_is_not_needed_may_be_missing(case: Case, missing: str) -> None:
    kept = {getattr(case, name) for name in ("id_field", "number_field")} | {"Type"}
    fields = {name: value for name, value in case.fields(["1"]).items() if name in kept}
    inbound = heard(case, case.build(fields)).inbound
    assert inbound.input == Nothing()


@pytest.mark.parametrize(
    "number", ["abc", "12", "+", "0", "+2332400000012345678", "9" * 5000, "+233\x00240000001"]
)
def test_a_number_that_is_none_is_refused_without_repeating_it(case: Case, number: str) -> None:
    found = read(case, case.build(case.fields([]) | {case.number_field: number}))
    assert isinstance(found, Rejected)
    assert found.reply.status == 400
    assert found.reply.body == f"{case.number_field} is not a telephone number\n".encode()


@pytest.mark.parametrize("value", ["x" * 129, "a\x00b", "a\nb", "\x07"])
def test_an_id_that_is_none_is_refused(case: Case, value: str) -> None:
    found = read(case, case.build(case.fields([]) | {case.id_field: value}))
    assert isinstance(found, Rejected)
    assert found.reply.status == 400
    assert value.encode() not in found.reply.body


def test_an_id_comes_back_exactly(case: Case) -> None:
    odd = " é-" + "x" * 120
    inbound = heard(case, case.build(case.fields([]) | {case.id_field: odd})).inbound
    assert inbound.session is not None
    assert inbound.session.id == odd


def said_of(turn: Heard) -> str:
    session = turn.inbound.session
    assert session is not None
    said = turn.inbound.input
    return session.cumulative or (said.text if isinstance(said, Typed) else "")


def test_a_text_too_long_is_cut_and_still_answered(case: Case) -> None:
    assert said_of(heard(case, case.answer("7" * 10_000))) == "7" * 2000


def test_control_characters_are_taken_out_of_what_was_typed(case: Case) -> None:
    assert said_of(heard(case, case.answer("1\x00\x1b2\t3\x9f"))) == "12 3"


def test_a_wrong_method_is_refused(case: Case) -> None:
    for method in ("GET", "PUT", "DELETE", "BREW"):
        request = case.dial()
        found = read(case, WireRequest(method, request.path, request.query, request.headers, request.content))
        assert isinstance(found, Rejected)
        assert found.reply.status == 405
        assert found.reply.headers["Allow"] == "POST"


def test_an_unknown_path_is_refused(case: Case) -> None:
    found = read(case, case.build(case.fields([]), "/elsewhere"))
    assert isinstance(found, Rejected)
    assert found.reply.status == 404


HOSTILE = [
    b"",
    b"\x00",
    b"\xff\xfe\xfa",
    b"[]",
    b'[{"SessionId":"1"}]',
    b"null",
    b"7",
    b'"text"',
    b"{",
    b"{}",
    b"[" * 5000,
    b'{"a":' * 5000,
    b'{"SessionId":null,"Mobile":null}',
    b'{"SessionId":{"a":1},"Mobile":["233240000001"],"Type":7}',
    b'{"SessionId":"1","Mobile":true,"Type":"initiation"}',
    b'{"SessionId":"1","Mobile":1e400,"Type":"initiation"}',
    b'{"SessionId":' + b"9" * 5000 + b',"Mobile":' + b"9" * 5000 + b"}",
    b"&&&===&%%%",
    b"sessionId=1&sessionId=2&phoneNumber=%2B233240000001&text=",
    b"sessionId=1&phoneNumber=%2B233240000001&phoneNumber=%2B233240000002&text=",
    b"sessionId=%00&phoneNumber=%2B233240000001&text=",
    b"sessionId=%FF%FE&phoneNumber=%FF",
    b"a=1&" * 5000,
    b"x" * 10_000,
    "sessionId=é&phoneNumber=ü".encode("utf-16"),
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("path", ["", "/events"])
def test_hostile_bodies_are_refused_plainly(case: Case, content: bytes, path: str) -> None:
    found = read(case, post(content, "application/octet-stream", path))
    assert isinstance(found, Rejected)
    assert 400 <= found.reply.status < 500
    assert b"233240000001" not in found.reply.body


def test_bytes_that_are_not_utf8_do_not_cost_the_person_the_answer(case: Case) -> None:
    request = case.answer("1", "XYZ")
    broken = request.content.replace(b"XYZ", b"\xff\xfe")
    turn = heard(case, WireRequest("POST", "", (), request.headers, broken))
    assert "\ufffd" in said_of(turn)


def check_read(found: Read) -> None:
    if isinstance(found, Heard):
        inbound = found.inbound
        assert inbound.address.value.startswith("+")
        assert inbound.session is not None
        assert 0 < len(inbound.session.id) <= 128
        assert len(said_of(found)) <= 2000
        (inbound.session.id + said_of(found)).encode()
    else:
        assert isinstance(found.reply, WireReply)
        assert 200 <= found.reply.status < 500


@given(content=st.binary(max_size=400), path=st.sampled_from(["", "/", "/events", "/x"]))
@pytest.mark.parametrize("case_of", CASES, ids=lambda case: case.name)
def test_no_bytes_make_reading_raise(case_of: Case, content: bytes, path: str) -> None:
    check_read(case_of.gateway.read(post(content, "", path), region="GH"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
@pytest.mark.parametrize("case_of", CASES, ids=lambda case: case.name)
def test_no_values_make_reading_raise(case_of: Case, data: st.DataObject) -> None:
    fields = case_of.fields(["1"])
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4)):
        fields[name] = data.draw(JSON)
    region = data.draw(st.sampled_from(["GH", "UG", "US", "ZZ", ""]))
    check_read(case_of.gateway.read(case_of.build(fields), region=region))


@given(text=st.text(max_size=200), keep_open=st.booleans())
@pytest.mark.parametrize("case_of", CASES, ids=lambda case: case.name)
def test_reply_bytes_are_stable(case_of: Case, text: str, keep_open: bool) -> None:
    turn = heard(case_of, case_of.dial())
    bodies = {case_of.gateway.build_reply(turn, text, keep_open=keep_open).body for _ in range(2)}
    assert len(bodies) == 1
    bodies.pop().decode("utf-8")


# ---- Africa's Talking --------------------------------------------------------------------------------

AT = AfricasTalkingCase()


@pytest.mark.parametrize("text", ["1", "1*", "1**50", "*", "1*50*", " 1 * 2 "])
def test_cumulative_text_goes_on_as_it_is(text: str) -> None:
    inbound = heard(AT, AT.build(AT.fields([]) | {"text": text})).inbound
    assert inbound.session is not None
    assert inbound.session.cumulative == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_text_that_grew_still_begins_with_what_it_was(before: str, more: str) -> None:
    texts = [said_of(heard(AT, AT.build(AT.fields([]) | {"text": text}))) for text in (before, before + more)]
    assert texts[1].startswith(texts[0])


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("Success", "success"),
        ("Incomplete", "incomplete"),
        ("Failed", "failed"),
        ("Other", "unknown"),
        ("", "unknown"),
    ],
)
def test_how_a_session_ended(status: str, why: str) -> None:
    event = {"sessionId": SESSION_ID, "phoneNumber": MSISDN, "status": status, "errorMessage": MSISDN}
    found = read(AT, AT.build(event, "/events"))
    assert isinstance(found, Left)
    assert (found.why, found.reply.status) == (why, 200)


def test_a_repeated_field_with_one_value_is_harmless() -> None:
    request = AT.dial()
    doubled = WireRequest("POST", "", (), request.headers, request.content + b"&" + request.content)
    assert heard(AT, doubled) == heard(AT, request)


def test_a_get_is_read_only_behind_its_switch() -> None:
    from bot.channels.ussd.africastalking import AfricasTalking

    query = tuple(AT.fields(["1"]).items())
    request = WireRequest("GET", "", query, {}, b"")
    assert isinstance(AT.gateway.read(request, region="GH"), Rejected)
    open_to_get = AfricasTalking(accept_get=True)
    found = open_to_get.read(request, region="GH")
    assert isinstance(found, Heard)
    assert found == open_to_get.read(AT.answer("1"), region="GH")


# ---- Hubtel ------------------------------------------------------------------------------------------

HUBTEL = HubtelCase()


@pytest.mark.parametrize("kind", ["initiation", "Initiation", "INITIATION"])
def test_types_in_any_case(kind: str) -> None:
    inbound = heard(HUBTEL, HUBTEL.build(HUBTEL.fields([]) | {"Type": kind})).inbound
    assert inbound.session is not None
    assert inbound.session.opens is True


@pytest.mark.parametrize(
    ("message", "code", "args"),
    [
        ("*920*10*1*50#", "920*10", ("1", "50")),
        ("*920*10*1*50#", "*920*10#", ("1", "50")),
        ("*920*10#", "920", ("10",)),
        ("*920*10**50#", "920*10", ("", "50")),
        ("", "920*10", ()),
        ("*920*10*1#", "0123456789abcdef0123456789abcdef", ()),
        ("hello", "920*10", ()),
        ("*920*10*1#", "", ()),
    ],
)
def test_what_was_dialled_behind_the_code(message: str, code: str, args: tuple[str, ...]) -> None:
    fields = HUBTEL.fields([]) | {"Message": message, "ServiceCode": code}
    inbound = heard(HUBTEL, HUBTEL.build(fields)).inbound
    assert inbound.session is not None
    assert inbound.session.dial_args == args
    assert inbound.input == Nothing()


def test_an_answer_that_looks_like_a_dial_is_an_answer() -> None:
    inbound = heard(HUBTEL, HUBTEL.answer("*920*10*1#")).inbound
    assert inbound.input == Typed("*920*10*1#")
    assert inbound.session is not None
    assert inbound.session.dial_args == ()


def test_a_code_of_our_own_stands_for_a_service_id() -> None:
    from bot.channels.ussd.hubtel import Hubtel

    fields = HUBTEL.fields([]) | {"Message": "*920*10*7#", "ServiceCode": "0123456789abcdef0123456789abcdef"}
    found = Hubtel(service_code="*920*10#").read(HUBTEL.build(fields), region="KE")
    assert isinstance(found, Heard)
    assert found.inbound.session is not None
    assert (found.inbound.session.dial_args, found.inbound.session.service_code) == (("7",), "*920*10#")


@pytest.mark.parametrize(
    ("sequence", "key"),
    [("2", "2"), (2, "2"), ("02", "2"), (" 2 ", "2"), (None, ""), (True, ""), (2.5, ""), ("two", ""),
     ("٢", ""), (-1, ""), ("9" * 30, "9" * 30), (10**30, str(10**30)), ("9" * 129, ""), (0, "0"), ([2], "")],
)  # fmt: skip
def test_the_sequence_names_the_turn(sequence: object, key: str) -> None:
    fields = HUBTEL.fields(["1"]) | {"Sequence": sequence}
    assert heard(HUBTEL, HUBTEL.build(fields)).inbound.turn_key == key


@pytest.mark.parametrize("kind", ["release", "Release", "timeout", "Timeout"])
def test_release_and_timeout_are_the_end(kind: str) -> None:
    found = read(HUBTEL, HUBTEL.build(HUBTEL.fields(["1"]) | {"Type": kind}))
    assert isinstance(found, Left)
    assert found.why == kind.lower()
    assert found.reply.body == HUBTEL.reply("", keep_open=False)
    assert found.reply.content_type == "application/json"


@pytest.mark.parametrize("kind", ["AddToCart", "Query", "Favorite", "nonsense", "", None, 7])
def test_what_we_do_not_serve_gets_a_closing_screen(kind: object) -> None:
    found = read(HUBTEL, HUBTEL.build(HUBTEL.fields(["1"]) | {"Type": kind}))
    assert isinstance(found, Rejected)
    assert found.reply.status == 200
    assert found.reply.body == HUBTEL.reply(
        "This is not available here. Please dial the code to start.", keep_open=False
    )


def test_names_may_begin_with_a_small_letter_and_numbers_be_numbers() -> None:
    fields = {name[:1].lower() + name[1:]: value for name, value in HUBTEL.fields(["5"]).items()}
    fields["mobile"] = 233240000001
    assert heard(HUBTEL, HUBTEL.build(fields)) == heard(HUBTEL, HUBTEL.answer("5"))


@pytest.mark.parametrize("written", ["123456789012345678901", "7", "9" * 128, "18446744073709551616"])
def test_an_id_may_be_a_number_of_any_length(written: str) -> None:
    """Read as it is written: a number of more than sixteen digits would lose some in floating point."""
    as_number = HUBTEL.build(HUBTEL.fields(["1"]) | {"SessionId": int(written)})
    as_text = HUBTEL.build(HUBTEL.fields(["1"]) | {"SessionId": written})
    assert heard(HUBTEL, as_number) == heard(HUBTEL, as_text)
    session = heard(HUBTEL, as_number).inbound.session
    assert session is not None
    assert session.id == written


@pytest.mark.parametrize("name", ["SessionId", "Mobile"])
@pytest.mark.parametrize(
    "written", ["1.5", "1e20", "1E+2", "233240000001.0", "-0.0", "true", "false", "[7]", "{}"]
)
def test_what_is_neither_text_nor_a_whole_number_names_nothing(name: str, written: str) -> None:
    fields = HUBTEL.fields(["1"])
    content = json.dumps(fields | {name: "HERE"}).replace('"HERE"', written).encode()
    found = read(HUBTEL, post(content, "application/json"))
    assert isinstance(found, Rejected)
    assert (found.reply.status, found.reply.body) == (
        400,
        f"{name} is neither text nor a whole number\n".encode(),
    )


@pytest.mark.parametrize("written", ["12.50", "12", "100000000000000000000", "-3"])
def test_a_number_typed_is_read_as_it_is_written(written: str) -> None:
    content = json.dumps(HUBTEL.fields(["HERE"])).replace('"HERE"', written).encode()
    assert heard(HUBTEL, post(content, "application/json")).inbound.input == Typed(written)


def test_a_byte_order_mark_is_no_trouble() -> None:
    request = HUBTEL.dial()
    marked = WireRequest("POST", "", (), {}, b"\xef\xbb\xbf" + request.content)
    assert heard(HUBTEL, marked) == heard(HUBTEL, request)


@pytest.mark.parametrize("region", ["GH", "KE", "US"])
def test_numbers_are_ghanaian_wherever_we_are(region: str) -> None:
    request = HUBTEL.build(HUBTEL.fields([]) | {"Mobile": "0240000001"})
    found = HUBTEL.gateway.read(request, region=region)
    assert isinstance(found, Heard)
    assert found.inbound.address.value == MSISDN
