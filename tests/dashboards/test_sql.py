"""What finance reads: every SQL panel, on both databases, against the report to the cent."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboards.boards import savings, spend
from dashboards.ledger import NO_TEAM, POSTGRESQL, SQLITE, Dialect
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.session import Session
from proxy.reports.periods import Period
from proxy.reports.spend import Question, held, total
from proxy.reports.spend import rows as report_rows
from tests.dashboards.grafana import FILES, Target, asked, range_of, read, targets
from tests.ledger.world import Clock, Ledger

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
TO_THE_MICRO = Decimal("0.000001")


@pytest.fixture
def session(ledger_url: str) -> Iterator[Session]:
    opened = open_session(ledger_url)
    yield opened
    opened.close()


def of(board: str, session: Session, title: str) -> Target:
    """Find the query of a panel for the database at hand."""
    wanted = f"{session.dialect}/{board}"
    return next(t for t in targets() if t.board == wanted and t.panel["title"] == title)


def ask(session: Session, target: Target, now: datetime, zone: str, **chosen: str) -> list[Any]:
    assert target.sql is not None
    return list(session.rows(asked(target.sql, range_of(target.panel, now, zone), **chosen)))


def money(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(TO_THE_MICRO)


def period(name: str, now: datetime, zone: str) -> Period:
    today = now.astimezone(ZoneInfo(zone)).date()
    first = today.replace(day=1)
    before = first - timedelta(days=1)
    return {
        "Today": Period(today, today, zone),
        "Month to date": Period(first, today, zone),
        "Last month": Period(before.replace(day=1), before, zone),
        "Spend": Period(today - timedelta(days=30), today, zone),
    }[name]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("title", ["Today", "Month to date", "Last month", "Spend"])
def test_a_figure_equals_the_report_of_its_days_in_any_zone(
    session: Session, now: datetime, title: str, zone: str
) -> None:
    [[shown]] = ask(session, of("spend", session, title), now, zone)
    reported = total(session, period(title, now, zone))
    assert money(shown) * 1_000_000 == reported.spend_micros > 0


@pytest.mark.parametrize(
    ("title", "by"),
    [
        ("By team", "team"),
        ("By key", "key"),
        ("By model and resolution", "model,resolution"),
        ("By price version", "version"),
        ("By tag", "tag:project"),
    ],
)
def test_a_table_equals_the_report_line_by_line(
    session: Session, now: datetime, title: str, by: str
) -> None:
    zone, width = "Europe/Berlin", len(by.split(","))
    question = Question(tuple(by.split(",")), period("Spend", now, zone))
    reported = {tuple(row[:width]): row[width:] for row in report_rows(session, question)}
    shown = ask(session, of("spend", session, title), now, zone)
    assert {_unlabelled(row[:width]) for row in shown} == set(reported)
    for row in shown:
        calls, images, *sums = reported[_unlabelled(row[:width])]
        assert [row[width], row[width + 1]] == [calls, images]
        assert [money(value) for value in row[width + 2 : width + 5]] == [money(s) for s in sums]


def _unlabelled(labels: Any) -> tuple[str, ...]:
    return tuple("" if label == NO_TEAM else label for label in labels)


def test_the_days_of_a_team_add_up_to_the_range(session: Session, now: datetime) -> None:
    days = ask(session, of("spend", session, "Spend a day, by team"), now, "UTC")
    assert len({row[0] for row in days}) == 31
    assert all(row[0] % 86400 == 0 for row in days)
    added = sum(money(row[2]) for row in days)
    assert added * 1_000_000 == total(session, period("Spend", now, "UTC")).spend_micros


def test_what_is_held_is_said_apart_and_equals_the_report(session: Session, now: datetime) -> None:
    [[shown]] = ask(session, of("spend", session, "Held or uncertain"), now, "UTC")
    whole = Period((now - timedelta(days=90)).date(), now.date())
    listed = ask(session, of("spend", session, "Held, by state and key"), now, "UTC")
    assert money(shown) * 1_000_000 == held(session, whole).micros > 0
    assert sum(money(row[4]) for row in listed) == money(shown)
    assert {row[0] for row in listed} == {"reserved", "accepted", "uncertain"}


@pytest.mark.parametrize("zone", ZONES)
def test_the_forecast_goes_on_as_the_last_week_went(
    session: Session, now: datetime, zone: str
) -> None:
    [[shown]] = ask(session, of("spend", session, "Forecast"), now, zone)
    so_far = total(session, period("Month to date", now, zone)).spend_micros
    until = int(now.timestamp())
    [[week]] = session.rows(
        "SELECT sum(spend_micros) FROM spend WHERE quarter*900>=? AND quarter*900<?",
        (until - 7 * 86400, until),
    )
    here = now.astimezone(ZoneInfo(zone))
    ends = here.replace(month=12, day=1, hour=0, minute=0)
    rest = (ends.replace(tzinfo=None) - here.replace(tzinfo=None)).total_seconds()
    expected = (so_far + int(week) * rest / (7 * 86400)) / 1e6
    an_hour = int(week) / (7 * 24) / 1e6  # a month in which the clocks change is so much off
    assert float(shown) == pytest.approx(expected, abs=1.01 * an_hour)


def test_pro_costs_what_its_images_cost_and_the_swap_is_priced_by_size(
    session: Session, now: datetime
) -> None:
    found = ask(session, of("savings", session, "By resolution"), now, "UTC")
    told = {row[0]: (money(row[3]), money(row[4]), float(row[6])) for row in found}
    assert {size: times for size, (_, _, times) in told.items()} == {
        "1K": 2.0,
        "2K": 1.33,
        "4K": 1.59,
    }
    for row in found:
        unit = {"1K": "0.0402", "2K": "0.0606", "4K": "0.0906"}[row[0]]
        assert money(row[4]) == money(Decimal(unit) * row[2])
    [[saved]] = ask(session, of("savings", session, "Would have saved"), now, "UTC")
    assert money(saved) == sum(paid - swapped for paid, swapped, _ in told.values())


def test_bars_of_one_model_are_told_apart_where_their_names_are_cut(
    session: Session, now: datetime
) -> None:
    bars = ask(session, of("savings", session, "Price of an image, by model"), now, "UTC")
    names = [name for name, _ in bars]
    assert len({name[:20] for name in names}) == len(names) > 4


def test_a_failure_that_was_charged_after_all_is_paid_and_no_failure(
    tmp_path: Path, now: datetime
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    ledger = Ledger(url, Clock((now - timedelta(hours=1)).isoformat()))
    key = ledger.key()
    for made_after_all in (True, True, False, False):
        fare = ledger.reserve(key, body_hash="same")
        ledger.accept(fare)
        ledger.release(fare)
        if made_after_all:
            ledger.settle(fare)
    session = ledger.session
    [[share]] = ask(session, of("savings", session, "Failed calls"), now, "UTC")
    assert share == 0.5
    failed = of("savings", session, "Failed after the provider took them, by model")
    [[_, _, calls, _]] = ask(session, failed, now, "UTC")
    assert calls == 2
    [row] = ask(session, of("savings", session, "Bought more than once"), now, "UTC")
    assert (row[3], money(row[4])) == (2, money("0.0001"))
    ledger.close()


def test_a_choice_narrows_every_panel_of_its_board(session: Session, now: datetime) -> None:
    target = of("spend", session, "By key")
    assert [row[0] for row in ask(session, target, now, "UTC", key="web")] == ["web"]
    assert [row[0] for row in ask(session, target, now, "UTC", team=NO_TEAM)] == ["loner"]
    assert ask(session, target, now, "UTC", model="nothing like it") == []


@pytest.mark.parametrize("target", [t for t in targets() if t.sql], ids=lambda t: str(t.id))
def test_every_query_of_the_ledger_answers_with_rows(
    target: Target, request: pytest.FixtureRequest, now: datetime
) -> None:
    kind = target.board.partition("/")[0]
    url = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url")
    session = open_session(url)
    try:
        found = ask(session, target, now, "Europe/Berlin")
        assert found
        assert all(value is not None for value in found[0])
    finally:
        session.close()


@pytest.mark.parametrize("build", [spend.board, savings.board], ids=["spend", "savings"])
def test_both_databases_answer_alike(
    build: Any, sqlite_url: str, postgres_url: str, now: datetime
) -> None:
    name = build.__module__.rpartition(".")[2]
    answers = []
    for url in (sqlite_url, postgres_url):
        session = open_session(url)
        mine = [t for t in targets() if t.board == f"{session.dialect}/{name}" and t.sql]
        answers.append({t.panel["title"]: _plain(ask(session, t, now, "UTC")) for t in mine})
        session.close()
    assert answers[0] == answers[1]


def _plain(rows: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(v if isinstance(v, str) else round(float(v), 6) for v in row) for row in rows]


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=lambda d: d.name)
def test_the_choices_of_a_board_are_found(
    dialect: Dialect, sqlite_url: str, postgres_url: str
) -> None:
    path = next(p for p in FILES if p.parts[-2:] == (dialect.name, "spend.json"))
    session = open_session(sqlite_url if dialect is SQLITE else postgres_url)
    for choice in read(path)["templating"]["list"]:
        if isinstance(choice.get("query"), str) and choice["query"].startswith("SELECT"):
            found = [row for (row,) in session.rows(choice["query"])]
            assert found
            assert found == sorted(found)
    session.close()
