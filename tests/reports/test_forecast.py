"""One call a day, always at the same price: what a day and a month come to is known to the cent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.charge import Ground
from proxy.ledger.outcomes import Decide
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.reports.forecast import forecast
from tests.reports.seeding import HOUR_US, NOVEMBER_US, TimedSession, Traffic, open_store

DAY_US = 24 * HOUR_US
FIRST, TODAY = 3, 10  # of November: a week, and the running day


class Steady(Traffic):
    """Traffic that buys the same picture each time, and gets it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.menu, self.keys = self.menu[:1], self.keys[:1]

    def _decide(self, reserve: Reserve) -> Decide:
        return Decide(reserve.charge_id, 1, Ground.ANSWER)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "farebox.db")
    yield store
    store.session.close()


def installation(session: Session, window: str) -> tuple[int, int]:
    found = {(f.scope, f.window): f for f in forecast(session, "UTC")}
    told = found["installation", window]
    return told.spent_micros, told.forecast_micros


@pytest.mark.parametrize(
    ("hour", "today"), [pytest.param(6, 0, id="before"), pytest.param(18, 1, id="after")]
)
def test_a_call_a_day_is_forecast_for_every_day_that_is_left(
    store: Store, hour: int, today: int
) -> None:
    traffic = Steady(store)
    for day in range(FIRST, TODAY + today):
        traffic.batch(1, NOVEMBER_US + (day - 1) * DAY_US + 12 * HOUR_US)
    (each,) = store.session.rows("SELECT DISTINCT settled_micros FROM charges")[0]
    assert isinstance(store.session, TimedSession)
    store.session.at_us = NOVEMBER_US + (TODAY - 1) * DAY_US + hour * HOUR_US
    week = TODAY - FIRST
    assert installation(store.session, "day") == (today * each, each)
    month = (week + today) * each, (week + 1 + 30 - TODAY) * each
    assert installation(store.session, "month") == month
