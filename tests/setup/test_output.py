"""What commands print is safe to look at and easy to read by programs."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.cli.output import printable, show_facts, show_table

ROOT = Path(__file__).parents[2]


def test_nothing_printed_can_drive_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(["name"], [["a\x1b[2Jb\tc\nd\u202e"]])
    assert capsys.readouterr().out == "name\na\ufffd[2Jb\ufffdc\ufffdd\ufffd\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "yes"), (False, "no"), (7, "7"), (("a", "b"), "a,b"), ("ä", "ä")],
)
def test_a_value_is_shown(value: object, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_facts({"it": value})
    assert capsys.readouterr().out == f"it\t{shown}\n"


def test_json_keeps_values_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_facts({"a": None, "b": True, "c": "0.040200"}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": True, "c": "0.040200"}


def test_an_empty_table_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(["a"], [], as_json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_markup_is_only_text() -> None:
    assert printable("[bold]x[/]") == "[bold]x[/]"


def on_a_terminal(program: str, *, width: int) -> list[str]:
    """Run a program whose output is a terminal of so many columns; its lines."""
    ours, theirs = pty.openpty()
    where = {**os.environ, "COLUMNS": str(width), "TERM": "dumb", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], stdout=theirs, env=where, check=True)
    os.close(theirs)
    said = b""
    try:
        while more := os.read(ours, 65_536):
            said += more
    except OSError:  # how a terminal says that nobody writes to it any more
        os.close(ours)
    return said.decode().splitlines()


def test_a_terminal_cuts_no_id_amount_or_name_and_folds_prose() -> None:
    row = ("fb_1k1gg57dp8xjat65wf1fs", "the-web-shop-of-storefront", "119847.570000", "so " * 40)
    shows = f"show_table('id key left_usd why'.split(), [{row}])"
    lines = on_a_terminal(f"from proxy.cli.output import show_table; {shows}", width=60)
    assert row[:3] == tuple(lines[1].split()[:3])
    assert max(map(len, lines)) < 100
    assert " ".join(lines).split().count("so") == 40
