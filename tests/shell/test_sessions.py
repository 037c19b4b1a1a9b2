"""A request and its session: gateways reuse ids, repeat themselves, and send everything again."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversations.ussd_sessions import (
    Dialled,
    Follows,
    InFlight,
    Meaning,
    Repeated,
    Stray,
    cumulative_key,
    is_its_end,
    read_session,
    unnumbered_key,
)
from bot.dialog import Address, Inbound, Input, Nothing, Session, Typed
from bot.runtime.timeouts import TIMES
from bot.store.base import LoadedTurn
from bot.store.records import SessionRow, TurnRow, TurnState
from tests.store.make import MSISDN, NOW
from tests.store.make import session as session_row

SECOND = 1000
STRAY = int(TIMES.stray_s * SECOND)
DUPLICATE = int(TIMES.duplicate_s * SECOND)
SILENT = int(TIMES.silent_s * SECOND)


def hashed(text: str) -> str:
    return f"#{text[::-1]}"


def row(**given: Any) -> SessionRow:
    return session_row(**({"last_ms": NOW, "started_ms": NOW, "first_key": "1", "open": True} | given))


def done(key: str = "1", text: str = "Menu", **given: Any) -> TurnRow:
    return TurnRow("s1", key, TurnState.DONE, NOW, text, keep_open=True, **given)


def running(lease_until_ms: int) -> TurnRow:
    return TurnRow("s1", "1", TurnState.RUNNING, NOW, lease_until_ms=lease_until_ms)


def read(
    session: Session,
    *,
    said: Input = Nothing(),
    key: str = "1",
    now_ms: int = NOW,
    kept: SessionRow | None = None,
    turn: TurnRow | None = None,
    last: TurnRow | None = None,
) -> Meaning:
    inbound = Inbound("ussd", Address("msisdn", MSISDN), said, key, session)
    loaded = LoadedTurn(session=kept, turn=turn, last_turn=last)
    return read_session(session, inbound, loaded, now_ms=now_ms, timeouts=TIMES, hashed=hashed)


def newest(**given: Any) -> Session:
    """A session of a gateway that sends the newest input alone."""
    return Session("hubtel", "S", **given)


def whole(text: str, **given: Any) -> Session:
    """A session of a gateway that sends all input so far."""
    return Session("africastalking", "S", cumulative=text, **given)


# ---- dials ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("opens", [True, False, None])
def test_the_first_sight_of_a_session_is_a_dial_whatever_it_says(opens: bool | None) -> None:
    assert read(newest(opens=opens), said=Typed("1")) == Dialled(1, ())


def test_what_was_dialled_behind_the_code_comes_with_it() -> None:
    assert read(newest(opens=True, dial_args=("1001", "50"))) == Dialled(1, ("1001", "50"))


def test_input_at_first_sight_was_dialled_where_all_of_it_is_sent() -> None:
    assert read(whole("")) == Dialled(1, ())
    assert read(whole("1001")) == Dialled(1, ("1001",))
    assert read(whole("1001*50")) == Dialled(1, ("1001", "50"))
    assert read(whole("1**50")) == Dialled(1, ("1", "", "50"))


def test_no_more_than_twelve_arguments_are_read() -> None:
    meaning = read(whole("*".join(str(n) for n in range(40))))
    assert isinstance(meaning, Dialled)
    assert len(meaning.args) == 12


def test_an_id_used_again_with_an_explicit_new_is_another_session() -> None:
    for kept in (row(open=True), row(open=False), row(generation=4)):
        meaning = read(newest(opens=True), key="9", kept=kept, now_ms=NOW + 60 * SECOND)
        assert meaning == Dialled(kept.generation + 1, ())


def test_a_new_with_an_old_key_is_new_once_the_window_has_passed() -> None:
    meaning = read(newest(opens=True), kept=row(), turn=done(), now_ms=NOW + DUPLICATE + 1)
    assert meaning == Dialled(2, ())


# ---- repeats -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_ms", "again"),
    [(0, True), (DUPLICATE, True), (DUPLICATE + 1, False), (-DUPLICATE, True), (-DUPLICATE - 1, False),
     (-3600 * SECOND, False)],
)  # fmt: skip
def test_where_turns_have_no_numbers_only_the_moment_tells_a_repeat(after_ms: int, again: bool) -> None:
    """Also by a clock that was set back: an hour's answers are no repeats of the last one before."""
    inbound = Inbound("ussd", Address("msisdn", MSISDN), Typed("1"), "", newest(opens=False))
    last = done(f"1:{hashed('1')}")
    loaded = LoadedTurn(session=row(turns=2), last_turn=last)
    key = unnumbered_key(inbound, loaded, now_ms=NOW + after_ms, timeouts=TIMES, hashed=hashed)
    assert key == (last.key if again else f"2:{hashed('1')}")


