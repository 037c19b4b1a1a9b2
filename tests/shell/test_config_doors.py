"""Files with keys in them that everybody on the machine can read."""

from pathlib import Path

import pytest

from bot.config_doors import readable_files

LITERAL = '[accounts.a.collection]\nsubscription_key = "abc"\n'
NAMED = '[accounts.a]\nsecret_key = "env:SB"\n[accounts.a.collection]\nsubscription_key = "env:UG_KEY"\n'


@pytest.mark.parametrize(
    ("mode", "content", "told"),
    [
        (0o600, LITERAL, []),
        (0o640, LITERAL, []),
        (0o644, LITERAL, [".env", "accounts.toml"]),
        (0o602, LITERAL, [".env", "accounts.toml"]),
        (0o644, NAMED, [".env"]),
        (0o644, "not toml", [".env"]),
    ],
)
def test_a_file_with_keys_is_its_owners(tmp_path: Path, mode: int, content: str, told: list[str]) -> None:
    env_file, accounts = tmp_path / ".env", tmp_path / "accounts.toml"
    env_file.write_text("PORT=1\n")
    accounts.write_text(content)
    for path in (env_file, accounts):
        path.chmod(mode)
    found = readable_files(env_file, accounts)
    assert [line.rpartition("/")[2] for line in found] == told
    assert all("chmod o= " in line for line in found)


def test_files_that_are_not_there_are_nobodys(tmp_path: Path) -> None:
    assert readable_files(tmp_path / ".env", tmp_path / "accounts.toml") == []
    assert readable_files(tmp_path / ".env") == []
