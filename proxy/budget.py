"""Budgets: which day it is, where a budget stands, and whether a price fits. Pure.

A budget is a limit on a scope (a key, a team, the installation) and a window (a
day or a month) in an IANA zone. The period is computed from an instant, never by a
job, so a process that sleeps over midnight still wakes up in the right day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from proxy.instants import epoch_us

DAY, MONTH = "day", "month"
KEY, TEAM, INSTALLATION = "key", "team", "installation"
EVERYTHING = "*"  # the team that is the whole installation


@dataclass(frozen=True, slots=True)
class Span:
    """One local day, and the instants (microseconds, UTC) at which it starts and ends."""

    day: str
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A scope's time zone: `name`, until `until_us`, from when on it is `then`."""

    name: str
    until_us: int | None = None
    then: str | None = None

    def at(self, at_us: int) -> str:
        """Name the IANA zone in force at an instant."""
        if self.then is None or self.until_us is None or at_us < self.until_us:
            return self.name
        return self.then


def midnight_us(day: date, zone: str) -> int:
    """First instant of a local date, also where the clocks change at midnight.

    A midnight that the zone skips maps to the instant of the change: PEP 495 reads a
    local time that does not exist with the offset before the gap.
    """
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return epoch_us(local)


@lru_cache(maxsize=4096)
def _span(day: str, zone: str) -> Span:
    start = date.fromisoformat(day)
    return Span(day, midnight_us(start, zone), midnight_us(start + timedelta(days=1), zone))


@lru_cache(maxsize=4096)
def _minute_span(minute: int, zone: str) -> Span:
    local = datetime.fromtimestamp(minute * 60, ZoneInfo(zone))
    return _span(local.date().isoformat(), zone)


def span_at(at_us: int, zone: str) -> Span:
    """Find the local day that an instant lies in."""
    return _minute_span(at_us // 60_000_000, zone)


def day_at(at_us: int, zone: Zone, *, latest: str = "") -> str:
    """Find a scope's day at an instant; it never goes back behind `latest`.

    A clock that is set back over midnight, or a zone that is moved west, must not open a
    day again that was closed: its money would be granted twice.
    """
    return max(span_at(at_us, zone.at(at_us)).day, latest)


def month_end(day: str) -> date:
    """First date of the month after the one a day lies in."""
    start = date.fromisoformat(day).replace(day=1)
    return (start + timedelta(days=32)).replace(day=1)


@lru_cache(maxsize=4096)
def _period_end_us(day: str, window: str, zone: str) -> int:
    if window == MONTH:
        return midnight_us(month_end(day), zone)
    return _span(day, zone).end_us


def resets_us(day: str, window: str, zone: Zone, at_us: int) -> int:
    """Instant at which a period is over: the first one whose day lies behind `day`."""
    end = _period_end_us(day, window, zone.at(at_us))
    if zone.then is None or zone.until_us is None or end < zone.until_us:
        return end
    return max(zone.until_us, _period_end_us(day, window, zone.then))


def period_of(day: str, window: str) -> str:
    """Name the period of a window that a day lies in."""
    return day[:7] if window == MONTH else day


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit in micro-USD on one scope and window; None is unlimited."""

    scope: str
    name: str
    window: str
    limit_micros: int | None
    enforced: bool = True


def fits(limit: int | None, settled: int, reserved: int, price: int) -> bool:
    """Say whether a price fits under a limit (micro-USD). Reserved money counts as spent.

    Otherwise two calls in flight would each be promised the same last cent.
    """
    return limit is None or settled + reserved + price <= limit


class Standing(NamedTuple):
    """A budget at an instant: its limit and its balance, in micro-USD."""

    budget: Budget
    period: str
    timezone: str
    settled_micros: int
    reserved_micros: int
    resets_us: int

    @property
    def limit_micros(self) -> int | None:
        """The limit, None where unlimited."""
        return self.budget.limit_micros

    @property
    def remaining_micros(self) -> int | None:
        """What is left, never below 0; None where unlimited."""
        if self.budget.limit_micros is None:
            return None
        return max(0, self.budget.limit_micros - self.settled_micros - self.reserved_micros)

    def fits(self, price_micros: int) -> bool:
        """Say whether a price fits."""
        limit = self.budget.limit_micros
        return fits(limit, self.settled_micros, self.reserved_micros, price_micros)


def refusing(standings: Iterable[Standing], price_micros: int) -> Standing | None:
    """Find the first enforced budget that has no room for a price."""
    return next((s for s in standings if s.budget.enforced and not s.fits(price_micros)), None)


def tightest(standings: Iterable[Standing]) -> Standing | None:
    """Find the limited budget with the least left."""
    limited = [s for s in standings if s.remaining_micros is not None]
    return min(limited, key=lambda s: s.remaining_micros or 0, default=None)