@pytest.mark.parametrize("after_ms", [0, 1, DUPLICATE])
def test_a_new_said_twice_at_once_is_one_dial(after_ms: int) -> None:
    kept = done()
    assert read(newest(opens=True), kept=row(), turn=kept, now_ms=NOW + after_ms) == Repeated(kept)


def test_a_new_whose_first_is_still_running_waits_for_it() -> None:
    kept = running(NOW + 60_000)
    assert read(newest(opens=True), kept=row(), turn=kept) == InFlight(kept)


def test_a_new_with_the_key_of_a_later_turn_is_no_repeat() -> None:
    assert read(newest(opens=True), key="2", kept=row(), turn=done("2")) == Dialled(2, ())


@pytest.mark.parametrize("opens", [False, None])
@pytest.mark.parametrize("after_ms", [0, 60 * SECOND, STRAY])
def test_the_same_delivery_gets_the_same_answer(opens: bool | None, after_ms: int) -> None:
    kept = done("2", "Amount?")
    for open_ in (True, False):
        session = newest(opens=opens)
        found = read(
            session, said=Typed("1"), key="2", kept=row(open=open_), turn=kept, now_ms=NOW + after_ms
        )
        assert found == Repeated(kept)


def test_a_delivery_still_running_is_waited_for() -> None:
    kept = running(NOW + 1)
    assert read(newest(opens=False), kept=row(), turn=kept) == InFlight(kept)


def test_a_delivery_whose_process_died_is_taken_up_and_nothing_is_said_twice() -> None:
    kept = running(NOW)
    assert read(newest(opens=False), said=Typed("1"), kept=row(), turn=kept) == Follows(row(), Nothing())


def test_the_same_cumulative_text_is_the_same_delivery() -> None:
    kept = done(cumulative_key("1*50", hashed), "Pay?")
    found = read(whole("1*50"), kept=row(text_length=4, text_hash=hashed("1*50")), turn=kept)
    assert found == Repeated(kept)


# ---- closed sessions -----------------------------------------------------------------------------


@pytest.mark.parametrize("after_ms", [0, 1000, STRAY])
@pytest.mark.parametrize("opens", [False, None])
def test_input_behind_the_end_gets_the_last_words(after_ms: int, opens: bool | None) -> None:
    last = done("5", "Goodbye")
    found = read(
        newest(opens=opens), said=Typed("1"), key="6", kept=row(open=False), last=last, now_ms=NOW + after_ms
    )
    assert found == Stray(last)


@pytest.mark.parametrize("session", [newest(opens=False), newest(), whole("1*50*1")])
def test_a_closed_id_may_be_used_again_after_its_time(session: Session) -> None:
    found = read(session, key="6", kept=row(open=False, generation=3), last=done("5"), now_ms=NOW + STRAY + 1)
    assert isinstance(found, Dialled)
    assert found.generation == 4


def test_a_closed_id_may_repeat_its_first_key_after_its_time() -> None:
    found = read(newest(), kept=row(open=False), turn=done(), now_ms=NOW + STRAY + 1)
    assert found == Dialled(2, ())


def test_a_closed_session_without_last_words_is_dialled_anew() -> None:
    assert read(newest(), key="6", kept=row(open=False)) == Dialled(2, ())


# ---- the next answer -----------------------------------------------------------------------------


def test_the_newest_input_is_the_answer_where_it_comes_alone() -> None:
    kept = row()
    assert read(newest(opens=False), said=Typed("50"), key="2", kept=kept) == Follows(kept, Typed("50"))
    assert read(newest(), said=Nothing(), key="3", kept=kept) == Follows(kept, Nothing())


@pytest.mark.parametrize(
    ("known", "text", "newest"),
    [
        ("", "1", Typed("1")),
        ("1", "1*50", Typed("50")),
        ("1*50", "1*50*1", Typed("1")),
        ("1", "1*", Typed("")),  # an empty answer
        ("1", "1*12*34", Typed("12*34")),  # a star inside it is one answer, not two
        ("1", "1**5", Typed("*5")),
        ("1*50", "1*50*0", Typed("0")),
        ("", "1*2", Typed("1*2")),
    ],
)
def test_what_was_added_to_the_text_is_the_answer(known: str, text: str, newest: Input) -> None:
    kept = row(text_length=len(known), text_hash=hashed(known) if known else "")
    assert read(whole(text), key="x", kept=kept) == Follows(kept, newest)


