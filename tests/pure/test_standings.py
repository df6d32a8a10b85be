"""Where the budgets of a key stand in a transaction."""

from dataclasses import replace

import pytest

from proxy.budget import MONTH as A_MONTH
from proxy.budget import Zone
from proxy.charge import Ground
from proxy.directory import Team
from proxy.ledger.operation import receipt
from proxy.ledger.outcomes import Decide
from proxy.ledger.view import View, days_of, frames, limited, own_standings, scope_of
from tests.pure.booking import (
    DAY,
    MONTH,
    NOW_US,
    WEB,
    after,
    balances,
    empty,
    order,
)


def test_every_budget_of_a_key_stands_in_its_receipt() -> None:
    key = replace(WEB, daily_micros=1000, monthly_micros=2000)
    teams = (Team("blue", 3000, 4000), Team("*", 5000, 6000))
    view = empty(key, teams=teams)
    first = order(key=key).apply(view)
    assert [
        (s.budget.scope, s.budget.name, s.budget.window, s.limit_micros, s.reserved_micros)
        for s in first.standings
    ] == [
        ("key", "web", "day", 1000, 200),
        ("key", "web", "month", 2000, 200),
        ("team", "blue", "day", 3000, 200),
        ("team", "blue", "month", 4000, 200),
        ("installation", "*", "day", 5000, 200),
        ("installation", "*", "month", 6000, 200),
    ]
    assert [s.period for s in first.standings] == [DAY, MONTH] * 3
    assert {s.timezone for s in first.standings} == {"UTC"}
    assert len({s.resets_us for s in first.standings}) == 2
    settled = Decide("fb_1", 2, Ground.ANSWER).apply(view)
    assert {(s.settled_micros, s.reserved_micros) for s in settled.standings} == {(200, 0)}


def test_a_charge_whose_key_is_gone_has_no_budgets() -> None:
    view = empty(teams=(Team("blue", monthly_micros=3000),))
    fare = order().apply(view).fare
    gone = View(NOW_US, replace(view.directory, keys={}), view.fares, view.balances)
    assert receipt(gone, fare).standings == ()
    assert receipt(gone, fare).changed
    assert not receipt(gone, fare, changed=False).changed
    (left,) = receipt(view, fare).standings
    assert (left.budget.scope, left.reserved_micros) == ("team", 200)


def test_the_budgets_that_a_key_shares_with_nobody_stand_alone() -> None:
    key = replace(WEB, monthly_micros=2000)
    view = empty(key, teams=(Team("blue", 3000),))
    order(key=key).apply(view)
    (standing,) = own_standings(view, key)
    assert (standing.budget.window, standing.reserved_micros) == (A_MONTH, 200)
    assert own_standings(view, replace(WEB, monthly_micros=None)) == ()


def test_a_day_that_has_begun_is_not_left_again() -> None:
    view = empty()
    assert days_of(view, WEB) == (DAY, DAY)
    view.latest.update({"key:k1": "2025-11-25", "installation": "2025-11-26"})
    assert days_of(view, WEB) == ("2025-11-25", "2025-11-26")
    fare = order().apply(view).fare
    assert (fare.key_day, fare.day) == ("2025-11-25", "2025-11-26")
    assert [period for (scope, period) in balances(view) if scope == "team:blue"] == [
        "2025-11-26",
        "2025-11",
    ]


def test_a_balance_is_named_after_who_it_belongs_to() -> None:
    assert [scope_of(each, WEB) for each in ("key", "team", "installation")] == [
        "key:k1",
        "team:blue",
        "installation",
    ]


def test_what_of_a_budget_does_not_move_with_money_is_worked_out_once() -> None:
    view = empty(teams=(Team("*", monthly_micros=3000),))
    found = frames(view, WEB, DAY, DAY)
    assert frames(view, WEB, DAY, DAY) is found
    assert frames(after(view), WEB, DAY, DAY) is found
    assert [place for _, place, _, _ in found][:2] == [
        ("key:k1", "day", DAY),
        ("key:k1", "month", MONTH),
    ]
    assert [frame.budget.limit_micros for frame in limited(found)] == [3000]
    for key_day, day in (("2025-11-25", DAY), (DAY, "2025-11-25")):
        other = frames(view, WEB, key_day, day)
        assert [place[2] for _, place, _, _ in other] == [
            key_day, MONTH, day, MONTH, day, MONTH,
        ]  # fmt: skip
    assert frames(view, WEB, DAY, DAY) is found


def test_a_key_of_an_older_revision_is_not_taken_for_the_one_of_now() -> None:
    view = empty()
    older = replace(WEB, monthly_micros=7)
    assert limited(frames(view, WEB, DAY, DAY)) == []
    (mine,) = limited(frames(view, older, DAY, DAY))
    assert mine.budget.limit_micros == 7
    assert limited(frames(view, WEB, DAY, DAY)) == []
    assert len(view.directory.worked_out) == 1


def test_a_zone_that_changes_is_worked_out_again() -> None:
    key = replace(WEB, zone=Zone("UTC", NOW_US + 1, "Asia/Tokyo"))
    view = empty(key)
    assert frames(view, key, DAY, DAY)[0].zone == "UTC"
    assert frames(after(view), key, DAY, DAY)[0].zone == "Asia/Tokyo"
    shared = empty(zone=Zone("UTC", NOW_US + 1, "Asia/Tokyo"))
    assert frames(shared, WEB, DAY, DAY)[2].zone == "UTC"
    assert frames(after(shared), WEB, DAY, DAY)[2].zone == "Asia/Tokyo"
    apart = replace(WEB, zone=Zone("UTC"))
    shared = empty(apart, zone=Zone("UTC", NOW_US + 1, "Asia/Tokyo"))
    for view, zone in ((shared, "UTC"), (after(shared), "Asia/Tokyo")):
        assert [each.zone for each in frames(view, apart, DAY, DAY)] == ["UTC"] * 2 + [zone] * 4


def test_each_key_has_budgets_of_its_own() -> None:
    other = replace(WEB, id="k2", team="")
    view = empty(WEB, other)
    assert len(frames(view, WEB, DAY, DAY)) == 6
    assert [each.place[0] for each in frames(view, other, DAY, DAY)] == [
        "key:k2", "key:k2", "installation", "installation",
    ]  # fmt: skip


def test_a_counter_adds_up() -> None:
    view = empty()
    for label, by in (("up", 2), ("down", 1), ("up", 3)):
        view.count("corrections", label, by)
    view.count("overruns", "up")
    assert view.tallies == {
        ("corrections", "up"): 5, ("corrections", "down"): 1, ("overruns", "up"): 1,
    }  # fmt: skip


def test_what_is_worked_out_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.ledger.view.FRAMES_MAX", 3)
    view = empty()
    for number in range(10, 20):
        day = f"2025-11-{number}"
        assert frames(view, WEB, day, day)[0].place == ("key:k1", "day", day)
        assert len(view.directory.worked_out) <= 3
    assert len(view.directory.worked_out) == 1
