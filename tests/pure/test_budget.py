"""What is left of a budget, which one refuses, and which zone its days are counted in."""

from datetime import date

import pytest

from proxy.budget import (
    DAY,
    MONTH,
    Budget,
    Standing,
    Zone,
    day_at,
    midnight_us,
    month_end,
    refusing,
    resets_us,
    tightest,
)


def standing(limit: int | None, settled: int = 0, reserved: int = 0, *, name: str = "") -> Standing:
    return Standing(Budget("key", name, DAY, limit), "2026-11-23", "UTC", settled, reserved, 0)


@pytest.mark.parametrize(
    ("limit", "settled", "reserved", "left"),
    [
        (100, 0, 0, 100),
        (100, 30, 20, 50),
        (100, 60, 40, 0),
        (100, 90, 20, 0),
        (0, 0, 0, 0),
        (None, 10**12, 5, None),
    ],
)
def test_what_is_held_counts_as_spent(
    limit: int | None, settled: int, reserved: int, left: int | None
) -> None:
    here = standing(limit, settled, reserved)
    assert (here.limit_micros, here.remaining_micros) == (limit, left)
    if left is None:
        assert here.fits(10**15)
    elif settled + reserved <= 100:
        assert here.fits(left)
        assert not here.fits(left + 1)


def test_the_first_that_has_no_room_refuses() -> None:
    wide, narrow, narrower = standing(100), standing(10), standing(5)
    assert refusing([wide, narrow, narrower], 20) is narrow
    assert refusing([wide, narrow], 10) is None
    looking_on = Standing(Budget("key", "", DAY, 1, enforced=False), "", "UTC", 0, 0, 0)
    assert refusing([looking_on], 20) is None
    assert refusing([looking_on, narrow], 20) is narrow


def test_the_tightest_has_the_least_left() -> None:
    some, least, none_left = standing(100, 50), standing(40, 5), standing(10, 20)
    assert tightest([standing(None), some, least]) is least
    assert tightest([some, none_left, standing(0)]) is none_left
    last_cent, nothing = standing(1), standing(0)
    assert tightest([last_cent, nothing]) is nothing
    assert tightest([standing(None)]) is None
    assert tightest([]) is None


@pytest.mark.parametrize(
    ("zone", "at_us", "name"),
    [
        (Zone("UTC"), 10, "UTC"),
        (Zone("UTC", 10, "Asia/Tokyo"), 9, "UTC"),
        (Zone("UTC", 10, "Asia/Tokyo"), 10, "Asia/Tokyo"),
        (Zone("UTC", None, "Asia/Tokyo"), 10, "UTC"),
        (Zone("UTC", 10), 10, "UTC"),
    ],
)
def test_a_zone_is_left_at_an_instant(zone: Zone, at_us: int, name: str) -> None:
    assert zone.at(at_us) == name


@pytest.mark.parametrize(
    ("day", "end"),
    [
        ("2026-01-31", date(2026, 2, 1)),
        ("2024-02-29", date(2024, 3, 1)),
        ("2026-12-01", date(2027, 1, 1)),
    ],
)
def test_a_month_ends_on_the_first_of_the_next(day: str, end: date) -> None:
    assert month_end(day) == end


TOKYO, UTC = "Asia/Tokyo", "UTC"
MIDNIGHT_US = midnight_us(date(2026, 11, 24), UTC)
TOKYO_US = midnight_us(date(2026, 11, 24), TOKYO)
HAVANA = "America/Havana"
HAVANA_US = midnight_us(date(2026, 11, 24), HAVANA)


@pytest.mark.parametrize(
    ("zone", "at_us", "window", "ends_us"),
    [
        pytest.param(Zone(UTC), MIDNIGHT_US - 5, DAY, MIDNIGHT_US, id="no change"),
        pytest.param(Zone(UTC, None, TOKYO), MIDNIGHT_US - 5, DAY, MIDNIGHT_US, id="no instant"),
        pytest.param(Zone(UTC, 7), MIDNIGHT_US - 5, DAY, MIDNIGHT_US, id="no zone after it"),
        pytest.param(
            Zone(UTC, MIDNIGHT_US + 1, TOKYO), MIDNIGHT_US - 5, DAY, MIDNIGHT_US, id="over before"
        ),
        pytest.param(
            Zone(UTC, MIDNIGHT_US, TOKYO), MIDNIGHT_US - 5, DAY, MIDNIGHT_US, id="over with it"
        ),
        pytest.param(
            Zone(UTC, MIDNIGHT_US, HAVANA), MIDNIGHT_US - 5, DAY, HAVANA_US, id="longer in the new"
        ),
        pytest.param(Zone(UTC, 7, HAVANA), MIDNIGHT_US, DAY, HAVANA_US, id="changed long ago"),
        pytest.param(
            Zone(UTC, TOKYO_US - 5, TOKYO), TOKYO_US - 9, DAY, TOKYO_US, id="the new one ends it"
        ),
        pytest.param(
            Zone(UTC, TOKYO_US + 5, TOKYO), TOKYO_US - 9, DAY, TOKYO_US + 5, id="over at the change"
        ),
        pytest.param(Zone(UTC, TOKYO_US - 5, TOKYO), TOKYO_US - 2, DAY, TOKYO_US, id="changed"),
        pytest.param(
            Zone(UTC, MIDNIGHT_US, TOKYO), MIDNIGHT_US - 5, MONTH,
            midnight_us(date(2026, 12, 1), TOKYO), id="a month of the new zone",
        ),
    ],
)  # fmt: skip
def test_a_period_ends_where_the_day_behind_it_begins(
    zone: Zone, at_us: int, window: str, ends_us: int
) -> None:
    assert resets_us("2026-11-23", window, zone, at_us) == ends_us


def test_a_day_is_that_of_the_zone_or_the_latest_that_was_open() -> None:
    assert day_at(MIDNIGHT_US - 1, Zone(UTC)) == "2026-11-23"
    assert day_at(MIDNIGHT_US, Zone(UTC)) == "2026-11-24"
    assert day_at(MIDNIGHT_US - 1, Zone(UTC), latest="2026-11-24") == "2026-11-24"
    assert day_at(MIDNIGHT_US, Zone(UTC), latest="2026-11-22") == "2026-11-24"
