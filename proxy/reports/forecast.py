"""Where a day and a month are heading: what is spent, and what the last week says of the rest.

The rest of a day is taken to cost what the same hours cost on an average of the last seven days
(of as many as the ledger knows), a day to come what those days cost.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pricing import usd
from proxy.budget import month_end
from proxy.instants import local
from proxy.ledger.session import Session
from proxy.reports.periods import EPOCH, QUARTER_S, Period
from proxy.reports.spend import local_second

WEEK = 7
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Forecast:
    """One scope's day or month; money in micro-USD."""

    scope: str
    name: str
    window: str
    period: str
    spent_micros: int
    forecast_micros: int

    def facts(self) -> dict[str, Any]:
        """Print it as JSON has it."""
        return {
            "scope": self.scope,
            "name": self.name,
            "window": self.window,
            "period": self.period,
            "spent_usd": usd(self.spent_micros),
            "forecast_usd": usd(self.forecast_micros),
        }


@dataclass(slots=True)
class _Past:
    """One scope's spend: by day from 1970, and of each day what came after this hour of it."""

    days: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    later: dict[int, int] = field(default_factory=lambda: defaultdict(int))


def forecast(session: Session, zone: str) -> list[Forecast]:
    """Forecast the running day and month of every key, team and the installation."""
    now = local(session.now_us(), zone)
    today = now.date()
    period = Period(min(today.replace(day=1), today - timedelta(WEEK)), today, zone)
    second = (now.hour * 3600 + now.minute * 60) // QUARTER_S * QUARTER_S + QUARTER_S
    pasts = _pasts(session, period, second)
    known = _known_days(pasts, (today - EPOCH).days)
    found = []
    for (scope, name), past in sorted(pasts.items()):
        day, month = _one(past, today, known)
        found.append(Forecast(scope, name, "day", today.isoformat(), *day))
        found.append(Forecast(scope, name, "month", today.isoformat()[:7], *month))
    return found


def _pasts(session: Session, period: Period, second: int) -> dict[tuple[str, str], _Past]:
    clock = local_second(period)
    low, high = period.quarters
    rows = session.rows(
        f"SELECT key_name,team,{clock}/{DAY_S} AS day,sum(spend_micros),"  # noqa: S608
        f" sum(CASE WHEN {clock}%{DAY_S}>=? THEN spend_micros ELSE 0 END)"
        " FROM spend WHERE quarter>=? AND quarter<? GROUP BY key_name,team,day",
        (second, low, high),
    )
    pasts: dict[tuple[str, str], _Past] = defaultdict(_Past)
    for key, team, day, spent, later in rows:
        for place in (("key", key), ("team", team), ("installation", "*")):
            if place != ("team", ""):
                pasts[place].days[int(day)] += int(spent)
                pasts[place].later[int(day)] += int(later)
    return pasts


def _known_days(pasts: dict[tuple[str, str], _Past], today: int) -> int:
    """Count the days before today that the ledger knows, at most a week of them."""
    first = min((day for past in pasts.values() for day in past.days), default=today)
    return max(1, min(WEEK, today - first))


def _one(past: _Past, today: date, known: int) -> tuple[tuple[int, int], tuple[int, int]]:
    number = (today - EPOCH).days
    week = range(number - known, number)
    spent = past.days.get(number, 0)
    by_night = spent + sum(past.later.get(day, 0) for day in week) // known
    start = (today.replace(day=1) - EPOCH).days
    so_far = sum(micros for day, micros in past.days.items() if day >= start)
    to_come = (month_end(today.isoformat()) - today).days - 1
    rest = sum(past.days.get(day, 0) for day in week) * to_come // known
    return (spent, by_night), (so_far, so_far - spent + by_night + rest)
