"""Keys that are renamed, moved, turned away or adopted, and money too big to be true."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.directory import Key
from proxy.ledger import registry
from proxy.ledger.operation import Receipt
from proxy.ledger.outcomes import Decide
from proxy.ledger.refusals import BudgetSpent
from proxy.ledger.session import LedgerFault
from proxy.ledger.writer import Writer
from tests.ledger.books import differences
from tests.ledger.world import Ledger, price

DAY = "2026-11-23"


def test_renaming_rotating_and_moving_a_key_keep_what_it_spent(ledger: Ledger) -> None:
    key = ledger.key(team="blue", daily_micros=300)
    held, settled = ledger.reserve(key, 100), ledger.reserve(key, 100)
    ledger.settle(settled)
    ledger.store.transact(registry.rotate("web", actor="test", grace_us=1))
    ledger.store.transact(registry.set_key("web", {"name": "app"}, actor="test"))
    moved = ledger.set_key("app", team="red")
    with pytest.raises(BudgetSpent):
        ledger.reserve(moved, 101)
    new = ledger.reserve(moved, 100)
    for fare in (held, new):
        ledger.settle(fare)
    assert ledger.used(key, DAY) == (300, 0)
    assert ledger.balance("team:blue", DAY) == (200, 0)
    assert ledger.balance("team:red", DAY) == (100, 0)
    assert differences(ledger.session) == []


def test_a_fare_of_a_moved_key_tells_where_its_new_team_stands(ledger: Ledger) -> None:
    ledger.set_team("red", daily_micros=500)
    key, other = ledger.key(team="blue"), ledger.key("other", team="red")
    fare = ledger.reserve(key)
    ledger.reserve(other, 200)
    ledger.set_key(team="red")
    standing = next(s for s in ledger.settle(fare).standings if s.budget.scope == "team")
    assert standing.remaining_micros == 300


def test_the_first_calls_of_a_new_key_on_many_nodes_share_one_limit(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=300)
    nodes = [ledger.another() for _ in range(8)]
    together = Barrier(len(nodes), timeout=20)

    def first(node: Ledger) -> object:
        together.wait()
        return node.store.commit([node.order(key, 100)])[0]

    with ThreadPoolExecutor(len(nodes)) as pool:
        results = list(pool.map(first, nodes))
    assert sum(isinstance(r, Receipt) for r in results) == 3
    assert sum(isinstance(r, BudgetSpent) for r in results) == 5
    assert ledger.used(key, DAY) == (0, 300)
    assert differences(ledger.session) == []
    for node in nodes:
        node.close()


def test_a_key_that_the_upstream_turned_away_leaves_no_rows(ledger: Ledger) -> None:
    stranger = Key(registry.own_id("ab" * 8), "own", own=True, fingerprint="ab" * 8)
    fares = [ledger.reserve(stranger, provisional=True) for _ in range(2)]
    for fare in fares:
        ledger.purge(fare)
    for table, column in (("charges", "key_id"), ("keys", "id")):
        assert ledger.count(table, f"{column}=?", (stranger.id,)) == 0
    assert ledger.count("balances", "scope=?", (f"key:{stranger.id}",)) == 0
    assert ledger.count("entries") == 0
    assert ledger.balance("installation", DAY) == (0, 0)
    assert differences(ledger.session) == []


def test_a_fare_purged_and_then_decided_in_one_batch_moves_no_money_twice(ledger: Ledger) -> None:
    from proxy.charge import Ground  # noqa: PLC0415
    from proxy.ledger.outcomes import Purge  # noqa: PLC0415

    stranger = Key(registry.own_id("ab" * 8), "own", own=True, fingerprint="ab" * 8)
    other = ledger.reserve(stranger, 500, provisional=True)
    fare = ledger.reserve(stranger, 100, provisional=True)
    ledger.store.commit([Purge(fare.id), Decide(fare.id, 1, Ground.ANSWER)])
    assert ledger.used(stranger, DAY) == (0, 500)
    ledger.purge(other)
    assert differences(ledger.session) == []


def test_once_its_key_is_kept_a_call_is_released_and_not_forgotten(ledger: Ledger) -> None:
    stranger = Key(registry.own_id("cd" * 8), "own", own=True, fingerprint="cd" * 8)
    fare = ledger.reserve(stranger, provisional=True)
    key = ledger.store.transact(registry.keep_own("cd" * 8))
    assert key.id == stranger.id
    ledger.purge(fare)
    assert ledger.state(fare) == "released"
    assert differences(ledger.session) == []


def test_adoption_keeps_what_was_spent_today(ledger: Ledger) -> None:
    stranger = Key(registry.own_id("ef" * 8), "own", own=True, fingerprint="ef" * 8)
    ledger.settle(ledger.reserve(stranger, 100, provisional=True))
    key = ledger.store.transact(
        registry.adopt("ef" * 8, name="design", actor="test", daily_micros=150)
    )
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 51)
    ledger.reserve(key, 50)


BIG = 10**12  # a million dollars, the dearest price there can be


def test_money_of_a_billion_dollars_is_exact(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=2**62)
    for _ in range(20):
        ledger.settle(ledger.reserve(key, BIG - 1, price=price(BIG - 1, images=10)), 10)
    assert ledger.used(key, DAY) == (200 * (BIG - 1), 0)
    assert ledger.standing(key).remaining_micros == 2**62 - 200 * (BIG - 1)
    assert differences(ledger.session) == []


def test_what_does_not_fit_64_bits_is_refused_whole_and_disturbs_nobody(ledger: Ledger) -> None:
    key, other = ledger.key(), ledger.key("other")
    for _ in range(3):
        ledger.reserve(key, 2**61)
    orders = [ledger.order(other), ledger.order(key, 2**61), ledger.order(other)]
    good, bad, fine = ledger.store.commit(orders)
    assert isinstance(good, Receipt)
    assert isinstance(fine, Receipt)
    assert isinstance(bad, LedgerFault)
    assert ledger.used(key, DAY) == (0, 3 * 2**61)
    assert ledger.used(other, DAY) == (0, 200)
    assert differences(ledger.session) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prices=st.lists(st.integers(0, 400), min_size=1, max_size=12), limit=st.integers(0, 1000))
def test_no_run_of_calls_is_promised_more_than_the_limit(
    ledger: Ledger, prices: list[int], limit: int
) -> None:
    key = ledger.key(f"k{ledger.count('keys')}", daily_micros=limit)
    taken = 0
    results = ledger.store.commit([ledger.order(key, micros) for micros in prices])
    for micros, result in zip(prices, results, strict=True):
        fits = taken + micros <= limit
        assert isinstance(result, Receipt if fits else BudgetSpent)
        taken += micros * fits
    assert ledger.used(key, DAY) == (0, taken)


async def test_callers_of_one_process_share_one_limit_through_the_writer(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=1000)
    writer = Writer(ledger.store, asyncio.get_running_loop())
    writer.start()
    asked = (writer.do(ledger.order(key, 100)) for _ in range(60))
    results = await asyncio.gather(*asked, return_exceptions=True)
    await writer.close()
    assert sum(isinstance(r, Receipt) for r in results) == 10
    assert ledger.used(key, DAY) == (0, 1000)
