"""The token that opens the page: made once, and readable by its owner alone."""

import stat
from pathlib import Path

import pytest

from proxy.settings import Settings, SettingsError, admin_token, token_path


def at(directory: Path, **more: str) -> Settings:
    return Settings(database_url=f"sqlite:///{directory}/farebox.db", **more)


def test_a_given_token_is_taken_and_nothing_is_written(tmp_path: Path) -> None:
    assert admin_token(at(tmp_path, admin_token="given")) == "given"
    assert not list(tmp_path.iterdir())


def test_a_token_is_made_once_beside_the_database(tmp_path: Path) -> None:
    first = admin_token(at(tmp_path))
    assert len(first) >= 32
    assert admin_token(at(tmp_path)) == first
    assert [each.name for each in tmp_path.iterdir()] == ["farebox.db.token"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    admin_token(at(tmp_path))
    path = token_path(at(tmp_path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        admin_token(at(tmp_path))


def test_two_installations_have_two_tokens(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert admin_token(at(tmp_path)) != admin_token(at(tmp_path / "other"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_where_others_can_reach_it_an_unset_token_refuses_to_start(
    tmp_path: Path, host: str
) -> None:
    with pytest.raises(SettingsError, match="FAREBOX_ADMIN_TOKEN must be set"):
        admin_token(at(tmp_path, host=host))
    assert not list(tmp_path.iterdir())


def test_an_empty_file_is_no_token(tmp_path: Path) -> None:
    token_path(at(tmp_path)).touch(mode=0o600)
    with pytest.raises(SettingsError, match="is empty"):
        admin_token(at(tmp_path))


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing/farebox\.db\.token"):
        admin_token(at(tmp_path / "missing"))


def test_with_postgresql_the_token_lies_in_this_directory() -> None:
    assert token_path(Settings(database_url="postgresql://h/db")) == Path("farebox.token")
