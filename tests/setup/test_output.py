"""What commands print is safe to look at and easy to read by programs."""

import json

import pytest

from proxy.cli.output import printable, show_facts, show_table


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
