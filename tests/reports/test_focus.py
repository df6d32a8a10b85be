"""FOCUS 1.2: the columns, their types and rules; what a month holds; that a closed one stays."""

import csv
import hashlib
import io
import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from proxy.charge import Ground
from proxy.ledger.outcomes import Decide
from proxy.ledger.store import Store
from proxy.reports import exports, spend
from proxy.reports.corrections import Bill
from proxy.reports.exports import Month, MonthDiffers
from proxy.reports.focus import NAMES, Movement, line
from proxy.reports.periods import month
from tests.reports.seeding import DECEMBER_US, HOUR_US, NOVEMBER_US

Reopen = Callable[[Path, int], Store]
DAY_US = 24 * HOUR_US
MUST = frozenset(
    {
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodStart",
        "BillingPeriodEnd",
        "ChargeCategory",
        "ChargeClass",
        "ChargeDescription",
        "ChargePeriodStart",
        "ChargePeriodEnd",
        "ContractedCost",
        "EffectiveCost",
        "ListCost",
        "InvoiceIssuerName",
        "PricingQuantity",
        "PricingUnit",
        "ProviderName",
        "PublisherName",
        "ServiceCategory",
        "ServiceName",
    }
)
CRITERIA = ",".join(
    f"{name}_SUPPORTED"
    for name in (
        "ACCOUNT_NAMING", "PUBLIC_PRICE_LIST", "USAGE_MEASUREMENT", "UNIT_PRICING", "SUB_ACCOUNT",
        "NEGOTIATED_PRICING", "TAGGING",
    )
)  # fmt: skip
CONTRADICTION = {"InvoiceId-C-005-C"}  # C-004 says null, C-005 not null, both of every row


def exported(store: Store, name: str, grain: exports.Grain, path: Path) -> tuple[Month, str]:
    """Export a month as the command does, and close it if it is over."""
    write = exports.write_parquet if path.suffix == ".parquet" else exports.write_csv
    with store.session.snapshot():
        wanted = exports.find(store.session, name, grain)
        digest = write(store.session, wanted, path)
    exports.check(wanted, digest)
    store.transact(exports.close(wanted, digest, actor="ann"))
    return wanted, digest


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def billed(rows: list[dict[str, str]]) -> int:
    return int(sum(Decimal(row["BilledCost"]) for row in rows) * 1_000_000)


@pytest.fixture
def corrected(month_db: Path, reopened: Reopen) -> Store:
    """The month with a correction up, one down, and a late truth of an undecided call."""
    store = reopened(month_db, DECEMBER_US - HOUR_US)
    ids = store.session.rows("SELECT id FROM charges WHERE state='settled' ORDER BY id LIMIT 2")
    open_ = store.session.rows("SELECT id FROM charges WHERE state='uncertain' LIMIT 1")
    store.commit([Bill(ids[0][0], 90_000, "ann", "bill"), Bill(ids[1][0], 0, "ann", "bill")])
    store.commit([Decide(open_[0][0], 1, Ground.HAND, "seen", "ann")])
    return store


@pytest.mark.parametrize("grain", ["charge", "day"])
def test_every_row_keeps_the_rules_of_1_2(
    corrected: Store, tmp_path: Path, grain: exports.Grain
) -> None:
    path = tmp_path / "focus.csv"
    exported(corrected, "2026-11", grain, path)
    rows = rows_of(path)
    assert set(rows[0]) >= MUST
    assert tuple(rows[0]) == NAMES
    for row in rows:
        if row["ChargeClass"] == "":
            for unit, cost in (
                ("ListUnitPrice", "ListCost"),
                ("ContractedUnitPrice", "BilledCost"),
            ):
                assert Decimal(row[unit]) * Decimal(row["PricingQuantity"]) == Decimal(row[cost])
        assert row["BilledCost"] == row["EffectiveCost"] == row["ContractedCost"]
        assert re.fullmatch(r"-?\d+\.\d{12}", row["BilledCost"])
        assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
            "2026-11-01T00:00:00Z",
            "2026-12-01T00:00:00Z",
        )
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        assert json.loads(row["Tags"])["key"]
        assert row["InvoiceIssuerName"] == row["ProviderName"] == "GPT Proto"


