"""The command line: what it prints, where, and how it ends."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pricing import BUNDLED
from proxy.cli.program import main
from proxy.version import __version__

TABLE = """\
version = "{version}"
effective_from = {day}T00:00:00Z
currency = "USD"
source = "a test"
complete = false
[models."m"]
kind = "image"
images = "one"
default_resolution = "1K"
[models."m".prices]
"1K" = {{ usd = "{usd}", status = "published" }}
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(path: Path, *, version: str = "a", day: str = "2027-01-01", usd: str = "0.04") -> str:
    path.write_text(TABLE.format(version=version, day=day, usd=usd))
    return str(path)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"farebox {__version__}\n"


def test_alone_it_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "serve" in said
    assert "prices" in said


def test_python_m_proxy_is_the_same_program() -> None:
    house = Path(__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-m", "proxy", "--version"],
        cwd=house,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stdout == f"farebox {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["sevre"], 2, "sevre"),
        (["serve", "--prot", "1"], 2, "--port"),
        (["serve", "--port", "many"], 2, "--port"),
        (["serve", "--port", "70000"], 2, "FAREBOX_PORT"),
        (["prices"], 2, "farebox prices --help"),
        (["prices", "lint"], 2, "'file'"),
        (["prices", "lint", "nowhere.toml"], 2, "nowhere.toml"),
        (["prices", "diff", "2026-09-25", "nowhere"], 2, "nowhere"),
        (["prices", "show", "--at", "yesterday"], 2, "2026-11-23"),
        (["prices", "show", "--at", "2020-01-01"], 1, "2020-01-01"),
        (["--config", "nowhere.toml", "prices", "list"], 2, "nowhere.toml"),
        (["serve", "--host", "0.0.0.0"], 2, "FAREBOX_ADMIN_TOKEN"),
    ],
)
def test_what_goes_wrong_is_one_line_on_stderr(
    arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"farebox: [^\n]+\n", said.err)
    assert says in said.err


def test_versions_are_listed_as_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "list", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)
    assert {each["version"] for each in versions} >= {path.stem for path in BUNDLED.glob("*.toml")}
    assert [each["in_force"] for each in versions].count(True) == 1
    assert versions[0]["effective_from"].endswith("T00:00:00+00:00")


def test_prices_are_tabs_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "show", "--at", "2026-10-01"]) == 0
    head, *rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    found = [dict(zip(head, row, strict=True)) for row in rows]
    flash = [each for each in found if each["model"] == "gemini-3.1-flash-image-preview"]
    assert {"1K": "0.040200", "4K": "0.090600"}.items() <= {
        each["resolution"]: each["usd"] for each in flash
    }.items()


def test_a_terminal_gets_a_table() -> None:
    master, slave = pty.openpty()
    house = Path(__file__).parents[2]
    with os.fdopen(master, "rb", buffering=0) as screen:
        with os.fdopen(slave, "wb") as terminal:
            subprocess.run(
                [sys.executable, "-m", "proxy", "prices", "list"],
                cwd=house,
                env={**os.environ, "COLUMNS": "150", "TERM": "dumb"},
                stdout=terminal,
                timeout=60,
                check=True,
            )
        said = screen.read(4096).decode()
    assert re.search(r"version +effective from", said)
    assert "\t" not in said


def test_tables_of_ones_own_are_listed_after_the_bundled_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "own.toml", version="own")
    monkeypatch.setenv("FAREBOX_PRICE_TABLES", str(tmp_path))
    assert main(["prices", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["version"] == "own"


def test_a_sound_table_passes_the_lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "lint", table(tmp_path / "a.toml")]) == 0
    assert main(["prices", "lint", table(tmp_path / "a.toml"), "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_a_bad_table_is_a_finding_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", "lint", table(tmp_path / "a.toml", usd="0.0402001"), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["level"], found["line"]) == ("error", 11)


def test_a_difference_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = table(tmp_path / "old.toml")
    new = table(tmp_path / "new.toml", version="b", usd="0.05")
    assert main(["prices", "diff", old, new, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["change"], found["from_usd"], found["to_usd"]) == (
        "changed",
        "0.040000",
        "0.050000",
    )
    assert main(["prices", "diff", old, old]) == 0


def test_a_reader_who_leaves_early_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    told = subprocess.run(
        [sys.executable, "-m", "proxy", "prices", "show"],
        cwd=Path(__file__).parents[2],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (told.returncode, told.stderr) == (0, "")
