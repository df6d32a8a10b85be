"""A suite that leaves a key or a token in a ledger or a log has failed, whoever left it."""

from pathlib import Path

import pytest

from tests.setup.test_require_all import run

LEAVES = """
def test_x(tmp_path):
    (tmp_path / {name!r}).write_bytes(b"\\0SQLite\\0" + {secret!r}.encode() + b"\\0")
"""
KEY = "sk-fb-abcdefgh-" + "a" * 38


@pytest.mark.parametrize("more", [(), ("-pxdist", "-n2")], ids=["alone", "in two processes"])
@pytest.mark.parametrize(
    ("name", "secret", "code"),
    [
        pytest.param("farebox.db", KEY, 1, id="a key in a ledger"),
        pytest.param("farebox.db-wal", "sk-upstream-0123456789abcdef", 1, id="a key in a WAL"),
        pytest.param("log", "admin-token-0123456789abcdef", 1, id="a token in a log"),
        pytest.param("farebox.db", KEY[:-1], 0, id="half a key"),
        pytest.param("settings.toml", KEY, 0, id="a key where one may stand"),
    ],
)
def test_it_is_found_at_the_end(
    name: str, secret: str, code: int, *, more: tuple[str, ...], tmp_path: Path
) -> None:
    inner = (*more, f"--basetemp={tmp_path}/left")
    ended, said = run(tmp_path, LEAVES.format(name=name, secret=secret), *inner, require_all="")
    assert ended == code, said
    assert ("a key or a token stands in" in said) == bool(code)
    for file in tmp_path.rglob(name):
        file.unlink()  # the suite around this one looks here too
