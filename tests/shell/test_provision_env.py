"""`.env` as provision leaves it: the names it sets, and everything else as it was."""

import io
import os
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from hypothesis import given
from hypothesis import strategies as st

from bot.settings.env_file import EnvFileProblem, change_env, kept_values, write_env

NEW = {"MOMO_CURRENCY": "GHS", "MOMO_COLLECTION_API_KEY": "0123456789abcdef"}


def values_of(text: str) -> dict[str, str | None]:
    return dict(dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "MOMO_CURRENCY=GHS\n"),
        ("PORT=1", "PORT=1\nMOMO_CURRENCY=GHS\n"),
        ("# mine\nPORT=1\n\n", "# mine\nPORT=1\n\nMOMO_CURRENCY=GHS\n"),
        ("MOMO_CURRENCY=EUR\nPORT=1\n", "MOMO_CURRENCY=GHS\nPORT=1\n"),
        ("A=1\n\n  MOMO_CURRENCY = 'EUR'  # euros\nB=2", "A=1\n\n  MOMO_CURRENCY=GHS  # euros\nB=2"),
        ('export MOMO_CURRENCY="a # b" # c # d\r\nB=2\r\n', "export MOMO_CURRENCY=GHS # c # d\r\nB=2\r\n"),
        ("MOMO_CURRENCY=E#R # x", "MOMO_CURRENCY=GHS # x"),
        ("MOMO_CURRENCY\nmomo_currency=\n", "MOMO_CURRENCY=GHS\nmomo_currency=GHS\n"),
        ("MOMO_CURRENCY= # none yet\n", "MOMO_CURRENCY=GHS # none yet\n"),
        ("A='\nMOMO_CURRENCY=EUR\n'\n", "A='\nMOMO_CURRENCY=EUR\n'\nMOMO_CURRENCY=GHS\n"),
        ("MOMO_CURRENCY='two\nlines' # x\nB=2\n", "MOMO_CURRENCY=GHS # x\nB=2\n"),
        ("#MOMO_CURRENCY=EUR\n", "#MOMO_CURRENCY=EUR\nMOMO_CURRENCY=GHS\n"),
        ("\ufeffMOMO_CURRENCY=EUR\n", "\ufeffMOMO_CURRENCY=GHS\n"),
    ],
)
def test_a_name_is_set_where_it_stands(before: str, after: str) -> None:
    assert change_env(before, {"MOMO_CURRENCY": "GHS"}) == after


_names = st.sampled_from(["A", "B_C", "MOMO_CURRENCY", "momo_currency", "MOMO_COLLECTION_API_KEY", "'Q'"])
_inner = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n'\"\\"), max_size=8)
_texts = st.one_of(
    _inner,
    st.builds("'{}'".format, _inner),
    st.builds('"{}"'.format, _inner),
    st.builds('"{}\n{}"'.format, _inner, _inner),
    st.just('"a \\" # b"'),
)
_lines = st.one_of(
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["", " ", "export ", "\n\n"]),
        _names,
        st.sampled_from(["=", " = ", "= "]),
        _texts,
        st.sampled_from(["", " # note", "\t# a # b", " #'"]),
    ),
    st.builds("#{}".format, _inner),
    _names,
    st.just(""),
)


@given(lines=st.lists(_lines, max_size=8), end=st.sampled_from(["\n", "\r\n"]), closed=st.booleans())
def test_other_lines_survive(lines: list[str], end: str, closed: bool) -> None:
    before = end.join(lines) + (end if closed else "")
    readable = not any(b.error for b in parse_stream(io.StringIO(before, newline="")))
    if not readable:
        with pytest.raises(EnvFileProblem, match=r"^Line [0-9]+ cannot be read"):
            change_env(before, NEW)
        return
    after = change_env(before, NEW)

    def others(text: str) -> list[str]:
        bindings = parse_stream(io.StringIO(text, newline=""))
        return [b.original.string for b in bindings if (b.key or "").upper() not in NEW]

    kept = [text for text in others(before) if text.strip()]
    assert [text.rstrip("\n") for text in others(after) if text.strip()][: len(kept)] == [
        text.rstrip("\n") for text in kept
    ]
    read = values_of(after)
    assert {name: value for name, value in read.items() if name.upper() not in NEW} == {
        name: value for name, value in values_of(before).items() if name.upper() not in NEW
    }
    assert {name.upper(): value for name, value in read.items() if name.upper() in NEW} == NEW
    assert after.count("# note") == before.count("# note"), "comments behind a value stay too"
    assert change_env(after, NEW) == after


def test_a_new_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert kept_values(path) == {}
    kept = os.umask(0)
    try:
        write_env(path, NEW)
    finally:
        os.umask(kept)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "MOMO_CURRENCY=GHS\nMOMO_COLLECTION_API_KEY=0123456789abcdef\n"
    assert kept_values(path) == NEW
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_a_file_that_is_there_keeps_its_group_and_loses_everybody_else(tmp_path: Path) -> None:
    target = tmp_path / "settings"
    target.write_text("PORT=9000\n")
    target.chmod(0o644)
    link = tmp_path / ".env"
    link.symlink_to(target)
    write_env(link, NEW)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.read_text().startswith("PORT=9000\nMOMO_CURRENCY=GHS\n")


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("PORT=9000\n")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvFileProblem, match="cannot be written: No space left on device") as caught:
        write_env(path, NEW)
    assert "0123456789abcdef" not in str(caught.value)
    assert path.read_text() == "PORT=9000\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_a_file_nobody_can_read_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff\n")
    with pytest.raises(EnvFileProblem, match="is no text in UTF-8"):
        write_env(path, NEW)
    path.write_bytes(b"A=1\nB='open\n")
    with pytest.raises(EnvFileProblem, match="Line 2 cannot be read") as caught:
        kept_values(path)
    assert "open" not in str(caught.value)
    with pytest.raises(EnvFileProblem, match="cannot be read: Is a directory"):
        kept_values(tmp_path)