@pytest.mark.parametrize("text", ["2", "2*50", "1*5", "1", "", "150*1", "1*501", "1*50", "*1*50*1"])
def test_a_text_that_did_not_grow_from_ours_shows_the_screen_again(text: str) -> None:
    kept = row(text_length=4, text_hash=hashed("1*50"))
    assert read(whole(text), key="x", kept=kept) == Follows(kept, Nothing())


@given(st.lists(st.text(st.characters(exclude_characters="*", codec="utf-8"), max_size=6), max_size=6))
def test_a_whole_conversation_is_read_answer_by_answer(answers: list[str]) -> None:
    kept, text = row(text_length=0), ""
    for place, answer in enumerate(answers):
        text = f"{text}*{answer}" if place else answer
        found = read(whole(text), key=cumulative_key(text, hashed), kept=kept)
        assert found == Follows(kept, Typed(answer))
        kept = row(text_length=len(text), text_hash=hashed(text))
        if not text:
            # Nothing was typed yet: the next text begins anew.
            text = ""
            break


# ---- sessions have an age ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "answer"),
    [
        (newest(opens=False), Typed("1")),
        (newest(), Typed("1")),
        (whole("1*50*1"), Typed("1")),
    ],
)
@pytest.mark.parametrize(
    ("idle_s", "limit_ms"),
    [(0.0, SILENT), (60.0, SILENT), (900.0, 900 * SECOND)],
    ids=["unsaid", "shorter", "longer"],
)
def test_an_answer_after_long_silence_is_not_taken(
    session: Session, answer: Input, idle_s: float, limit_ms: int
) -> None:
    """A gateway that keeps its sessions for longer may lengthen the time, and none may shorten it."""
    kept, last = row(text_length=4, text_hash=hashed("1*50")), done("5", "Pay?")
    session = msgspec.structs.replace(session, idle_s=idle_s)

    def after(ms: int) -> Meaning:
        return read(session, said=answer, key="6", kept=kept, last=last, now_ms=NOW + ms)

    assert after(limit_ms) == Follows(kept, answer)
    assert after(limit_ms + 1) == Follows(kept, Nothing())


def test_an_answer_not_taken_is_no_part_of_the_next_one() -> None:
    ignored = row(text_length=6, text_hash=hashed("1*50*1"), last_ms=NOW + SILENT + 1)
    found = read(whole("1*50*1*2"), key="x", kept=ignored, now_ms=NOW + SILENT + 2)
    assert found == Follows(ignored, Typed("2"))


@pytest.mark.parametrize(
    ("session", "said", "args"),
    [
        (newest(opens=True), Nothing(), ()),
        (newest(), Nothing(), ()),
        (whole(""), Nothing(), ()),
        (whole("1*50"), Nothing(), ("1", "50")),  # the very text of the session: dialled in one go
        (whole("1002*50"), Nothing(), ("1002", "50")),
        (whole("1*501"), Nothing(), ("1", "501")),
    ],
)
def test_an_id_that_dials_after_long_silence_is_another_session(
    session: Session, said: Input, args: tuple[str, ...]
) -> None:
    kept = row(text_length=4, text_hash=hashed("1*50"), generation=2)
    for turn in (None, done("1"), done("2")):
        found = read(session, said=said, kept=kept, turn=turn, last=done("2"), now_ms=NOW + SILENT + 1)
        assert found == Dialled(3, args)


def test_behind_a_bare_dial_only_what_holds_a_star_was_dialled() -> None:
    kept = row(text_length=0)
    late = NOW + SILENT + 1
    assert read(whole("1"), key="x", kept=kept, now_ms=late) == Follows(kept, Nothing())
    assert read(whole("1001*50"), key="x", kept=kept, now_ms=late) == Dialled(2, ("1001", "50"))


# ---- ids come again ------------------------------------------------------------------------------


@pytest.mark.parametrize("after_ms", [DUPLICATE + 1, 60 * SECOND, STRAY])
def test_an_empty_text_on_a_closed_session_is_a_dial(after_ms: int) -> None:
    kept = row(open=False, text_length=8, text_hash=hashed("1*50*1*1"))
    for turn in (done("1"), None):
        found = read(whole(""), kept=kept, turn=turn, last=done("9", "Approve"), now_ms=NOW + after_ms)
        assert found == Dialled(2, ())


