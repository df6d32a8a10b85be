"""What the page draws: the day's curve and the bars of spend."""

from datetime import date

import pytest

from proxy.page.curve import Day
from proxy.page.render import ENVIRONMENT
from proxy.page.views.spend import Spent
from proxy.reports.periods import Period
from proxy.reports.spend import Figures

MIDNIGHT_S = 1_795_996_800
QUARTER_S = 900


def chart(*, seconds: int, today: tuple[int, ...], before: tuple[int, ...]) -> dict[str, list[int]]:
    now_us = (MIDNIGHT_S + seconds) * 1_000_000
    return Day("UTC", MIDNIGHT_S * 1_000_000, now_us, today, before).chart(None)


def test_today_ends_now() -> None:
    made = chart(seconds=2 * QUARTER_S + 300, today=(10**6, 0, 2 * 10**6), before=(10**6,) * 4)
    assert [at - MIDNIGHT_S for at in made["x"]] == [0, 900, 1800, 2100, 2700, 3600]
    assert made["today"] == [0.0, 1.0, 1.0, 3.0, None, None]
    assert made["before"] == [0.0, 1.0, 2.0, 2.0, 3.0, 4.0], "yesterday knows no now"


def test_times_rise_on_the_first_second_of_a_quarter() -> None:
    made = chart(seconds=QUARTER_S, today=(0, 10**6), before=(0, 0, 0))
    assert made["x"] == sorted(set(made["x"]))


def test_today_may_be_longer_than_yesterday() -> None:
    made = chart(seconds=4 * QUARTER_S + 1, today=(0,) * 5, before=(10**6,) * 2)
    assert len(made["x"]) == len(made["today"]) == len(made["before"]) == 7
    assert made["before"] == [0.0, 1.0, 2.0, None, None, None, None]


@pytest.mark.parametrize(("limit", "named"), [(None, False), (0, True), (5 * 10**6, True)])
def test_every_limit_that_is_drawn_has_a_name(limit: int | None, *, named: bool) -> None:
    day = Day("UTC", MIDNIGHT_S * 1_000_000, (MIDNIGHT_S + 9) * 1_000_000, (10**6,), (10**6,))
    drawn = ENVIRONMENT.get_template("_curve.html").render(curve=day, limit=limit)
    assert ("legend-limit" in drawn) == named


def spent(days: int, *sold: int) -> Spent:
    """Sell something on some of so many days, the last of which is the 30th."""
    names = [date(2026, 11, 31 - day).isoformat() for day in range(days, 0, -1)]
    period = Period(date.fromisoformat(names[0]), date.fromisoformat(names[-1]), "UTC")
    cells = {("web", f"2026-11-{day:02}"): 10**6 for day in sold}
    return Spent(period, names, [("web", Figures(1, 1, 10**6, 10**6))], cells)


@pytest.mark.parametrize(
    ("sold", "first", "count"),
    [
        pytest.param((1, 30), "2026-11-01", 30, id="all of them"),
        pytest.param((11, 12), "2026-11-11", 20, id="what came before the first sale is left out"),
        pytest.param((30,), "2026-11-24", 7, id="but never all but one"),
    ],
)
def test_bars_begin_where_there_is_something_to_see(
    sold: tuple[int, ...], first: str, count: int
) -> None:
    found = spent(30, *sold)
    made = found.chart()
    assert found.drawn[0] == first
    assert len(made["x"]) == len(made["series"][0]) == count
    assert sum(made["series"][0]) == len(sold)


def test_few_bars_are_all_drawn() -> None:
    assert spent(5, 30).drawn == spent(5, 30).bars
