"""What binds a caller: its allow-list, its limits and those above it, and who is stopped."""

from dataclasses import replace

import pytest

from proxy.budget import Budget, Zone
from proxy.directory import ACTIVE, PAUSED, REVOKED, UNLIMITED, Key, Team, limited
from tests.pure.booking import DAY, WEB, directory


@pytest.mark.parametrize(
    ("models", "allowed"),
    [
        ((), True),
        (("banana",), True),
        (("other", "BANANA"), True),
        (("Banana@1k",), True),
        (("banana@2K",), False),
        (("other",), False),
        (("banana-pro",), False),
    ],
)
def test_an_allow_list_names_models_or_models_at_a_resolution(
    models: tuple[str, ...], *, allowed: bool
) -> None:
    assert replace(WEB, models=models).allows("banana", "1K") is allowed
    assert replace(WEB, models=models).allows("Banana", "1K") is allowed


@pytest.mark.parametrize(
    ("own", "default", "limit"),
    [
        (None, None, None),
        (None, 150, 150),
        (100, 150, 100),
        (0, 150, 0),
        (-1, 150, None),
        (None, -1, None),
    ],
)
def test_a_key_without_a_daily_limit_has_the_default(
    own: int | None, default: int | None, limit: int | None
) -> None:
    key = replace(WEB, daily_micros=own)
    assert directory(key, default_daily_micros=default).day_limit(key, DAY) == limit


def test_a_top_up_counts_on_its_day() -> None:
    key = replace(WEB, daily_micros=100, topup_day=DAY, topup_micros=25)
    assert directory(key).day_limit(key, DAY) == 125
    assert directory(key).day_limit(key, "2025-11-25") == 100
    assert directory(key).day_limit(replace(key, daily_micros=-1), DAY) is None


@pytest.mark.parametrize(("stored", "limit"), [(None, None), (-1, None), (0, 0), (5, 5)])
def test_a_limit_that_is_not_stored_is_none(stored: int | None, limit: int | None) -> None:
    assert limited(stored) == limit


def test_a_key_is_held_to_its_own_budgets_its_teams_and_everybodys() -> None:
    key = replace(WEB, daily_micros=1, monthly_micros=2, shadow=True)
    there = directory(key, teams=(Team("blue", 3, 4), Team("*", 5, 6)))
    own = (Budget("key", "web", "day", 1, enforced=False),
           Budget("key", "web", "month", 2, enforced=False))  # fmt: skip
    above = (Budget("installation", "*", "day", 5), Budget("installation", "*", "month", 6))
    assert there.own_budgets(key, DAY) == own
    assert there.budgets(key, DAY) == (
        *own, Budget("team", "blue", "day", 3), Budget("team", "blue", "month", 4), *above,
    )  # fmt: skip
    alone = replace(key, team="", shadow=False)
    assert there.budgets(alone, DAY) == (*(replace(each, enforced=True) for each in own), *above)


def test_a_team_that_nobody_wrote_down_has_no_limit() -> None:
    budgets = directory(WEB).budgets(WEB, DAY)
    assert [(each.scope, each.name, each.limit_micros) for each in budgets] == [
        (scope, name, None)
        for scope, name in (("key", "web"), ("team", "blue"), ("installation", "*"))
        for _ in range(2)
    ]
    assert {each.enforced for each in budgets} == {True}


@pytest.mark.parametrize(
    ("key", "teams", "scope"),
    [
        (WEB, (), None),
        (WEB, (Team("blue"), Team("*")), None),
        (replace(WEB, state="paused"), (Team("*", state="paused"),), "key"),
        (replace(WEB, state="revoked"), (), None),
        (WEB, (Team("blue", state="paused"), Team("*", state="paused")), "team"),
        (WEB, (Team("*", state="paused"),), "installation"),
        (WEB, (Team("red", state="paused"), Team("", state="paused")), None),
        (replace(WEB, team=""), (Team("", state="paused"),), None),
    ],
)
def test_the_narrowest_that_is_paused_is_named(
    key: Key, teams: tuple[Team, ...], scope: str | None
) -> None:
    assert directory(key, teams=teams).paused(key) == scope


def test_a_state_is_stored_as_it_is_shown() -> None:
    assert (ACTIVE, PAUSED, REVOKED, UNLIMITED) == ("active", "paused", "revoked", -1)


def test_what_is_worked_out_is_no_part_of_a_directory() -> None:
    here, there = directory(WEB), directory(WEB)
    here.worked_out["k1"] = ()
    assert here == there
    assert replace(here, revision=2).worked_out == {}


def test_a_key_counts_its_days_in_its_own_zone_if_it_has_one() -> None:
    there = directory(WEB, zone=Zone("Asia/Tokyo"))
    assert there.zone_of(WEB).name == "Asia/Tokyo"
    assert there.zone_of(replace(WEB, zone=Zone("UTC"))).name == "UTC"


def test_a_key_that_says_nothing_of_itself_is_an_active_one_without_limits() -> None:
    assert Key("k1", "web") == Key(
        "k1", "web", own=False, adopted=False, public="", digest=b"", old_digest=b"",
        old_public="", old_until_us=0, fingerprint="", team="", daily_micros=None,
        monthly_micros=None, topup_day="", topup_micros=0, zone=None, models=(),
        max_price_micros=None, expires_us=None, shadow=False, state="active",
        upstream_key_env="", tags={}, version=0, created_us=0,
    )  # fmt: skip
    assert Team("blue") == Team("blue", None, None, "active", 0)
    assert (directory().prices, directory().counting) == ({}, frozenset())
