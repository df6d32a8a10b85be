"""Limits: whose, over which window, and what happens when they change while money is held."""

import pytest

from proxy.directory import UNLIMITED
from proxy.ledger import registry
from proxy.ledger.operation import Receipt
from proxy.ledger.refusals import BudgetSpent, KeyGone, KeyHeld
from tests.ledger.world import Ledger

DAY, MONTH = "2026-11-23", "2026-11"


@pytest.mark.parametrize("k", [1, 2, 3, 10, 67, 100, 200])
def test_the_last_cent_is_sold_and_not_one_more(ledger: Ledger, k: int) -> None:
    key = ledger.key(daily_micros=k * 40_200)
    results = ledger.store.commit([ledger.order(key, 40_200) for _ in range(k + 1)])
    assert [isinstance(r, BudgetSpent) for r in results] == [False] * k + [True]
    assert ledger.used(key, DAY) == (0, k * 40_200)


def test_the_last_cent_holds_for_every_count_up_to_200(ledger: Ledger) -> None:
    for k in range(1, 201):
        key = ledger.key(f"k{k}", daily_micros=k * 40_200)
        results = ledger.store.commit([ledger.order(key, 40_200) for _ in range(k + 1)])
        assert sum(isinstance(r, Receipt) for r in results) == k


@pytest.mark.parametrize(
    ("facts", "team", "everything", "scope", "window"),
    [
        pytest.param({"daily_micros": 100}, {}, {}, "key", "day", id="the key's day"),
        pytest.param({"monthly_micros": 100}, {}, {}, "key", "month", id="the key's month"),
        pytest.param({}, {"daily_micros": 100}, {}, "team", "day", id="the team's day"),
        pytest.param({}, {"monthly_micros": 100}, {}, "team", "month", id="the team's month"),
        pytest.param({}, {}, {"daily_micros": 100}, "installation", "day", id="everybody's day"),
        pytest.param({}, {}, {"monthly_micros": 100}, "installation", "month", id="their month"),
    ],
)
def test_every_budget_that_binds_can_refuse(
    ledger: Ledger,
    facts: dict[str, int],
    team: dict[str, int],
    everything: dict[str, int],
    scope: str,
    window: str,
) -> None:
    ledger.set_team("blue", **team)
    ledger.set_team("*", **everything)
    key = ledger.key(team="blue", **facts)
    ledger.reserve(key, 60)
    with pytest.raises(BudgetSpent) as refused:
        ledger.reserve(key, 41)
    budget = refused.value.refused.budget
    assert (budget.scope, budget.window) == (scope, window)
    ledger.reserve(key, 40)
    for place in (f"key:{key.id}", "team:blue", "installation"):
        assert ledger.balance(place, DAY) == ledger.balance(place, MONTH) == (0, 100)


def test_a_team_shares_its_limit_and_a_refusal_takes_nothing_anywhere(ledger: Ledger) -> None:
    ledger.set_team("blue", daily_micros=150)
    one, two = ledger.key("one", team="blue"), ledger.key("two", team="blue", daily_micros=500)
    ledger.reserve(one, 100)
    with pytest.raises(BudgetSpent):
        ledger.reserve(two, 51)
    assert ledger.used(two, DAY) == (0, 0)
    assert ledger.count("charges") == 1


def test_yesterdays_spend_counts_in_the_month(ledger: Ledger) -> None:
    assert ledger.clock is not None
    key = ledger.key(daily_micros=100, monthly_micros=150)
    ledger.settle(ledger.reserve(key, 100))
    ledger.clock.step(days=1)
    with pytest.raises(BudgetSpent) as refused:
        ledger.reserve(key, 51)
    assert refused.value.refused.budget.window == "month"
    ledger.reserve(key, 50)


