"""Charges decided at a terminal, the proof, and the copy of a ledger."""

import sqlite3
import stat
from pathlib import Path

import pytest

from tests.admin.serving import Served, serving
from tests.cli.running import Program
from tests.standin.server import Standin


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with an accepted fare and three uncertain ones, left by a Farebox that ended."""
    directory = tmp_path_factory.mktemp("bought")
    with Standin() as upstream, serving(directory, upstream.url) as farebox:
        secret = _key(farebox)
        farebox.submit(secret)
        for _ in range(3):
            farebox.submit(secret, "standin:hangup")
    return directory / "farebox.db"


def _key(farebox: Served) -> str:
    body = {"name": "web", "team": "design", "daily_budget_usd": "5"}
    secret: str = farebox.admin.post("/admin/keys", json=body).json()["key"]
    return secret


@pytest.fixture
def ledger(kept: Path, program: Program) -> Path:
    """A copy of it for one test, as `farebox backup` makes it."""
    target = program.directory / "farebox.db"
    program.set("DATABASE_URL", f"sqlite:///{kept}")
    program.well("backup", str(target))
    program.set("DATABASE_URL", f"sqlite:///{target}")
    return target


def test_charges_are_listed_newest_first_and_found_by_state(program: Program, ledger: Path) -> None:
    rows = program.well("charges", "list", "--json").json
    assert [row["state"] for row in rows] == ["uncertain"] * 3 + ["accepted"]
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    for options, count in (
        (["--state", "uncertain"], 3),
        (["--state", "open"], 4),
        (["--key", "web", "--team", "design"], 4),
        (["--team", "other"], 0),
        (["--to", "2020-01-01"], 0),
        (["--limit", "2"], 2),
    ):
        assert len(program.well("charges", "list", *options, "--json").json) == count


@pytest.mark.parametrize(
    ("command", "state", "settled"),
    [
        (["release"], "released", "0.000000"),
        (["charge"], "settled", "0.040200"),
        (["charge", "--images", "2"], "settled", "0.080400"),
    ],
)
def test_an_uncertain_fare_is_decided_on_the_record(
    command: list[str], state: str, settled: str, program: Program, ledger: Path
) -> None:
    charge = program.well("charges", "list", "--state", "uncertain", "--json").json[0]["id"]
    verb, *options = command
    arguments = ["charges", verb, charge, *options, "--why", "the provider says so", "--json"]
    told = program.well(*arguments).json
    assert (told["state"], told["settled_usd"]) == (state, settled)
    entry = program.well("charges", "show", charge, "--json").json["entries"][-1]
    assert entry["why"] == "the provider says so"
    assert entry["actor"].startswith("cli")
    again = program(*arguments)
    assert (again.code, "stays as it is" in again.err) == (1, True)
    program.well("verify")


def test_a_story_is_told_to_people(program: Program, ledger: Path) -> None:
    charge = program.well("charges", "list", "--json").json[0]["id"]
    said = program.well("charges", "show", charge).out
    assert "model\tgemini-3.1-flash-image-preview" in said
    assert [line.split("\t")[1] for line in said.splitlines()[-2:]] == ["reserve", "doubt"]


def test_charges_are_found_by_their_prediction(program: Program, ledger: Path) -> None:
    (charge,) = program.well("charges", "list", "--state", "accepted", "--json").json
    prediction = charge["prediction_id"]
    listed = program.well("charges", "list", "--prediction", prediction, "--json").json
    assert [row["id"] for row in listed] == [charge["id"]]
    shown = program.well("charges", "show", prediction, "--json").json
    assert shown == program.well("charges", "show", charge["id"], "--json").json
    assert program.well("charges", "list", "--prediction", "p", "--json").json == []
    ran = program("charges", "show", "p")
    assert (ran.code, "none of a prediction of this id" in ran.err) == (2, True)


def test_every_charge_of_a_prediction_is_shown(program: Program, ledger: Path) -> None:
    (charge,) = program.well("charges", "list", "--state", "accepted", "--json").json
    with sqlite3.connect(ledger) as connection:
        connection.execute(
            "UPDATE charges SET prediction_id=?,account='another' WHERE state='uncertain'"
            " AND id=(SELECT max(id) FROM charges)",
            (charge["prediction_id"],),
        )
    connection.close()
    both = program.well("charges", "show", charge["prediction_id"], "--json").json
    assert [each["state"] for each in both] == ["uncertain", "accepted"]
    assert [entry["kind"] for entry in both[1]["entries"]] == ["reserve", "accept"]
    said = program.well("charges", "show", charge["prediction_id"]).out
    assert [line for line in said.splitlines() if line.startswith("id\t")] == [
        f"id\t{each['id']}" for each in both
    ]


def test_a_difference_is_a_finding_and_names_its_place(program: Program, ledger: Path) -> None:
    assert program.well("verify", "--json").json == []
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE balances SET reserved_micros=reserved_micros+1")
    connection.close()
    ran = program("verify", "--json")
    assert ran.code == 1
    assert any("installation" in row["where"] for row in ran.json)


def test_a_restore_reopens_every_hold(program: Program, ledger: Path) -> None:
    program.well("backup", "copy.db")
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    refused = program("restore", "copy.db")
    assert (refused.code, "exists" in refused.err) == (2, True)
    program.set("DATABASE_URL", "sqlite:///new.db")
    Path("new.db-wal").write_bytes(b"what was committed last")
    refused = program("restore", "copy.db")
    assert (refused.code, "last commits" in refused.err) == (2, True)
    assert not Path("new.db").exists()
    Path("new.db-wal").rename("old.db-wal")
    done = program.well("restore", "copy.db", "--why", "the disk broke", "--json").json
    assert done["reopened"] == 4
    rows = program.well("charges", "list", "--json").json
    assert {row["state"] for row in rows} == {"uncertain"}
    program.well("verify")


@pytest.mark.parametrize("folder", ["a#b", "a?b", "a%41b", "a b", "ä"])
def test_a_ledger_is_copied_from_a_folder_of_any_name(
    folder: str, program: Program, ledger: Path
) -> None:
    Path(folder).mkdir()
    program.set("DATABASE_URL", f"sqlite:///{Path(folder).absolute()}/farebox.db")
    program.well("restore", str(ledger))
    program.well("backup", "copy.db")
    assert [found.name for found in Path().glob("a*")] == [folder] * folder.startswith("a")
    program.set("DATABASE_URL", "sqlite:///copy.db")
    assert len(program.well("charges", "list", "--json").json) == 4
    assert "damaged" not in program("doctor").out


def test_a_ledger_is_made_in_a_folder_of_any_name(program: Program) -> None:
    program.set("DATABASE_URL", f"sqlite:///{program.directory}/100%25 sure?/farebox.db")
    program.well("keys", "create", "web")
    assert [row["name"] for row in program.well("keys", "list", "--json").json] == ["web"]
    assert (program.directory / "100%25 sure?" / "farebox.db").is_file()


def test_half_a_copy_is_not_left_behind(program: Program, ledger: Path) -> None:
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[: len(whole) // 2])
    assert program("backup", "copy.db").code == 1
    assert not list(Path().glob("*copy.db*"))


def test_a_copy_that_cannot_be_made_is_said_without_the_name_of_its_draft(
    program: Program, ledger: Path
) -> None:
    Path("file").write_text("no folder")
    for target in ("nowhere/copy.db", "file/copy.db"):
        ran = program("backup", target)
        assert (ran.code, target in ran.err, ".part" in ran.err) == (2, True, False)
    Path(".copy.db.part").mkdir()
    ran = program("backup", "copy.db")
    assert (ran.code, ran.err) == (1, "farebox: copy.db: Is a directory\n")
    program.set("DATABASE_URL", "sqlite:///nowhere/new.db")
    ran = program("restore", str(ledger))
    assert (ran.code, "nowhere" in ran.err, ".part" in ran.err) == (2, True, False)
