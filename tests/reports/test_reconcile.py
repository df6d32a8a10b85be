"""Every planted error of a bill is found, nothing else is; what is applied is applied once."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pricing import usd
from proxy.instants import epoch_us, instant
from proxy.ledger.schema import open_session
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.ledger.verify import verify
from proxy.reports import reconcile, spend
from proxy.reports.findings import Category, Finding
from proxy.reports.layout import Layout, MappingError, Unreadable, read_mapping
from proxy.reports.periods import month
from proxy.reports.reconcile import Asked, Reconciliation
from proxy.reports.statement import NoStatement
from tests.reports.billing import Billed, plant, true_bill, write
from tests.reports.seeding import DECEMBER_US, HOUR_US

Reopen = Callable[[Path, int], Store]


@contextmanager
def compared(db: Path, bill: Path, **asked: object) -> Iterator[Reconciliation]:
    session = open_session(f"sqlite:///{db}", read_only=True)
    try:
        with session.snapshot(), reconcile.reconciled(session, Asked(bill, **asked)) as found:  # type: ignore[arg-type]
            yield found
    finally:
        session.close()


def by_category(found: Iterator[Finding]) -> dict[str, set[str]]:
    sorted_out: dict[str, set[str]] = defaultdict(set)
    for each in found:
        sorted_out[each.category.value].add(each.prediction_id)
    return dict(sorted_out)


def applied(db: Path, bill: Path, store: Store, **asked: object) -> Reconciliation:
    with compared(db, bill, **asked) as found:
        reconcile.apply(store, found, actor="ann", why="November bill")
        reconcile.record(store, found.summary, actor="ann")
        return found


def test_a_true_bill_matches_to_the_micro_dollar(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    bill = write(tmp_path / "bill.csv", true_bill(reading))
    with compared(seeded_month, bill) as found:
        assert list(found.findings()) == []
        assert not found.summary.differs
        assert found.summary.ours_micros == found.summary.theirs_micros
        assert found.summary.counts["matched"] == found.summary.lines > 3_000


def test_twenty_five_planted_errors_are_found_and_nothing_else(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    planted = plant(reading)
    assert sum(map(len, planted.expected.values())) == 25
    with compared(seeded_month, write(tmp_path / "bill.csv", planted.bill)) as found:
        assert by_category(found.findings()) == planted.expected
        summary = found.summary
        assert sum(summary.counts.values()) == summary.counts["matched"] + 25
        # What differs is what the sums differ by: nothing is lost between the two sides.
        assert summary.theirs_micros - summary.ours_micros == summary.difference_micros


def test_applying_puts_the_ledger_at_the_bill_and_twice_moves_nothing(
    month_db: Path, reading: Session, tmp_path: Path, reopened: Reopen
) -> None:
    planted = plant(reading)
    bill = write(tmp_path / "bill.csv", planted.bill)
    store = reopened(month_db, DECEMBER_US + HOUR_US)
    before = store.session.rows("SELECT count(*) FROM entries")[0][0]
    done = applied(month_db, bill, store, last=date(2026, 11, 30)).summary
    assert done.applied == 20
    after = store.session.rows("SELECT count(*),sum(settled_micros) FROM entries")[0]
    assert after[0] > before
    foreign = sum(b.micros for b in planted.bill if b.prediction_id.startswith("foreign"))
    told = "SELECT value FROM tallies WHERE name='reconciliation'"
    assert [(done.left_micros,)] == store.session.rows(told) == [(foreign,)]
    assert after[1] == sum(b.micros for b in planted.bill) - foreign
    assert verify(store.session) == []
    assert spend.total(store.session, month("2026-11")).spend_micros == after[1]
    again = applied(month_db, bill, store, last=date(2026, 11, 30))
    assert again.summary.applied == 0
    assert again.summary.counts["only_theirs"] == 5
    entries = store.session.rows("SELECT count(*),sum(settled_micros) FROM entries")[0]
    assert tuple(entries) == tuple(after)


def test_the_difference_is_set_and_the_summary_kept(
    month_db: Path, reading: Session, tmp_path: Path, reopened: Reopen
) -> None:
    bill = write(tmp_path / "bill.csv", plant(reading).bill)
    store = reopened(month_db, DECEMBER_US)
    for _ in range(2):
        with compared(month_db, bill) as found:
            reconcile.record(store, found.summary, actor="ann")
    value = store.session.rows("SELECT value FROM tallies WHERE name='reconciliation'")
    assert value == [(found.summary.difference_micros,)]
    kept = reconcile.past(store.session)
    assert len(kept) == 2
    assert kept[0]["difference_usd"] == usd(found.summary.difference_micros)
    assert kept[0]["sha256"] == found.summary.sha256


def test_every_correction_says_who_why_and_on_what_ground(
    month_db: Path, reading: Session, tmp_path: Path, reopened: Reopen
) -> None:
    store = reopened(month_db, DECEMBER_US)
    applied(month_db, write(tmp_path / "bill.csv", plant(reading).bill), store)
    words = store.session.rows(
        "SELECT DISTINCT actor,ground FROM entries WHERE why LIKE 'November%'"
    )
    assert words == [("ann", "statement")]
    actions = store.session.rows(
        "SELECT action,actor,why FROM audit WHERE action LIKE 'reconcile%'"
    )
    assert actions == [
        ("reconcile.apply", "ann", "November bill"),
        ("reconcile", "ann", "November bill"),
    ]


def one_line(session: Session, version: str, model: str) -> Billed:
    return next(b for b in true_bill(session) if b.version == version and b.model == model)


@pytest.mark.parametrize(
    ("billed", "said"),
    [
        pytest.param(
            44_200, ("2026-11-16", "the price of version 2026-11-16"), id="a later version"
        ),
        pytest.param(67_000, (None, "the list price"), id="no discount"),
        pytest.param(120_600, (None, "3 images, charged 1"), id="more images"),
        pytest.param(12_345, (None, "no price version explains it"), id="something else"),
        pytest.param(0, (None, "billed at nothing"), id="nothing"),
    ],
)
def test_a_difference_is_explained(
    seeded_month: Path, reading: Session, tmp_path: Path, billed: int, said: tuple[str | None, str]
) -> None:
    bill = true_bill(reading)
    model = "gemini-3.1-flash-image-preview"
    line = next(b for b in bill if b.model == model and b.micros == 40_200)
    bill[bill.index(line)] = replace(line, micros=billed)
    with compared(seeded_month, write(tmp_path / "bill.csv", bill)) as found:
        (finding,) = found.findings()
    assert (finding.category, finding.price_version) == (Category.AMOUNT, said[0])
    assert said[1] in finding.why


def test_lines_without_an_id_are_matched_by_model_amount_and_time(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    bill = [replace(b, prediction_id="") for b in true_bill(reading)]
    gone = bill.pop(len(bill) // 2)
    with compared(seeded_month, write(tmp_path / "bill.csv", bill)) as found:
        (finding,) = found.findings()
    assert (finding.category, finding.ours_micros) == (Category.OURS, gone.micros)


def test_a_charge_whose_answer_was_lost_takes_the_id_of_its_line(
    month_db: Path, reading: Session, tmp_path: Path, reopened: Reopen
) -> None:
    store = reopened(month_db, DECEMBER_US)
    (lost,) = store.session.rows(
        "SELECT id,admitted_us,model,reserved_micros FROM charges WHERE state='uncertain'"
        " AND reserved_micros>0 LIMIT 1"
    )
    store.session.run("UPDATE charges SET prediction_id=NULL WHERE id=?", (lost[0],))
    bill = [*true_bill(reading), Billed("seen-only-there", lost[1], *lost[2:])]
    path = write(tmp_path / "bill.csv", bill)
    with compared(month_db, path) as found:
        assert [f.charge_id for f in found.findings()] == [lost[0]]
        reconcile.apply(store, found, actor="ann", why="bill")
    decided = store.session.rows("SELECT state,prediction_id FROM charges WHERE id=?", (lost[0],))
    assert decided == [("settled", "seen-only-there")]
    with compared(month_db, path) as found:
        assert not found.summary.differs


def test_a_charge_after_the_last_line_is_found_but_not_written_off(
    month_db: Path, reading: Session, tmp_path: Path, reopened: Reopen
) -> None:
    early = [replace(b, at_us=b.at_us - 2 * HOUR_US) for b in true_bill(reading)[:-1]]
    store = reopened(month_db, DECEMBER_US)
    found = applied(month_db, write(tmp_path / "bill.csv", early), store)
    assert found.summary.counts["only_ours"] == 1
    assert found.summary.applied == 0


def test_another_layout_reads_the_same_bill(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    layout = read_mapping("""
        delimiter = ";"
        encoding = "utf-16"
        [columns]
        prediction_id = "Task"
        created_at = "When"
        model = "What"
        amount = "Cents"
        currency = "Cur"
        [amount]
        scale = "0.01"
        decimal_comma = true
        negative = true
        [time]
        format = "%d.%m.%Y %H:%M:%S"
        timezone = "Asia/Shanghai"
    """)
    path = tmp_path / "bill.csv"
    lines = ["Who;Task;When;What;Cents;Cur"]
    for each in true_bill(reading):
        when = instant(each.at_us + 8 * HOUR_US).strftime("%d.%m.%Y %H:%M:%S")
        cents = f"-{each.micros // 10_000},{each.micros % 10_000:04d}"
        lines.append(f"x;{each.prediction_id};{when};google/{each.model}/text-to-image;{cents};usd")
    lines.append("x;eur;01.11.2026 00:00:00;m;-1,00;EUR")
    path.write_text("\n".join(lines), encoding="utf-16")
    with compared(seeded_month, path, layout=layout) as found:
        (finding,) = found.findings()
    assert (finding.category, finding.prediction_id) == (Category.UNREADABLE, "eur")
    assert "EUR" in finding.why


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        ("0.0402", 40_200),
        ("$1", 1_000_000),
        ("0.040200000", 40_200),
        ("-0.5", -500_000),
        ("4E-2", 40_000),
    ],
)
def test_an_amount_is_read_exactly(amount: str, micros: int) -> None:
    assert Layout().micros(amount) == micros


@pytest.mark.parametrize("amount", ["", "abc", "0.00000001", "NaN", "Infinity", "1e12", "0,04"])
def test_an_amount_that_is_not_exact_is_unreadable(amount: str) -> None:
    with pytest.raises(Unreadable):
        Layout().micros(amount)


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("iso", "2026-11-01T12:00:00Z"),
        ("iso", "2026-11-01 13:00:00+01:00"),
        ("iso", "2026-11-01T12:00:00"),
        ("unix", "1793534400"),
        ("unix_ms", "1793534400000"),
    ],
)
def test_an_instant_is_read_in_its_format(layout: str, text: str) -> None:
    noon = epoch_us(datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert Layout(time_format=layout).at_us(text) == noon


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("=", "not TOML"),
        ("[columns]\nmodel='m'", "prediction_id, created_at, amount"),
        ("colums=1", "colums"),
        ("columns=1", "must be a table"),
        (
            "[columns]\nprediction_id='a'\ncreated_at='b'\nmodel='c'\namount='d'\n[amount]\nscale=1",
            "scale",
        ),
        (
            "[columns]\nprediction_id='a'\ncreated_at='b'\nmodel='c'\namount='d'\n[time]\ntimezone='X'",
            "zone",
        ),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(text: str, word: str) -> None:
    with pytest.raises(MappingError, match=word):
        read_mapping(text)


def test_a_file_that_is_no_statement_names_the_columns_it_lacks(
    seeded_month: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("id,model\n1,2\n", encoding="utf-8")
    with (
        pytest.raises(NoStatement, match="no column prediction_id, created_at, amount_usd"),
        compared(seeded_month, path),
    ):
        pass


def test_an_undecided_charge_that_is_not_billed_yet_stays_held(
    seeded_month: Path, reading: Session, tmp_path: Path
) -> None:
    assert spend.held(reading, month("2026-11")).charges > 0
    with compared(seeded_month, write(tmp_path / "bill.csv", true_bill(reading))) as found:
        assert found.summary.counts["uncertain_decided"] == 0
