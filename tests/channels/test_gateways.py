"""The contract every USSD gateway keeps: the dialogue, the end, and nothing that breaks it."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.ussd import (
    GATEWAYS,
    GatewayOptions,
    Heard,
    Left,
    Manners,
    Read,
    Rejected,
    WireReply,
    WireRequest,
    screen_septets,
)
from bot.dialog import Address, Nothing, Session, Typed
from bot.sandbox.gateways import Shown
from tests.gateways import arrived, gateway_of

from .gateway_cases import CASES, MSISDN, SESSION_ID, Case, post


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


def test_every_gateway_is_called_what_it_calls_itself() -> None:
    assert all(name == gateway.manners.name for name, gateway in GATEWAYS.items())
    titles = [gateway.manners.title for gateway in GATEWAYS.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles), "people choose by it"


# ---- the dialogue ------------------------------------------------------------------------------------


def test_a_dial_is_a_turn_without_input(case: Case) -> None:
    inbound = heard(case, case.dial()).inbound
    assert inbound.channel == "ussd"
    assert inbound.address == Address("msisdn", MSISDN)
    assert inbound.verified
    assert inbound.input == Nothing()
    assert inbound.session is not None
    assert inbound.session.gateway == case.name
    assert inbound.session.id == case.session_id
    assert inbound.session.opens is (True if case.manners.says_new else None)
    assert inbound.session.cumulative == ("" if case.manners.cumulative else None)
    assert inbound.session.service_code == "*920*10#"
    assert inbound.session.dial_args == ()


def test_answers_may_be_dialled_behind_the_code(case: Case) -> None:
    for args in (("1001",), ("1001", "5"), ("", "50"), ("1001", "5", "1", "1")):
        inbound = heard(case, case.dial(*args)).inbound
        assert inbound.session is not None
        told = inbound.session.cumulative
        assert (tuple(told.split("*")) if told is not None else inbound.session.dial_args) == args
        assert inbound.input == Nothing()


def test_an_answer_is_what_was_typed(case: Case) -> None:
    inbound = heard(case, case.answer("1", "50")).inbound
    assert inbound.session is not None
    assert inbound.session.opens is (False if case.manners.says_new else None)
    assert inbound.session.dial_args == ()
    if case.manners.cumulative:
        # Which part is new only the session's earlier text tells.
        assert (inbound.input, inbound.session.cumulative) == (Nothing(), "1*50")
    else:
        assert (inbound.input, inbound.session.cumulative) == (Typed("50"), None)


@pytest.mark.parametrize(
    ("typed", "said", "keep_open"),
    [((), "Menu", True), (("1",), 'Amount? < & > "', True), (("1", "50"), "Done\n\nÉ çŋ", False)],
)
def test_the_gateway_understands_the_reply(
    case: Case, typed: tuple[str, ...], said: str, keep_open: bool
) -> None:
    line = case.line(*typed)
    turn = heard(case, arrived(line.encode(line.fields)))
    reply = case.gateway.build_reply(turn, said, keep_open=keep_open)
    assert line.read(reply.status, reply.body) == Shown(said, keep_open)


def test_the_same_request_is_read_and_answered_the_same(case: Case) -> None:
    first, second = heard(case, case.answer("1")), heard(case, case.answer("1"))
    assert first == second
    bodies = {case.gateway.build_reply(turn, "É\nçŋ 1,000", keep_open=True).body for turn in (first, second)}
    assert len(bodies) == 1


def test_each_request_of_a_session_has_its_number(case: Case) -> None:
    keys = [heard(case, case.answer(*typed)).inbound.turn_key for typed in ((), ("1",), ("1", "1"))]
    assert len(set(keys)) == (3 if case.manners.numbers_turns else 1)
    assert all(keys) is case.manners.numbers_turns


def test_turns_of_a_session_differ(case: Case) -> None:
    turns = [heard(case, case.answer(*typed)).inbound for typed in ((), ("1",), ("1", "2"))]
    seen = {
        (turn.turn_key, str(turn.input), turn.session.cumulative if turn.session else None) for turn in turns
    }
    assert len(seen) == 3


def test_an_empty_answer_is_nothing(case: Case) -> None:
    if not case.manners.cumulative:
        for blank in ("", "  ", "\u00a0", "\t\n"):
            assert heard(case, case.answer(blank)).inbound.input == Nothing()


def test_a_star_in_an_answer_stays_in_it(case: Case) -> None:
    inbound = heard(case, case.answer("12*34")).inbound
    assert inbound.session is not None
    assert "12*34" in (inbound.session.cumulative, getattr(inbound.input, "text", None))


@pytest.mark.parametrize("why", ["left", "timeout"])
def test_the_end_is_heard_where_the_gateway_tells_of_it(case: Case, why: str) -> None:
    sent = case.line("1").end(why)
    assert (sent is not None) is case.manners.reports_end
    if sent is not None:
        found = read(case, arrived(sent))
        assert isinstance(found, Left)
        assert (found.session_id, found.msisdn) == (case.session_id, MSISDN)
        assert found.why
        assert found.why != "success"
        assert found.reply.status == 200


def test_a_screen_with_windows_line_ends_leaves_with_plain_ones(case: Case) -> None:
    reply = case.gateway.build_reply(heard(case, case.dial()), "a\r\nb", keep_open=True)
    assert case.line().read(reply.status, reply.body).text == "a\nb"


def test_half_a_surrogate_pair_does_not_break_a_reply(case: Case) -> None:
    reply = case.gateway.build_reply(heard(case, case.dial()), "a\ud800b", keep_open=False)
    assert case.line().read(reply.status, reply.body) == Shown("a?b", False)


@pytest.mark.parametrize(
    "number",
    ["+233240000001", "233240000001", "0240000001", "240000001", " 233240000001", "tel:+233240000001",
     "00233240000001", "+233 24 000 0001"],
)  # fmt: skip
def test_numbers_are_understood_in_every_form_seen(case: Case, number: str) -> None:
    turn = heard(case, case.build(case.fields() | {case.names.number: number}))
    assert turn.inbound.address == Address("msisdn", MSISDN)


def test_the_figures_of_a_gateway_make_sense(case: Case) -> None:
    manners = case.manners
    assert 60 <= manners.septets <= 182
    assert 60 <= manners.characters <= 80
    assert 0 < manners.answer_s < manners.idle_s
    assert case.dial().method in manners.methods
    # How long it waits for its person goes along with each turn: a session is no older than that.
    session = heard(case, case.answer("1")).inbound.session
    assert session is not None
    assert session.idle_s == manners.idle_s


@pytest.mark.parametrize(
    ("septets", "own", "common", "shown"),
    [(182, None, 0, 160), (182, None, 182, 182), (182, 100, 182, 100), (182, 182, 0, 182),
     (182, 182, 120, 120), (120, None, 0, 120), (120, 160, 182, 120)],
)  # fmt: skip
def test_the_smallest_figure_for_a_screen_wins(
    septets: int, own: int | None, common: int, shown: int
) -> None:
    manners = Manners(name="x", title="X", says_new=False, reports_end=False, septets=septets)
    assert screen_septets(manners, GatewayOptions(screen_septets=own), common) == shown


# ---- what is broken ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["session", "number"])
@pytest.mark.parametrize("value", [None, "", "   "])
def test_without_session_or_number_nobody_can_be_answered(
    case: Case, missing: str, value: str | None
) -> None:
    name = getattr(case.names, missing)
    fields = case.fields("1")
    if value is None:
        del fields[name]
    else:
        fields[name] = value
    found = read(case, case.build(fields))
    if missing == "session" and isinstance(found, Heard):
        # A gateway that may have no ids: the number is the session's name.
        assert found.inbound.session is not None
        assert found.inbound.session.id == MSISDN
        return
    assert isinstance(found, Rejected)
    assert found.reply.status == 400
    assert found.reply.body == f"{name} is missing\n".encode()


def test_what_is_not_needed_may_be_missing(case: Case) -> None:
    names = case.names
    kept = {names.session, names.number, names.kind}
    fields = {name: value for name, value in case.fields("1").items() if name in kept}
    inbound = heard(case, case.build(fields)).inbound
    assert inbound.input == Nothing()


@pytest.mark.parametrize(
    "number", ["abc", "12", "+", "0", "+2332400000012345678", "9" * 5000, "+233\x00240000001"]
)
def test_a_number_that_is_none_is_refused_without_repeating_it(case: Case, number: str) -> None:
    found = read(case, case.build(case.fields() | {case.names.number: number}))
    assert isinstance(found, Rejected)
    assert found.reply.status == 400
    said = found.reply.body.decode()
    assert said in (f"{case.names.number} is not a telephone number\n", "the body is not XML\n")


@pytest.mark.parametrize("value", ["x" * 129, "a\x00b", "a\nb", "\x07"])
def test_an_id_that_is_none_is_refused(case: Case, value: str) -> None:
    found = read(case, case.build(case.fields() | {case.names.session: value}))
    assert isinstance(found, Rejected)
    assert found.reply.status == 400
    assert value.encode() not in found.reply.body


def test_an_id_comes_back_exactly(case: Case) -> None:
    odd = " é-" + "x" * 120
    inbound = heard(case, case.build(case.fields() | {case.names.session: odd})).inbound
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
    assert said_of(heard(case, case.answer("1\x7f2\t3\x9f"))) == "12 3"
    found = read(case, case.answer("1\x00\x1b2"))
    if isinstance(found, Heard):
        assert said_of(found) == "12"
    else:  # XML cannot carry them at all
        assert found.reply.body == b"the body is not XML\n"


def test_a_wrong_method_is_refused(case: Case) -> None:
    methods = case.manners.methods
    for method in {"GET", "POST", "PUT", "DELETE", "BREW"} - methods:
        found = read(case, msgspec.structs.replace(case.dial(), method=method))
        assert isinstance(found, Rejected)
        assert found.reply.status == 405
        assert found.reply.headers["Allow"] == ", ".join(sorted(methods))


def test_an_unknown_path_is_refused(case: Case) -> None:
    found = read(case, msgspec.structs.replace(case.dial(), path="/elsewhere"))
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
    turn = heard(case, msgspec.structs.replace(request, content=broken))
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
    fields = case_of.fields("1")
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

AT = Case("africastalking")


@pytest.mark.parametrize("text", ["1", "1*", "1**50", "*", "1*50*", " 1 * 2 "])
def test_cumulative_text_goes_on_as_it_is(text: str) -> None:
    inbound = heard(AT, AT.build(AT.fields() | {"text": text})).inbound
    assert inbound.session is not None
    assert inbound.session.cumulative == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_text_that_grew_still_begins_with_what_it_was(before: str, more: str) -> None:
    texts = [said_of(heard(AT, AT.build(AT.fields() | {"text": text}))) for text in (before, before + more)]
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
    found = read(AT, msgspec.structs.replace(AT.build(event), path="/events"))
    assert isinstance(found, Left)
    assert (found.why, found.reply.status) == (why, 200)


def test_a_repeated_field_with_one_value_is_harmless() -> None:
    request = AT.dial()
    doubled = WireRequest("POST", "", (), request.headers, request.content + b"&" + request.content)
    assert heard(AT, doubled) == heard(AT, request)


# ---- Hubtel ------------------------------------------------------------------------------------------

HUBTEL = Case("hubtel")


def hubtel_reply(text: str) -> bytes:
    """A last screen."""
    return (
        f'{{"Type":"release","Message":{json.dumps(text)},"Label":"Kasapay","DataType":"display",'
        '"FieldType":"text"}'
    ).encode()


@pytest.mark.parametrize("kind", ["initiation", "Initiation", "INITIATION"])
def test_types_in_any_case(kind: str) -> None:
    inbound = heard(HUBTEL, HUBTEL.build(HUBTEL.fields() | {"Type": kind})).inbound
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
    """By the code in the request, where it is not the one that we are told of."""
    fields = HUBTEL.fields() | {"Message": message, "ServiceCode": code}
    found = gateway_of("hubtel", code="*711*9#").read(HUBTEL.build(fields), region="GH")
    assert isinstance(found, Heard)
    assert found.inbound.session is not None
    assert found.inbound.session.dial_args == args
    assert found.inbound.input == Nothing()


def test_an_answer_that_looks_like_a_dial_is_an_answer() -> None:
    inbound = heard(HUBTEL, HUBTEL.answer("*920*10*1#")).inbound
    assert inbound.input == Typed("*920*10*1#")
    assert inbound.session is not None
    assert inbound.session.dial_args == ()


def test_a_code_of_our_own_stands_for_a_service_id() -> None:
    fields = HUBTEL.fields() | {"Message": "*920*10*7#", "ServiceCode": "0123456789abcdef0123456789abcdef"}
    found = heard(HUBTEL, HUBTEL.build(fields))
    assert found.inbound.session is not None
    assert (found.inbound.session.dial_args, found.inbound.session.service_code) == (("7",), "*920*10#")


@pytest.mark.parametrize(
    ("sequence", "key"),
    [("2", "2"), (2, "2"), ("02", "2"), (" 2 ", "2"), (None, ""), (True, ""), (2.5, ""), ("two", ""),
     ("٢", ""), (-1, ""), ("9" * 30, "9" * 30), (10**30, str(10**30)), ("9" * 129, ""), (0, "0"), ([2], "")],
)  # fmt: skip
def test_the_sequence_names_the_turn(sequence: object, key: str) -> None:
    fields = HUBTEL.fields("1") | {"Sequence": sequence}
    assert heard(HUBTEL, HUBTEL.build(fields)).inbound.turn_key == key


@pytest.mark.parametrize("kind", ["release", "Release", "timeout", "Timeout"])
def test_release_and_timeout_are_the_end(kind: str) -> None:
    found = read(HUBTEL, HUBTEL.build(HUBTEL.fields("1") | {"Type": kind}))
    assert isinstance(found, Left)
    assert found.why == kind.lower()
    assert found.reply.body == hubtel_reply("")
    assert found.reply.content_type == "application/json"


@pytest.mark.parametrize("kind", ["AddToCart", "Query", "Favorite", "nonsense", "", None, 7])
def test_what_we_do_not_serve_gets_a_closing_screen(kind: object) -> None:
    found = read(HUBTEL, HUBTEL.build(HUBTEL.fields("1") | {"Type": kind}))
    assert isinstance(found, Rejected)
    assert found.reply.status == 200
    assert found.reply.body == hubtel_reply("This is not available here. Please dial the code to start.")


def test_names_may_begin_with_a_small_letter_and_numbers_be_numbers() -> None:
    fields = {name[:1].lower() + name[1:]: value for name, value in HUBTEL.fields("5").items()}
    fields["mobile"] = 233240000001
    assert heard(HUBTEL, HUBTEL.build(fields)) == heard(HUBTEL, HUBTEL.answer("5"))


@pytest.mark.parametrize("written", ["123456789012345678901", "7", "9" * 128, "18446744073709551616"])
def test_an_id_may_be_a_number_of_any_length(written: str) -> None:
    """Read as it is written: a number of more than sixteen digits would lose some in floating point."""
    as_number = HUBTEL.build(HUBTEL.fields("1") | {"SessionId": int(written)})
    as_text = HUBTEL.build(HUBTEL.fields("1") | {"SessionId": written})
    assert heard(HUBTEL, as_number) == heard(HUBTEL, as_text)
    session = heard(HUBTEL, as_number).inbound.session
    assert session is not None
    assert session.id == written


@pytest.mark.parametrize("name", ["SessionId", "Mobile"])
@pytest.mark.parametrize(
    "written", ["1.5", "1e20", "1E+2", "233240000001.0", "-0.0", "true", "false", "[7]", "{}"]
)
def test_what_is_neither_text_nor_a_whole_number_names_nothing(name: str, written: str) -> None:
    fields = HUBTEL.fields("1")
    content = json.dumps(fields | {name: "HERE"}).replace('"HERE"', written).encode()
    found = read(HUBTEL, post(content, "application/json"))
    assert isinstance(found, Rejected)
    assert (found.reply.status, found.reply.body) == (
        400,
        f"{name} is neither text nor a whole number\n".encode(),
    )


@pytest.mark.parametrize("written", ["12.50", "12", "100000000000000000000", "-3"])
def test_a_number_typed_is_read_as_it_is_written(written: str) -> None:
    content = json.dumps(HUBTEL.fields("HERE")).replace('"HERE"', written).encode()
    assert heard(HUBTEL, post(content, "application/json")).inbound.input == Typed(written)


def test_a_byte_order_mark_is_no_trouble() -> None:
    request = HUBTEL.dial()
    marked = WireRequest("POST", "", (), {}, b"\xef\xbb\xbf" + request.content)
    assert heard(HUBTEL, marked) == heard(HUBTEL, request)


@pytest.mark.parametrize("region", ["GH", "KE", "US"])
def test_numbers_are_ghanaian_wherever_we_are(region: str) -> None:
    request = HUBTEL.build(HUBTEL.fields() | {"Mobile": "0240000001"})
    found = HUBTEL.gateway.read(request, region=region)
    assert isinstance(found, Heard)
    assert found.inbound.address.value == MSISDN


# ---- what each gateway is answered, byte for byte ----------------------------------------------------

HUBTEL_REST = b',"Label":"Kasapay","DataType":"%s","FieldType":"text"}'
ARKESEL_ECHO = f'{{"sessionID":"{SESSION_ID}","userID":"SIMULATED","msisdn":"233240000001",'.encode()
NALO_ECHO = b'{"USERID":"SIMULATED","MSISDN":"233240000001",'
PREMIUM = b"<premium><cost>0</cost><ref>NULL</ref></premium></ussd>"
# The screens "Amount?", which waits, and "Done", which ends. Source: as each adapter's own.
REPLIES = {
    "africastalking": (b"CON Amount?", b"END Done"),
    "hubtel": (
        b'{"Type":"response","Message":"Amount?"' + HUBTEL_REST % b"input",
        b'{"Type":"release","Message":"Done"' + HUBTEL_REST % b"display",
    ),
    "arkesel": (
        ARKESEL_ECHO + b'"message":"Amount?","continueSession":true}',
        ARKESEL_ECHO + b'"message":"Done","continueSession":false}',
    ),
    "nalo": (NALO_ECHO + b'"MSG":"Amount?","MSGTYPE":true}', NALO_ECHO + b'"MSG":"Done","MSGTYPE":false}'),
    "nsano": (
        b'{"USSDResp":{"action":"input","menus":"","title":"Amount?"}}',
        b'{"USSDResp":{"action":"prompt","menus":"","title":"Done"}}',
    ),
    "moolre": (b'{"message":"Amount?","reply":true}', b'{"message":"Done","reply":false}'),
    "truroute": (
        b"<ussd><type>2</type><msg>Amount?</msg>" + PREMIUM,
        b"<ussd><type>3</type><msg>Done</msg>" + PREMIUM,
    ),
}


@pytest.mark.parametrize("name", REPLIES)
def test_the_bytes_of_a_reply(name: str) -> None:
    case = Case(name)
    turn = heard(case, case.answer("1"))
    replies = [
        case.gateway.build_reply(turn, "Amount?", keep_open=True),
        case.gateway.build_reply(turn, "Done", keep_open=False),
    ]
    assert tuple(reply.body for reply in replies) == REPLIES[name]


# ---- Arkesel, Nalo, Nsano, Moolre --------------------------------------------------------------------


def asks(name: str, changed: dict[str, object], *typed: str, **options: str) -> Read:
    """What a request says that differs in these fields, with these settings."""
    case = Case(name)
    return gateway_of(name, **options).read(case.build(case.fields(*typed) | changed), region="NG")


def session_of(found: Read) -> Session:
    assert isinstance(found, Heard), found
    assert found.inbound.session is not None
    return found.inbound.session


@pytest.mark.parametrize(
    ("name", "field"), [("arkesel", "newSession"), ("nalo", "MSGTYPE"), ("moolre", "new")]
)
@pytest.mark.parametrize(
    ("value", "opens"),
    [(True, True), ("true", True), ("True", True), (1, True), (False, False), ("false", False), (None, False),
     ("", False), ("yes", False), (7, False)],
)  # fmt: skip
def test_a_yes_may_be_a_word(name: str, field: str, value: object, opens: bool) -> None:
    assert session_of(asks(name, {field: value}, "1")).opens is opens


@pytest.mark.parametrize("name", ["arkesel", "nalo"])
def test_what_is_repeated_to_a_gateway_is_as_it_came(name: str) -> None:
    number, user = Case(name).names.number, {"arkesel": "userID", "nalo": "USERID"}[name]
    found = asks(name, {number: 233240000001, user: 12345678901234567890}, "1")
    assert isinstance(found, Heard)
    body = Case(name).gateway.build_reply(found, "Menu", keep_open=True).body
    assert f'"{number}":233240000001,'.encode() in body
    assert f'"{user}":12345678901234567890,'.encode() in body


@pytest.mark.parametrize("name", ["arkesel", "nalo"])
def test_anothers_account_is_refused_once_ours_is_set(name: str) -> None:
    assert isinstance(asks(name, {}, "1", user="SIMULATED"), Heard)
    refused = asks(name, {}, "1", user="OURS")
    assert isinstance(refused, Rejected)
    assert refused.reply.status == 403
    assert b"SIMULATED" not in refused.reply.body


@pytest.mark.parametrize("kind", ["2", 2])
def test_nalo_may_say_that_a_person_left(kind: object) -> None:
    found = asks("nalo", {"MSGTYPE": kind}, "1", end_type="2")
    assert isinstance(found, Left)
    assert (found.session_id, found.msisdn, found.why) == (SESSION_ID, MSISDN, "left")
    assert session_of(asks("nalo", {"MSGTYPE": kind}, "1")).opens is False


@pytest.mark.parametrize("value", [None, "", " "])
def test_an_old_nalo_has_no_ids(value: object) -> None:
    assert session_of(asks("nalo", {"SESSIONID": value})).id == MSISDN


def test_nsano_may_send_a_query() -> None:
    case = Case("nsano")
    query = tuple({name: str(value) for name, value in case.fields("1").items()}.items())
    found = case.gateway.read(WireRequest("GET", "", query, {}, b""), region="GH")
    assert found == heard(case, case.answer("1"))


@pytest.mark.parametrize("typed", ["*920*10", "*920*10#", "*920*10*1*5#", "#920*10#"])
def test_what_dials_our_code_at_nsano_is_no_answer(typed: str) -> None:
    found = heard(Case("nsano"), Case("nsano").answer(typed))
    assert found.inbound.input == Nothing()


@pytest.mark.parametrize("typed", ["920", "*920*11#", "1*2", "*1", "92010"])
def test_what_only_looks_like_it_is_one(typed: str) -> None:
    assert heard(Case("nsano"), Case("nsano").answer(typed)).inbound.input == Typed(typed)


@pytest.mark.parametrize(
    ("data", "args"),
    [("", ()), ("11005", ("11005",)), (11005, ("11005",)), ("1001*5", ("1001", "5")), ("x", ()), (None, ()),
     ("5#", ("5",)), ("9" * 200, ())],
)  # fmt: skip
def test_moolre_says_what_was_dialled_behind_the_code(data: object, args: tuple[str, ...]) -> None:
    assert session_of(asks("moolre", {"data": data})).dial_args == args
    assert session_of(asks("moolre", {"data": data}, "1")).dial_args == ()


# ---- TruRoute ----------------------------------------------------------------------------------------

TRUROUTE = Case("truroute")
WHOLE = "<msisdn>233240000001</msisdn><sessionid>s1</sessionid><type>2</type><msg>1</msg>"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (f"<!DOCTYPE ussd><ussd>{WHOLE}</ussd>", "the body has a document type, which is not taken"),
        (
            '<!DOCTYPE ussd [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;">]>'
            f"<ussd>{WHOLE.replace('<msg>1', '<msg>&b;')}</ussd>",
            "the body has a document type, which is not taken",
        ),
        (
            '<!DOCTYPE ussd SYSTEM "file:///etc/passwd"><ussd/>',
            "the body has a document type, which is not taken",
        ),
        (f"<ussd>{WHOLE.replace('<msg>1', '<msg>&own;')}</ussd>", "the body is not XML"),
        (f"<ussd>{WHOLE}", "the body is not XML"),
        (f"<ussd>{WHOLE}</ussd><ussd/>", "the body is not XML"),
        (f"<other>{WHOLE}</other>", "the body is not <ussd>"),
        ("<ussd/>", "sessionid is missing"),
        (f"<ussd>{WHOLE}<msisdn>233240000002</msisdn></ussd>", "a field stands there more than once"),
        (f"<ussd>{WHOLE}{'<a/>' * 100}</ussd>", "the body has too many fields"),
    ],
)
def test_xml_that_is_not_taken(body: str, why: str) -> None:
    found = read(TRUROUTE, post(body.encode(), "text/xml"))
    assert isinstance(found, Rejected)
    assert (found.reply.status, found.reply.body.decode()) == (400, f"{why}\n")


@pytest.mark.parametrize(
    "body",
    [
        f"<ussd>{WHOLE}</ussd>",
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<ussd>\n {WHOLE}\n</ussd>\n',
        f'\ufeff<?xml version="1.0"?><!-- a note --><ussd a="b">{WHOLE}</ussd>',
        f"<ussd>{WHOLE.replace('>1<', '><![CDATA[1]]><')}</ussd>",
        f"<ussd>{WHOLE}<premium><cost>0</cost><msg>7</msg></premium></ussd>",
        f"<ussd>{WHOLE}{'<a>' * 2000}{'</a>' * 2000}</ussd>",
    ],
)
def test_xml_in_every_honest_form(body: str) -> None:
    found = read(TRUROUTE, post(body.encode(), ""))
    assert isinstance(found, Heard)
    assert (found.inbound.input, session_of(found).id) == (Typed("1"), "s1")


@pytest.mark.parametrize("name", ["nalo", "truroute"])
@pytest.mark.parametrize(
    ("sent", "number"),
    [("233240000001", MSISDN), ("2348031234567", "+2348031234567"), ("08031234567", "+2348031234567")],
)
def test_a_number_with_its_country_is_not_one_of_ours(name: str, sent: str, number: str) -> None:
    """A Ghanaian number without its plus has the length of one in Nigeria."""
    found = asks(name, {Case(name).names.number: sent}, "1")
    assert isinstance(found, Heard)
    assert found.inbound.address.value == number


@pytest.mark.parametrize(("kind", "why"), [("3", "left"), ("4", "timeout"), ("10", "not charged")])
def test_types_that_end_a_session(kind: str, why: str) -> None:
    found = asks("truroute", {"type": kind, "msg": "Insufficient funds", "msisdn": "233240000001"}, "1")
    assert isinstance(found, Left)
    assert found.why == why


@pytest.mark.parametrize("kind", ["", "0", "5", "new"])
def test_a_type_nobody_knows_gets_a_closing_screen(kind: str) -> None:
    found = asks("truroute", {"type": kind}, "1")
    assert isinstance(found, Rejected)
    assert found.reply.status == 200
    assert not TRUROUTE.line().read(200, found.reply.body).is_open


def test_a_screen_in_xml_is_escaped_and_whole() -> None:
    turn = heard(TRUROUTE, TRUROUTE.dial())
    body = TRUROUTE.gateway.build_reply(turn, "a\x00\x1b & <b>\n\ufffe€", keep_open=True).body
    assert body.decode().startswith("<ussd><type>2</type><msg>a &amp; &lt;b&gt;\n€</msg>")
