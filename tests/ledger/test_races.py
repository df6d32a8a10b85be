"""Nodes that do the same thing at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from pricing import Quote
from proxy.charge import Ground
from proxy.ledger import registry
from proxy.ledger.fare import Kept
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.outcomes import Accept, Decide
from proxy.ledger.refusals import Repeated
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from tests.ledger.books import differences
from tests.ledger.world import ACCOUNT, Clock, Ledger, quote

ROUNDS = 8
DAY = "2026-11-23"


def at_once(nodes: list[Ledger], make: Callable[[int], Operation]) -> list[Any]:
    """Commit an operation on every node at once."""
    together = Barrier(len(nodes), timeout=20)

    def one(number: int) -> Any:
        operation = make(number)
        together.wait()
        return nodes[number].store.commit([operation])[0]

    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(one, range(len(nodes))))


@pytest.fixture
def nodes(ledger: Ledger) -> Any:
    opened = [ledger.another() for _ in range(4)]
    yield opened
    for node in opened:
        node.close()


def test_an_id_handed_out_to_many_nodes_at_once_is_one_fares(
    ledger: Ledger, nodes: list[Ledger]
) -> None:
    key = ledger.key()
    for number in range(ROUNDS):
        fares = [ledger.reserve(key) for _ in nodes]
        results = at_once(nodes, lambda n, f=fares, p=f"p{number}": Accept(f[n].id, ACCOUNT, p))  # type: ignore[misc]
        states = sorted(result.fare.state for result in results)
        assert states == ["accepted", "uncertain", "uncertain", "uncertain"]
    assert differences(ledger.session) == []


def test_an_outcome_that_every_node_sees_at_once_counts_once(
    ledger: Ledger, nodes: list[Ledger]
) -> None:
    key = ledger.key()
    outcomes = [1, None, 2, 1]
    for number in range(ROUNDS):
        fare = ledger.reserve(key)
        results = at_once(nodes, lambda n, f=fare: Decide(f.id, outcomes[n], Ground.ANSWER))  # type: ignore[misc]
        kinds = ledger.kinds(fare)[1:]
        assert kinds in (["settle"], ["release", "correct"]), number  # images after a failure
        assert sum(result.changed for result in results) == len(kinds)
    assert ledger.used(key, DAY)[1] == 0
    assert differences(ledger.session) == []


def test_an_idempotency_key_used_on_every_node_at_once_buys_once(
    ledger: Ledger, nodes: list[Ledger]
) -> None:
    key = ledger.key()
    for number in range(ROUNDS):
        orders = [ledger.order(key) for _ in nodes]
        for order in orders:
            order.once = Kept(key.id, f"once-{number}", "hash", order.charge_id)
        results = at_once(nodes, lambda n, o=orders: o[n])  # type: ignore[misc]
        assert sum(isinstance(result, Receipt) for result in results) == 1
        assert sum(isinstance(result, Repeated) for result in results) == len(nodes) - 1
    assert ledger.used(key, DAY) == (0, 100 * ROUNDS)
    assert differences(ledger.session) == []


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_repeat_on_another_node_is_seen_also_where_the_month_ended_between(
    ledger: Ledger,
) -> None:
    """Then the two spend from no balance in common, where the later would wait for the earlier."""
    key = ledger.key()
    ledger.clock = Clock("2026-11-30T23:59:59+00:00")
    old, new = ledger.another(), ledger.another(clock=Clock("2026-12-01T00:00:01+00:00"))
    once = Kept(key.id, "again", "hash", "")
    overtaken = list[Receipt]()

    def meanwhile(_: int) -> Quote:
        if not overtaken:
            overtaken.append(new.do(new.order(key, once=once)))
        return quote(100)

    with pytest.raises(Repeated) as repeated:
        old.do(old.order(key, price=meanwhile, once=once))
    assert repeated.value.kept.charge_id == overtaken[0].fare.id
    assert ledger.count("charges") == 1
    assert differences(ledger.session) == []
    for node in (old, new):
        node.close()


Change = Callable[[Store], Any]


def losing_a_race(change: Change) -> Change:
    """Have the database give a change up at its end, once, as PostgreSQL ends a deadlock."""
    lost: list[Change] = []

    def changed(store: Store) -> Any:
        result = change(store)
        if not lost:
            lost.append(change)
            raise LedgerFault("deadlock detected", kind="race")
        return result

    return changed


def test_more_for_today_is_added_once_by_a_change_that_lost_a_race(ledger: Ledger) -> None:
    ledger.key(daily_micros=1_000)
    topped = ledger.store.transact(losing_a_race(registry.top_up("web", 100, actor="test")))
    assert topped.topup_micros == 100


def test_a_rotation_that_lost_a_race_keeps_the_secret_that_its_owner_has(ledger: Ledger) -> None:
    key = ledger.key()
    rotated = registry.rotate("web", actor="test", grace_us=1_000_000)
    made = ledger.store.transact(losing_a_race(rotated))
    assert made.key.old_digest == key.digest
    assert ledger.store.directory.by_public[key.public] is made.key


def test_a_key_that_a_lost_race_would_have_made_is_not_there(ledger: Ledger) -> None:
    made = ledger.store.transact(losing_a_race(registry.create_key("web", actor="test")))
    assert list(ledger.store.directory.keys) == [made.key.id]
