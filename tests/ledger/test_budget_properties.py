"""The calendar of `proxy.budget`, for many zones and instants."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from proxy.budget import DAY, MONTH, Zone, day_at, midnight_us, period_of, resets_us, span_at
from proxy.instants import local

ZONES = [
    "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Santiago",
    "America/Havana", "America/Asuncion", "America/Sao_Paulo", "America/St_Johns", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Beirut", "Asia/Tehran", "Asia/Amman", "Africa/Cairo", "Africa/Casablanca",
    "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Chatham", "Pacific/Kiritimati",
    "Pacific/Apia", "Etc/GMT+12", "Asia/Gaza", "Atlantic/Azores", "America/Scoresbysund",
]  # fmt: skip
YEAR_US = 365 * 86_400_000_000
zones = st.sampled_from(ZONES)
instants = st.integers(40 * YEAR_US, 75 * YEAR_US)  # 2009 to 2044


@given(at_us=instants, zone=zones)
def test_an_instant_lies_in_its_own_day(at_us: int, zone: str) -> None:
    span = span_at(at_us, zone)
    assert span.start_us <= at_us < span.end_us
    assert span.day == local(at_us, zone).date().isoformat()


@given(at_us=instants, zone=zones)
def test_days_tile_time_without_gap_or_overlap(at_us: int, zone: str) -> None:
    span = span_at(at_us, zone)
    after, before = span_at(span.end_us, zone), span_at(span.start_us - 1, zone)
    assert (before.end_us, after.start_us) == (span.start_us, span.end_us)
    assert before.day < span.day < after.day
    assert 20 * 3_600_000_000 <= span.end_us - span.start_us <= 28 * 3_600_000_000


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_of_thirty_years_follows_the_one_before(zone: str) -> None:
    day = date(2010, 1, 1)
    span = span_at(midnight_us(day, zone), zone)
    while span.day < "2040":
        after = span_at(span.end_us, zone)
        assert after.start_us == span.end_us
        assert after.day > span.day
        span = after


@given(at_us=instants, zone=zones, window=st.sampled_from([DAY, MONTH]))
def test_a_budget_resets_at_the_first_instant_of_the_next_period(
    at_us: int, zone: str, window: str
) -> None:
    here = Zone(zone)
    day = day_at(at_us, here)
    resets = resets_us(day, window, here, at_us)
    period = period_of(day, window)
    assert resets > at_us
    assert period_of(day_at(resets - 1, here), window) == period
    assert period_of(day_at(resets, here), window) > period


@given(at_us=instants, old=zones, new=zones, window=st.sampled_from([DAY, MONTH]))
@example(at_us=56 * YEAR_US, old="Etc/GMT+12", new="Pacific/Kiritimati", window=DAY)
@example(at_us=56 * YEAR_US, old="Pacific/Kiritimati", new="Etc/GMT+12", window=DAY)
def test_it_also_does_so_while_its_zone_is_changing(
    at_us: int, old: str, new: str, window: str
) -> None:
    day = day_at(at_us, Zone(old))
    changing = Zone(old, resets_us(day, DAY, Zone(old), at_us), new)
    resets = resets_us(day, window, changing, at_us)
    period = period_of(day, window)
    assert resets > at_us
    assert period_of(day_at(resets - 1, changing, latest=day), window) == period
    assert period_of(day_at(resets, changing, latest=day), window) > period


@given(
    zone=zones, steps=st.lists(st.integers(-3 * 86_400, 3 * 86_400), max_size=20), at_us=instants
)
def test_a_day_never_goes_back_whatever_the_clock_does(
    zone: str, steps: list[int], at_us: int
) -> None:
    latest = ""
    for step in steps:
        at_us += step * 1_000_000
        day = day_at(at_us, Zone(zone), latest=latest)
        assert day >= latest
        assert day >= span_at(at_us, zone).day
        latest = day


@given(days=st.integers(0, 20_000))
def test_a_month_is_the_start_of_its_days(days: int) -> None:
    day = date(2000, 1, 1) + timedelta(days=days)
    assume(day.year < 2050)
    assert period_of(day.isoformat(), MONTH) == f"{day:%Y-%m}"
    assert period_of(day.isoformat(), DAY) == day.isoformat()
