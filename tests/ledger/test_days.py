"""Which day a fare belongs to: clocks that step, zones that change, days of 23 and 25 hours."""

import pytest

from proxy.directory import Key
from proxy.ledger.refusals import BudgetSpent
from tests.ledger.books import differences
from tests.ledger.world import Clock, Ledger

LIMIT = 100


def spend_up(ledger: Ledger, key: Key) -> str:
    """Spend the whole limit of the running day, and say which day that was."""
    fare = ledger.reserve(key, LIMIT)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)
    return fare.key_day


def key_in(ledger: Ledger, zone: str) -> Key:
    return ledger.key(daily_micros=LIMIT, timezone=zone)


@pytest.mark.parametrize(
    ("zone", "last", "day", "hours"),
    [
        ("UTC", "2026-11-23T23:59:59.999999+00:00", "2026-11-23", 24),
        ("Europe/Berlin", "2030-03-31T23:59:59.999999+02:00", "2030-03-31", 23),
        ("Europe/Berlin", "2030-10-27T23:59:59.999999+01:00", "2030-10-27", 25),
        ("America/New_York", "2030-03-10T23:59:59.999999-04:00", "2030-03-10", 23),
        ("America/New_York", "2030-11-03T23:59:59.999999-05:00", "2030-11-03", 25),
        ("Asia/Kathmandu", "2026-11-23T23:59:59.999999+05:45", "2026-11-23", 24),
        ("Australia/Lord_Howe", "2026-10-04T23:59:59.999999+11:00", "2026-10-04", 23.5),
        ("Pacific/Kiritimati", "2026-12-31T23:59:59.999999+14:00", "2026-12-31", 24),
        ("America/Santiago", "2026-09-06T23:59:59.999999-03:00", "2026-09-06", 23),
        ("America/Santiago", "2026-04-04T23:59:59.999999-04:00", "2026-04-04", 25),
        ("Africa/Cairo", "2026-04-24T23:59:59.999999+03:00", "2026-04-24", 23),
        ("Asia/Beirut", "2026-03-29T23:59:59.999999+03:00", "2026-03-29", 23),
    ],
)
def test_a_day_lasts_to_its_last_microsecond_and_the_next_has_a_limit_of_its_own(
    ledger: Ledger, clock: Clock, zone: str, last: str, day: str, hours: float
) -> None:
    key = key_in(ledger, zone)
    clock.set(last)
    clock.now_us -= int(hours * 3_600_000_000) - 1  # the first microsecond of the day
    assert spend_up(ledger, key) == day
    clock.set(last)
    with pytest.raises(BudgetSpent) as refused:
        ledger.reserve(key, 1)
    assert refused.value.refused.resets_us == clock.now_us + 1
    clock.now_us += 1
    assert spend_up(ledger, key) > day
    assert ledger.count("balances", "scope=? AND \"window\"='day'", (f"key:{key.id}",)) == 2


def test_the_hour_that_comes_twice_is_one_day(ledger: Ledger, clock: Clock) -> None:
    key = key_in(ledger, "America/Havana")  # clocks go back from 1:00 to 0:00
    clock.set("2026-11-01T00:30:00-04:00")
    assert spend_up(ledger, key) == "2026-11-01"
    clock.set("2026-11-01T00:30:00-05:00")
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)


def test_at_the_end_of_a_year_day_and_month_start_anew(ledger: Ledger, clock: Clock) -> None:
    key = ledger.key(daily_micros=LIMIT, monthly_micros=LIMIT, timezone="Europe/Berlin")
    clock.set("2026-12-31T22:59:59+00:00")
    assert spend_up(ledger, key) == "2026-12-31"
    clock.set("2026-12-31T23:00:00+00:00")
    assert spend_up(ledger, key) == "2027-01-01"
    assert ledger.used(key, "2026-12") == ledger.used(key, "2027-01") == (0, LIMIT)


def test_a_fare_belongs_to_the_day_of_its_admission(ledger: Ledger, clock: Clock) -> None:
    key = key_in(ledger, "UTC")
    clock.set("2026-11-30T23:59:58+00:00")
    fare = ledger.reserve(key, LIMIT)
    clock.step(minutes=5)
    ledger.settle(fare)
    assert ledger.used(key, "2026-11-30") == ledger.used(key, "2026-11") == (LIMIT, 0)
    assert ledger.used(key, "2026-12-01") == (0, 0)
    spend_up(ledger, key)
    assert differences(ledger.session) == []


def test_one_fare_lies_in_different_days_of_its_key_and_its_team(
    ledger: Ledger, clock: Clock
) -> None:
    key = ledger.key(team="blue", timezone="Pacific/Auckland")
    clock.set("2026-11-30T12:00:00+00:00")
    fare = ledger.reserve(key, LIMIT)
    ledger.settle(fare)
    assert ledger.used(key, "2026-12-01") == ledger.used(key, "2026-12") == (LIMIT, 0)
    for scope in ("team:blue", "installation"):
        assert ledger.balance(scope, "2026-11-30") == (LIMIT, 0)
        assert ledger.balance(scope, "2026-11") == (LIMIT, 0)
    assert differences(ledger.session) == []