@pytest.mark.parametrize("team", ["web", ""])
def test_a_caller_s_tag_is_not_taken_for_whose_the_charge_is(team: str) -> None:
    told = '{"key": "theirs", "project": "p", "team": "theirs"}'
    moved = Movement(
        charge_id="fb_1", prediction_id="p", correction=False, settled_micros=40_200, images=1,
        admitted_us=NOVEMBER_US, account="a", key_name="k", team=team, model="m", resolution="1K",
        task="edit", price_version="v", unit_micros=40_200, list_unit_micros=None,
        images_mode="one", tags=told,
    )  # fmt: skip
    row = dict(zip(NAMES, line(moved, month("2026-11"), "charge"), strict=True))
    mine = {"team": "web"} if team else {}
    claimed = {"tag:key": "theirs", "project": "p", "tag:team": "theirs"}
    assert json.loads(row["Tags"]) == {**mine, "key": "k", **claimed}


@pytest.mark.parametrize("grain", ["charge", "day"])
def test_a_month_bills_what_the_report_says(
    corrected: Store, tmp_path: Path, grain: exports.Grain
) -> None:
    path = tmp_path / "focus.csv"
    exported(corrected, "2026-11", grain, path)
    total = spend.total(corrected.session, month("2026-11"))
    rows = rows_of(path)
    assert billed(rows) == total.spend_micros
    assert int(sum(Decimal(r["ListCost"]) for r in rows) * 1_000_000) == total.list_micros
    assert len([r for r in rows if r["ChargeClass"] == "Correction"]) == 2


def test_parquet_holds_the_same_with_types(corrected: Store, tmp_path: Path) -> None:
    exported(corrected, "2026-11", "day", tmp_path / "focus.csv")
    exported(corrected, "2026-11", "day", tmp_path / "focus.parquet")
    table = pq.read_table(tmp_path / "focus.parquet")
    assert str(table.schema.field("BilledCost").type) == "decimal128(30, 12)"
    assert str(table.schema.field("ChargePeriodStart").type) == "timestamp[us, tz=UTC]"
    rows = rows_of(tmp_path / "focus.csv")
    assert [str(v) for v in table["BilledCost"].to_pylist()] == [r["BilledCost"] for r in rows]
    assert table["SubAccountId"].to_pylist() == [r["SubAccountId"] or None for r in rows]


def test_an_open_month_is_not_closed(month_db: Path, tmp_path: Path, reopened: Reopen) -> None:
    store = reopened(month_db, DECEMBER_US - 1)
    wanted, _ = exported(store, "2026-11", "charge", tmp_path / "a.csv")
    assert wanted.through_us is None
    assert store.session.rows("SELECT * FROM focus_months") == []


