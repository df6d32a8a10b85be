"""Reports add up to the entries, whatever they are grouped by and wherever a day begins."""

import csv
import io
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.fares import new_id
from proxy.instants import instant
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import Session
from proxy.ledger.settlement import QUARTER_US
from proxy.ledger.verify import verify
from proxy.reports import sheets, spend
from proxy.reports.periods import Period, month, offsets
from proxy.reports.spend import FIGURES, Question, UnknownGrouping, figures, groupings
from tests.reports.seeding import DECEMBER_US, NOVEMBER_US, Traffic, open_store

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
         "Pacific/Apia", "America/Havana", "Asia/Beirut", "Pacific/Chatham"]  # fmt: skip
NOVEMBER = month("2026-11")
_INDEPENDENT = """
SELECT c.team,c.key_name,c.model,c.resolution,c.task,c.price_version,c.tags,c.admitted_us,
       e.settled_micros,e.images,coalesce(c.list_unit_micros,c.unit_micros),e.kind
FROM entries e JOIN charges c ON c.id=e.charge_id WHERE e.kind IN ('settle','correct')
"""


def added_up(
    session: Session, by: tuple[str, ...], period: Period
) -> dict[tuple[str, ...], list[int]]:
    """Add up the entries by another road: one at a time, in Python."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    names = ("team", "key", "model", "resolution", "task", "version")
    for row in session.rows(_INDEPENDENT):
        facts = dict(zip(names, row, strict=False))
        day = instant(row[7]).astimezone(ZoneInfo(period.zone)).date()
        if not period.first <= day <= period.last:
            continue
        facts |= {"day": day.isoformat(), "month": day.isoformat()[:7]}
        facts |= {f"tag:{name}": value for name, value in json.loads(row[6]).items()}
        sums = found[tuple(facts.get(name, "") for name in by)]
        for place, value in enumerate((row[11] == "settle", row[9], row[8], row[9] * row[10])):
            sums[place] += value
    return dict(found)


def reported(
    session: Session, by: tuple[str, ...], period: Period
) -> dict[tuple[str, ...], list[int]]:
    question = Question(by, period)
    return {
        spend.labels(question, row): [f.calls, f.images, f.spend_micros, f.list_micros]
        for row in spend.page(session, question, limit=1_000_000)
        for f in [figures(row)]
    }


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "by", ["", "team", "key", "model,resolution", "task,version", "day", "month", "tag:project",
           "day,team,tag:project", "month,key,model"],
)  # fmt: skip
def test_a_report_equals_an_independent_sum_over_the_entries(
    reading: Session, by: str, zone: str
) -> None:
    period = Period(date(2026, 10, 31), date(2026, 12, 1), zone)
    assert reported(reading, groupings(by), period) == added_up(reading, groupings(by), period)


@pytest.mark.parametrize("zone", ZONES)
def test_a_part_of_a_month_counts_calls_by_the_local_day_of_their_admission(
    reading: Session, zone: str
) -> None:
    period = Period(date(2026, 11, 9), date(2026, 11, 17), zone)
    assert reported(reading, ("day",), period) == added_up(reading, ("day",), period)


def test_the_total_is_the_one_that_verify_proves(reading: Session, seeded_month: Path) -> None:
    (entries,) = reading.rows("SELECT sum(settled_micros) FROM entries")[0]
    assert spend.total(reading, NOVEMBER).spend_micros == entries


def test_verify_finds_nothing_in_the_seeded_month(month_db: Path, reopened: Callable) -> None:
    assert verify(reopened(month_db, DECEMBER_US).session) == []


def test_held_money_is_said_apart(reading: Session) -> None:
    held = spend.held(reading, NOVEMBER)
    found = reading.rows(
        "SELECT count(*),sum(reserved_micros) FROM charges WHERE state='uncertain'"
    )
    assert (held.charges, held.micros) == tuple(found[0])
    assert held.charges > 0


def test_calls_without_a_price_are_counted_by_the_day_of_their_admission(tmp_path: Path) -> None:
    store = open_store(tmp_path / "f.db")
    traffic = Traffic(store)
    for day in (2, 2, 9):
        at_us = NOVEMBER_US + day * 86_400_000_000
        call = Reserve(new_id(at_us), traffic.keys[0], lambda _: None, "ours", "path", "test:1:1")
        traffic.commit([call], at_us)
    whole = spend.whole_period(store.session, "UTC", None, None)
    assert (whole.first, spend.unpriced_calls(store.session, whole)) == (date(2026, 11, 3), 3)
    later = Period(date(2026, 11, 4), date(2026, 11, 30), "UTC")
    assert spend.unpriced_calls(store.session, later) == 1
    assert spend.held(store.session, whole).charges == 0
    store.session.close()


def test_pages_put_together_are_the_whole_report(
    reading: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question(("day", "team", "model"), NOVEMBER)
    whole = list(spend.rows(reading, question))
    monkeypatch.setattr(spend, "PAGE_ROWS", 7)
    assert list(spend.rows(reading, question)) == whole
    assert len(whole) > 100


def test_a_price_without_a_list_price_counts_as_its_own(reading: Session) -> None:
    found = reading.rows(
        "SELECT model FROM charges WHERE settled_micros>0"
        " GROUP BY model HAVING max(list_unit_micros) IS NULL"
    )
    report = spend.rows(reading, Question(("model",), NOVEMBER))
    rows = [row for row in report if (row[0],) in found]
    assert len(rows) > 1
    for model, *_, spent, listed, saved in rows:
        assert (listed, saved) == (spent, "0.000000"), model


@pytest.mark.parametrize(
    "by", ["ky", "tag:", "tag:UPPER", "tag:a b", "day,day", "hour", "tag:x'--"]
)
def test_an_unknown_or_repeated_grouping_is_refused(by: str) -> None:
    with pytest.raises(UnknownGrouping):
        Question(groupings(by), NOVEMBER)


TAGGED: sheets.Columns = (("tag:project", "text"), ("spend_usd", "money"))
FORMULAS = ['=HYPERLINK("http://evil","x")', "+1", "-1", "@SUM(1)", "\t=1"]


@pytest.mark.parametrize("tag", FORMULAS)
def test_a_tag_is_no_formula_in_a_csv(tag: str) -> None:
    written = "".join(sheets.as_csv(TAGGED, [(tag, "-0.040200"), (None, Decimal("-1.5"))]))
    read = list(csv.reader(io.StringIO(written, newline="")))
    assert read == [["tag:project", "spend_usd"], [f"'{tag}", "-0.040200"], ["", "-1.5"]]
    as_json = "".join(sheets.as_json(("tag:project",), [(tag,)]))
    assert json.loads(as_json) == [{"tag:project": tag}]


def test_nor_behind_a_carriage_return() -> None:
    assert "\n'\r=1,0\n" in "".join(sheets.as_csv(TAGGED, [("\r=1", "0")]))


@pytest.mark.parametrize("tag", ["a=1", "'=1", " =1", "", "1-2"])
def test_any_other_tag_is_written_as_it_is(tag: str) -> None:
    written = "".join(sheets.as_csv(TAGGED, [(tag, "0.040200")]))
    assert list(csv.reader(io.StringIO(written)))[1] == [tag, "0.040200"]


def test_a_tag_with_quotes_in_its_value_is_a_value_like_any_other() -> None:
    pieces = "".join(sheets.as_csv(TAGGED, [('say "hi", ok', "0.040200")]))
    assert list(csv.reader(io.StringIO(pieces)))[1] == ['say "hi", ok', "0.040200"]


def test_json_is_a_list_of_objects_with_money_as_text(reading: Session) -> None:
    question = Question(("team",), NOVEMBER)
    found = json.loads("".join(sheets.as_json(question.columns, spend.rows(reading, question))))
    assert set(found[0]) == {"team", *FIGURES}
    assert isinstance(found[0]["spend_usd"], str)
    assert json.loads("".join(sheets.as_json(question.columns, []))) == []


def test_an_empty_period_is_a_report_of_nothing(reading: Session) -> None:
    period = Period(date(2020, 1, 1), date(2020, 1, 31), "Europe/Berlin")
    assert spend.total(reading, period).calls == 0
    assert list(spend.rows(reading, Question(("team",), period))) == []


@pytest.mark.parametrize("by", ["day", "month", "team", ""])
@pytest.mark.parametrize("first", [date(1900, 1, 1), date(2026, 11, 1)])
def test_a_report_of_all_times_is_that_of_the_days_there_are(
    reading: Session, first: date, by: str
) -> None:
    """A day far ahead or long ago stands for 'all', and its zone changed its clocks often."""
    ever = Period(first, date(9000, 1, 1), "Europe/Berlin")
    known = Period(date(2026, 11, 1), date(2026, 12, 1), "Europe/Berlin")
    asked = groupings(by)
    assert reported(reading, asked, ever) == added_up(reading, asked, known)


@given(
    st.dates(date(2005, 1, 1), date(2037, 12, 1)),
    st.integers(1, 400),
    st.sampled_from(ZONES),
    st.integers(0, 95),
)
def test_offsets_tell_every_quarter_hour_its_local_day(
    first: date, days: int, zone: str, step: int
) -> None:
    period = Period(first, first + timedelta(days=days - 1), zone)
    low, high = period.quarters
    changes = offsets(low, high, zone)
    for quarter in range(low, high, 97 + step):
        seconds = [s for start, s in changes if start <= quarter][-1]
        local = datetime.fromtimestamp(quarter * QUARTER_US // 1_000_000, UTC).astimezone(
            ZoneInfo(zone)
        )
        assert (quarter * 900 + seconds) // 86_400 == (local.date() - date(1970, 1, 1)).days
        assert period.first <= local.date() <= period.last


@settings(max_examples=20)
@given(st.integers(1, 1_000_000), st.sampled_from(ZONES))
def test_random_traffic_adds_up(seed: int, zone: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "f.db")
        Traffic(store, seed).run(60, NOVEMBER_US + seed * 1_000_000, DECEMBER_US)
        period = Period(date(2026, 11, 3), date(2026, 11, 27), zone)
        by = ("day", "team", "model", "tag:project")
        assert reported(store.session, by, period) == added_up(store.session, by, period)
        store.session.close()