@pytest.mark.parametrize("text", ["", "1001*50"])
def test_a_dial_that_ended_at_once_and_is_said_again_at_once_is_a_repeat(text: str) -> None:
    kept, only = row(open=False, text_length=len(text), text_hash=hashed(text)), done("1", "Goodbye")

    def after(ms: int) -> Meaning:
        return read(whole(text), kept=kept, turn=only, last=only, now_ms=NOW + ms)

    assert after(SECOND) == after(DUPLICATE) == Repeated(only)
    assert isinstance(after(DUPLICATE + 1), Dialled)


def test_on_a_closed_session_only_its_last_words_are_repeated_for_long() -> None:
    """What repeats an earlier text, or cannot follow on the last one, was dialled anew."""
    kept = row(open=False, text_length=8, text_hash=hashed("1*50*1*1"))
    last = done("9", "Approve")
    late = NOW + 60 * SECOND
    assert read(whole("1*50*1*1"), key="9", kept=kept, turn=last, last=last, now_ms=late) == Repeated(last)
    assert read(whole("1*50*1*1*1"), key="x", kept=kept, last=last, now_ms=late) == Stray(last)
    for turn, now_ms, is_dial in ((done("3"), late, True), (done("3"), NOW + DUPLICATE, False)):
        found = read(whole("1*50"), key="3", kept=kept, turn=turn, last=last, now_ms=now_ms)
        assert found == (Dialled(2, ("1", "50")) if is_dial else Repeated(turn))
    assert read(whole("1002*50"), key="x", kept=kept, last=last, now_ms=late) == Dialled(2, ("1002", "50"))


def test_a_dial_still_running_is_waited_for_however_long_it_takes() -> None:
    kept = running(NOW + 60 * SECOND)
    for session in (newest(opens=True), whole("")):
        for open_ in (True, False):
            found = read(session, kept=row(open=open_), turn=kept, last=kept, now_ms=NOW + 10 * SECOND)
            assert found == InFlight(kept)


@pytest.mark.parametrize(
    ("why", "cumulative", "is_ours"),
    [
        ("incomplete", None, True),
        ("incomplete", "1*50", True),
        ("incomplete", "1*50*1", True),  # said before the answer came to us
        ("incomplete", "1*50*1*1", False),  # of the session before
        ("incomplete", "1*1001", False),
        ("incomplete", "", False),
        ("success", "1*50", False),  # ours was not closed by a last screen
        ("release", None, True),
    ],
)
def test_late_news_of_an_end_closes_no_newer_session(why: str, cumulative: str | None, is_ours: bool) -> None:
    kept = row(text_length=4, text_hash=hashed("1*50"))
    assert is_its_end(kept, why, cumulative, hashed=hashed) is is_ours
    assert not is_its_end(row(open=False), why, cumulative, hashed=hashed)


def test_a_turn_key_hides_what_was_typed() -> None:
    key = cumulative_key("1*1001*824193", hashed=lambda text: "9f86d081")
    assert key == "13:9f86d081"
    assert "824193" not in key


@given(
    st.booleans() | st.none(),
    st.none() | st.text("0123456789*", max_size=12),
    st.none()
    | st.builds(row, open=st.booleans(), text_length=st.integers(0, 9), generation=st.integers(1, 3)),
    st.sampled_from([None, done(), running(NOW - 1), running(NOW + 1)]),
    st.sampled_from([None, done("5", "Goodbye")]),
    st.integers(0, 2 * STRAY),
)
def test_every_request_means_something(
    opens: bool | None,
    text: str | None,
    kept: SessionRow | None,
    turn: TurnRow | None,
    last: TurnRow | None,
    after_ms: int,
) -> None:
    found = read(
        Session("any", "S", opens=opens, cumulative=text),
        said=Typed("1"),
        kept=kept,
        turn=turn if kept else None,
        last=last if kept else None,
        now_ms=NOW + after_ms,
    )
    assert isinstance(found, Dialled | Follows | Repeated | InFlight | Stray)
    if isinstance(found, Dialled):
        assert found.generation == (kept.generation + 1 if kept else 1)
        assert len(found.args) <= 12
    if isinstance(found, Follows):
        assert kept is not None
        assert kept.open or turn is not None