@pytest.mark.parametrize("grain", ["charge", "day"])
def test_what_is_learnt_after_closing_goes_into_its_own_month(
    month_db: Path, tmp_path: Path, reopened: Reopen, grain: exports.Grain
) -> None:
    store = reopened(month_db, DECEMBER_US + DAY_US // 2)
    early, wrong = store.session.rows("SELECT id FROM charges WHERE state='settled' LIMIT 2")
    store.commit([Bill(early[0], 66, "ann", "bill")])  # in December, and before the closing
    store = reopened(month_db, DECEMBER_US + DAY_US)
    wanted, digest = exported(store, "2026-11", grain, tmp_path / "a.csv")
    assert wanted.through_us is not None
    (late,) = store.session.rows("SELECT id FROM charges WHERE state='uncertain' LIMIT 1")
    reopened(month_db, DECEMBER_US + 3 * DAY_US).commit(
        [Decide(late[0], 1, Ground.HAND, "seen", "ann"), Bill(wrong[0], 77, "ann", "bill")]
    )
    later = reopened(month_db, DECEMBER_US + 40 * DAY_US)
    assert exported(later, "2026-11", grain, tmp_path / "b.csv")[1] == digest
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    exported(later, "2026-12", grain, tmp_path / "c.csv")
    rows = rows_of(tmp_path / "c.csv")
    assert {row["ChargeClass"] for row in rows} == {"Correction"}
    assert {row["BillingPeriodStart"] for row in rows} == {"2026-12-01T00:00:00Z"}
    assert all(row["ChargePeriodStart"].startswith("2026-11") for row in rows)
    both = billed(rows_of(tmp_path / "a.csv")) + billed(rows)
    assert both == later.session.rows("SELECT sum(settled_micros) FROM entries")[0][0]


def test_the_digest_of_a_closed_month_is_that_of_its_file(
    month_db: Path, tmp_path: Path, reopened: Reopen
) -> None:
    store = reopened(month_db, DECEMBER_US + DAY_US)
    _, digest = exported(store, "2026-11", "charge", tmp_path / "a.csv")
    assert hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest() == digest
    assert exported(store, "2026-11", "charge", tmp_path / "a.parquet")[1] == digest
    closed = store.session.rows("SELECT action,subject,after FROM audit WHERE action='focus.close'")
    assert closed == [("focus.close", "2026-11 by charge", digest)]


def test_a_closed_month_that_was_changed_underneath_is_refused(
    month_db: Path, tmp_path: Path, reopened: Reopen
) -> None:
    store = reopened(month_db, DECEMBER_US + DAY_US)
    exported(store, "2026-11", "charge", tmp_path / "a.csv")
    store.session.run("UPDATE charges SET team='other' WHERE team='brand'")
    with pytest.raises(MonthDiffers):
        exported(store, "2026-11", "charge", tmp_path / "b.csv")


@pytest.mark.parametrize("name", ["2026-13", "nov", "2026", "2026-11-01"])
def test_what_is_no_month_is_refused(month_db: Path, reopened: Reopen, name: str) -> None:
    with pytest.raises(ValueError, match=r"month|isoformat"):
        exports.find(reopened(month_db, DECEMBER_US).session, name, "charge")


@pytest.fixture(scope="session")
def validator() -> Path:
    """The real validator, in an environment of its own; made on demand under REQUIRE_ALL."""
    script = Path(__file__).with_name("focus_env.sh")
    known = Path.home() / ".cache/farebox-focus/2.2.1"
    known = Path(os.environ.get("FAREBOX_FOCUS_ENV", known))
    if not (known / ".complete").exists() and os.environ.get("REQUIRE_ALL") != "1":
        pytest.skip(f"the FOCUS validator is not installed; {script.name} installs it (650 MB)")
    made = subprocess.run([script], capture_output=True, text=True, check=False, timeout=600)
    if made.returncode:
        pytest.skip(made.stderr.strip() or "the FOCUS validator cannot be installed")
    return Path(made.stdout.strip().splitlines()[-1])


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("grain", "suffix"), [("charge", ".csv"), ("charge", ".parquet"), ("day", ".csv")]
)
def test_the_real_validator_finds_only_the_contradiction_in_its_own_rules(
    corrected: Store, tmp_path: Path, validator: Path, grain: exports.Grain, suffix: str
) -> None:
    path = tmp_path / f"focus{suffix}"
    exported(corrected, "2026-11", grain, path)
    home = next(validator.parents[1].glob("lib/python3.*/site-packages"))
    run = subprocess.run(
        [
            validator, "--data-file", path, "--validate-version", "1.2", "--block-download",
            "--focus-dataset", "CostAndUsage", "--applicability-criteria", CRITERIA,
        ],
        cwd=home, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    found = re.search(r"Total: (\d+) \| Pass: (\d+) \| Fail: (\d+) \| Skipped: (\d+)", run.stdout)
    assert found, run.stdout[-2000:] + run.stderr[-2000:]
    failed = set(re.findall(r"(\S+): FAIL", run.stdout))
    assert failed == CONTRADICTION
    # A misspelt criterion is ignored in silence, and most rules are skipped with it.
    assert tuple(map(int, found.groups())) == (578, 241, 1, 336)


def test_an_instant_is_told_apart_from_its_neighbours_by_the_month_in_utc() -> None:
    november = month("2026-11")
    assert november.start_us == int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert november.end_us == DECEMBER_US