def test_a_limit_lowered_below_what_is_used_refuses_the_next_and_keeps_the_counts(
    ledger: Ledger,
) -> None:
    key = ledger.key(daily_micros=1000)
    held = ledger.reserve(key, 400)
    ledger.set_key(daily_micros=100)
    assert ledger.used(key, DAY) == (0, 400)
    assert ledger.standing(key).remaining_micros == 0
    for micros in (0, 1):
        with pytest.raises(BudgetSpent):
            ledger.reserve(key, micros)
    ledger.release(held)
    ledger.reserve(key, 100)


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        pytest.param(500, 400, id="raised"),
        pytest.param(UNLIMITED, 10**12, id="unlimited"),
        pytest.param(None, 50, id="removed: the documented default, never unlimited by accident"),
    ],
)
def test_a_changed_limit_counts_what_was_spent_before(
    url: str, limit: int | None, fits: int
) -> None:
    ledger = Ledger(url, default_daily_micros=150)
    key = ledger.key(daily_micros=100)
    ledger.reserve(key, 100)
    ledger.set_key(daily_micros=limit)
    if limit != UNLIMITED:
        with pytest.raises(BudgetSpent):
            ledger.reserve(key, fits + 1)
    ledger.reserve(key, fits)
    ledger.close()


def test_a_top_up_is_for_the_running_day_only(ledger: Ledger) -> None:
    assert ledger.clock is not None
    key = ledger.key(daily_micros=100)
    ledger.reserve(key, 100)
    for _ in range(2):
        ledger.store.transact(registry.top_up("web", 25, actor="test"))
    ledger.reserve(key, 50)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)
    ledger.clock.step(days=1)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 101)
    ledger.reserve(key, 100)
    ledger.store.transact(registry.top_up("web", 25, actor="test"))
    ledger.reserve(key, 25)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)


def test_a_top_up_reaches_the_day_that_the_key_is_in_after_the_clock_went_back(
    ledger: Ledger,
) -> None:
    assert ledger.clock is not None
    key = ledger.key(daily_micros=100)
    ledger.clock.set("2026-11-24T00:01:00+00:00")
    ledger.reserve(key, 100)
    ledger.clock.step(minutes=-2)
    ledger.store.transact(registry.top_up("web", 25, actor="test"))
    ledger.reserve(key, 25)
    assert ledger.used(key, "2026-11-24") == (0, 125)


def test_a_shadow_key_is_not_refused_by_its_own_limits(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=100, shadow=1)
    assert not ledger.do(ledger.order(key, 100)).shadowed
    assert ledger.do(ledger.order(key, 1)).shadowed
    assert ledger.standing(key).remaining_micros == 0
    assert ledger.balance("installation", DAY) == (0, 101)


@pytest.mark.parametrize("shared", ["blue", "*"])
def test_a_shadow_key_counts_in_shared_budgets_which_still_refuse(
    ledger: Ledger, shared: str
) -> None:
    ledger.set_team(shared, daily_micros=100)
    key = ledger.key(team="blue", daily_micros=10, shadow=1)
    ledger.reserve(key, 100)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param(lambda n: n.set_key(state="revoked"), KeyGone, id="revoked"),
        pytest.param(lambda n: n.set_key(state="paused"), KeyHeld, id="paused"),
        pytest.param(lambda n: n.set_team("blue", state="paused"), KeyHeld, id="team paused"),
        pytest.param(lambda n: n.set_team("*", state="paused"), KeyHeld, id="everybody paused"),
    ],
)
def test_a_key_stopped_on_another_node_is_refused_by_the_very_next_transaction(
    ledger: Ledger, change: object, refusal: type[Exception]
) -> None:
    key = ledger.key(team="blue")
    fare = ledger.reserve(key)
    node = ledger.another()
    change(node)  # type: ignore[operator]
    with pytest.raises(refusal):
        ledger.reserve(key)
    ledger.settle(fare)  # what is in flight is still settled
    assert ledger.used(key, DAY) == (100, 0)
    node.close()


def test_a_limit_lowered_on_another_node_is_obeyed_at_once(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=1000)
    node = ledger.another()
    node.set_key(daily_micros=50)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 51)
    node.close()
