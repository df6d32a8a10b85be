"""The commands of finance: what they print, what they write, how they exit."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from proxy.cli.program import main
from proxy.ledger.schema import open_session
from tests.reports.billing import plant, true_bill, write

NOVEMBER = ("--from", "2026-11-01", "--to", "2026-11-30")


@pytest.fixture(autouse=True)
def _settings(month_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAREBOX_DATABASE_URL", f"sqlite:///{month_db}")


def test_spend_prints_the_same_in_every_format(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ("report", "spend", "--by", "team,model", *NOVEMBER)
    assert main([*asked, "--format", "json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == whole
    assert main([*asked, "--format", "csv"]) == 0
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert read == [{name: str(value) for name, value in row.items()} for row in whole]
    assert main([*asked, "--format", "parquet", "--out", str(tmp_path / "a.parquet")]) == 0
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [str(row["spend_usd"]) for row in table] == [row["spend_usd"] for row in whole]


def test_held_money_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "spend", *NOVEMBER]) == 0
    assert "undecided charges" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "spend", "--by", "prompt"],
        ["report", "spend", "--by", "tag:nope"],
        ["report", "spend", "--from", "yesterday"],
        ["report", "spend", "--from", "2026-11-02", "--to", "2026-11-01"],
        ["report", "spend", "--timezone", "Mars/Olympus"],
        ["report", "focus", "--month", "2026-13", "--out", "a.csv"],
        ["report", "focus", "--month", "2026-11", "--out", "a.xls"],
        ["report", "focus", "--month", "9999-12", "--out", "a.csv"],
        ["report", "spend", "--to", "9999-12-31"],
        ["reconcile", "none.csv"],
        ["whatif"],
        ["whatif", "--table", "none"],
        ["whatif", "--swap", "a=b"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert main(arguments) == 2


@pytest.mark.parametrize("swap", ["gemini-2.5-flash-image", ""])
def test_a_swap_without_its_second_model_is_told_the_form(
    swap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["whatif", "--swap", swap]) == 2
    assert "--swap: expected MODEL=MODEL" in capsys.readouterr().err


def test_a_month_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    assert main(["report", "focus", "--month", "2026-11", "--out", "nov.csv"]) == 0
    assert main(["report", "focus", "--month", "2026-13", "--out", "bad.csv"]) == 2
    found = {path.name for path in tmp_path.iterdir() if "month" not in path.name}
    assert found == {"nov.csv"}


def test_reconcile_exits_by_what_it_found(
    month_db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = open_session(f"sqlite:///{month_db}", read_only=True)
    good = write(tmp_path / "good.csv", true_bill(session))
    bad = write(tmp_path / "bad.csv", plant(session).bill)
    session.close()
    assert main(["reconcile", str(good)]) == 0
    capsys.readouterr()
    assert main(["reconcile", str(bad), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert len(found["findings"]) == 25
    assert all(each["prediction_id"] for each in found["findings"])
    assert main(["reconcile", str(bad), "--apply"]) == 2
    capsys.readouterr()
    assert main(["reconcile", str(bad), "--apply", "--why", "bill", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["summary"]["applied"] == 20
    assert main(["verify"]) == 0


def test_a_bill_that_no_correction_can_be_made_of_is_told_so(
    month_db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = open_session(f"sqlite:///{month_db}", read_only=True)
    bill = true_bill(session)
    session.close()
    foreign = replace(bill[0], prediction_id="foreign-0", micros=12_345)
    strange = write(tmp_path / "strange.csv", [*bill, foreign])
    for options in ((), ("--apply", "--why", "bill")):
        assert main(["reconcile", str(strange), *options]) == 1
        told, said = capsys.readouterr()
        assert f"only_theirs\t{len(bill) + 2}\tforeign-0" in told, "its line is named"
        assert "nothing was written: no correction can put this right" in said
        assert "--apply" not in said
    assert main(["reconcile", str(write(tmp_path / "bad.csv", bill[1:]))]) == 1
    assert "--apply" in capsys.readouterr().err


def test_whatif_advise_and_forecast_speak_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", *NOVEMBER, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["advice"][0]["caveats"]
    assert main(["whatif", "--table", "2026-11-16", *NOVEMBER, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["days"] == 30
    assert main(["report", "forecast", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["scope"]


def test_prices_are_imported_after_approval_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "p.csv"
    source.write_text("model,usd\nmidjourney,0.070000\n", encoding="utf-8")
    asked = ["prices", "import", str(source), "--version", "v9", "--effective-from", "2027-01-01"]
    assert main(asked) == 1
    assert "midjourney" in capsys.readouterr().out
    assert main([*asked, "--until", "2027-02-01", "--yes"]) == 0
    assert "stored version v9" in capsys.readouterr().err
    assert main(["whatif", "--table", "2027-02-01", *NOVEMBER, "--json"]) == 0
    assert main([*asked[:-2], "--effective-from", "2027-01-02", "--yes"]) == 0