@pytest.mark.parametrize("back", [{"minutes": 2}, {"hours": 30}, {"days": 40}])
def test_a_clock_set_back_over_midnight_opens_no_day_again(
    ledger: Ledger, clock: Clock, back: dict[str, int]
) -> None:
    key = ledger.key(daily_micros=LIMIT, team="blue")
    ledger.set_team("blue", daily_micros=2 * LIMIT)
    clock.set("2026-11-23T23:59:00+00:00")
    spend_up(ledger, key)
    clock.set("2026-11-24T00:01:00+00:00")
    spend_up(ledger, key)
    clock.step(**{unit: -n for unit, n in back.items()})
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)
    assert ledger.standing(key).period == "2026-11-24"
    clock.set("2026-11-25T00:00:00+00:00")
    assert spend_up(ledger, key) == "2026-11-25"


def test_a_clock_that_jumps_ahead_a_day_and_back_grants_the_day_between_once(
    ledger: Ledger, clock: Clock
) -> None:
    key = key_in(ledger, "UTC")
    spend_up(ledger, key)
    clock.step(days=1)
    spend_up(ledger, key)
    clock.step(days=-1)
    for _ in range(3):
        with pytest.raises(BudgetSpent):
            ledger.reserve(key, 1)
    clock.step(days=1)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)


def test_a_process_that_sleeps_over_midnight_wakes_up_in_the_right_day(
    ledger: Ledger, clock: Clock
) -> None:
    key = key_in(ledger, "UTC")
    spend_up(ledger, key)
    ledger.close()
    clock.step(days=3)
    woken = ledger.another()
    assert spend_up(woken, key) == "2026-11-26"
    woken.close()


@pytest.mark.parametrize(
    ("before", "after", "next_day_at", "next_day"),
    [
        pytest.param(
            "UTC",
            "America/Los_Angeles",
            "2026-11-24T08:00:00+00:00",
            "2026-11-24",
            id="to the west",
        ),
        pytest.param(
            "UTC", "Asia/Tokyo", "2026-11-24T00:00:00+00:00", "2026-11-24", id="to the east"
        ),
        pytest.param(
            "Etc/GMT+12", "Pacific/Kiritimati", "2026-11-24T12:00:00+00:00", "2026-11-25", id="far"
        ),
    ],
)
def test_a_changed_zone_takes_effect_at_the_end_of_the_running_day(
    ledger: Ledger, clock: Clock, before: str, after: str, next_day_at: str, next_day: str
) -> None:
    key = key_in(ledger, before)
    clock.set("2026-11-23T13:00:00+00:00")
    assert spend_up(ledger, key) == "2026-11-23"
    ledger.set_key(timezone=after)
    with pytest.raises(BudgetSpent) as refused:
        ledger.reserve(key, 1)
    resets = refused.value.refused.resets_us
    clock.set(next_day_at)
    assert resets == clock.now_us
    clock.now_us -= 1
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)
    clock.now_us += 1
    assert spend_up(ledger, key) == next_day


def test_zones_changed_to_and_fro_grant_no_day_twice(ledger: Ledger, clock: Clock) -> None:
    key = key_in(ledger, "UTC")
    days = set()
    for hour in range(0, 96, 4):
        zone = ("Pacific/Kiritimati", "Etc/GMT+12", "UTC", "Asia/Kathmandu")[hour // 4 % 4]
        ledger.set_key(timezone=zone)
        fare = ledger.store.commit([ledger.order(key, LIMIT)])[0]
        if not isinstance(fare, BudgetSpent):
            assert fare.fare.key_day not in days
            days.add(fare.fare.key_day)
        clock.step(hours=4)
    assert len(days) <= 5


def test_the_installations_zone_changes_at_the_end_of_its_day(url: str, clock: Clock) -> None:
    ledger = Ledger(url, clock, timezone="UTC")
    ledger.set_team("*", daily_micros=LIMIT)
    key = ledger.key()
    ledger.reserve(key, LIMIT)
    moved = ledger.another(timezone="America/Los_Angeles")
    clock.set("2026-11-24T07:59:59+00:00")
    for node in (ledger, moved):
        with pytest.raises(BudgetSpent):
            node.reserve(key, 1)
    clock.set("2026-11-24T08:00:00+00:00")
    moved.reserve(key, LIMIT)
    assert moved.balance("installation", "2026-11-24") == (0, LIMIT)
    for node in (ledger, moved):
        node.close()


@pytest.mark.parametrize("database", ["postgresql"])
def test_postgresql_decides_the_day_for_nodes_whose_clocks_differ(url: str) -> None:
    nodes = [Ledger(url), Ledger(url)]  # no clock of their own is asked
    key = nodes[0].key(daily_micros=LIMIT)
    seen = [node.session.now_us() for node in nodes]
    assert abs(seen[0] - seen[1]) < 60_000_000
    nodes[0].reserve(key, LIMIT)
    with pytest.raises(BudgetSpent):
        nodes[1].reserve(key, 1)
    for node in nodes:
        node.close()


@pytest.mark.parametrize("ahead_s", [300, -300])
def test_nodes_whose_clocks_differ_by_five_minutes_share_each_day(
    ledger: Ledger, clock: Clock, ahead_s: int
) -> None:
    other = Clock("2026-11-23T12:00:00+00:00")
    node = ledger.another(clock=other)
    key = key_in(ledger, "UTC")
    granted = 0
    for minute in range(20):
        clock.set("2026-11-23T23:50:00+00:00")
        clock.step(minutes=minute)
        other.now_us = clock.now_us + ahead_s * 1_000_000
        for place in (ledger, node):
            result = place.store.commit([place.order(key, LIMIT)])[0]
            granted += not isinstance(result, BudgetSpent)
    assert granted == 2  # one a day
    node.close()
