"""Keys that change on one node while calls are admitted, and keys change, on another."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import psycopg
import pytest

from proxy.ledger import registry
from proxy.ledger.refusals import BudgetSpent, KeyGone
from proxy.ledger.registry import Taken
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store, beside
from tests.ledger.world import Ledger

ROUNDS = 8
only_postgresql = pytest.mark.parametrize("database", ["postgresql"])
WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = ANY(%s)"
    " AND (database IS NULL OR database=(SELECT oid FROM pg_database"
    " WHERE datname=current_database()))"
)


def at_once(nodes: list[Ledger], make: Callable[[int], Callable[[Store], Any]]) -> list[Any]:
    """Make a change on every node at once; what went wrong is among the results."""
    together = Barrier(len(nodes), timeout=20)

    def one(number: int) -> Any:
        change = make(number)
        together.wait()
        try:
            return nodes[number].store.transact(change)
        except (Taken, LedgerFault) as error:
            return error

    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(one, range(len(nodes))))


@pytest.fixture
def nodes(ledger: Ledger) -> Iterator[list[Ledger]]:
    opened = [ledger.another() for _ in range(3)]
    yield opened
    for node in opened:
        node.close()


def test_every_confirmed_top_up_is_there(ledger: Ledger, nodes: list[Ledger]) -> None:
    key = ledger.key(daily_micros=1_000)
    for _ in range(ROUNDS):
        at_once(nodes, lambda _: registry.top_up(key.name, 100, actor="test"))
    assert ledger.standing(key).limit_micros == 1_000 + 100 * len(nodes) * ROUNDS


def test_a_name_is_given_once_and_an_own_key_is_kept_once(
    ledger: Ledger, nodes: list[Ledger]
) -> None:
    for number in range(ROUNDS):
        made = at_once(nodes, lambda _, n=number: registry.create_key(f"k{n}", actor="test"))  # type: ignore[misc]
        assert sum(isinstance(each, Taken) for each in made) == len(nodes) - 1
        kept = at_once(nodes, lambda _, n=number: registry.keep_own(f"{n:016x}"))  # type: ignore[misc]
        assert {key.id for key in kept} == {f"own_{number:016x}"}
    assert len(ledger.store.transact(lambda store: store.directory).keys) == 2 * ROUNDS


@contextmanager
def a_node_held_up(ledger: Ledger) -> Iterator[tuple[Future[Any], psycopg.Connection[Any]]]:
    """Let a reservation of a key "web" wait for the installation's balance, held by somebody."""
    key = ledger.key(daily_micros=1_000)
    ledger.reserve(key)
    node = ledger.another()
    with (
        psycopg.connect(ledger.url) as somebody,
        psycopg.connect(ledger.url, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as pool,
    ):
        somebody.execute("SELECT 1 FROM balances WHERE scope='installation' FOR UPDATE")
        waits = pool.submit(node.reserve, key)
        until_waiting(watcher, "transactionid", "tuple")
        try:
            yield waits, somebody
        finally:
            somebody.rollback()
            waits.exception()
            node.close()


def until_waiting(watcher: psycopg.Connection[Any], *kinds: str) -> None:
    give_up = time.monotonic() + 4  # a transaction waits for a lock for five seconds
    while watcher.execute(WAITING, (list(kinds),)).fetchone() == (0,):
        assert time.monotonic() < give_up, f"nobody waits for a lock: {kinds}"


@only_postgresql
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (registry.set_key("web", {"daily_micros": 150}, actor="test"), BudgetSpent),
        (registry.revoke("web", actor="test"), KeyGone),
        (registry.set_team("*", {"daily_micros": 150}, actor="test"), BudgetSpent),
    ],
)
def test_a_change_is_confirmed_when_nothing_goes_by_what_was_before(
    ledger: Ledger, change: Callable[[Store], Any], refusal: type[Exception]
) -> None:
    with a_node_held_up(ledger) as (waits, somebody), ThreadPoolExecutor(1) as pool:
        with psycopg.connect(ledger.url, autocommit=True) as watcher:
            confirmed = pool.submit(ledger.store.transact, change)
            until_waiting(watcher, "advisory")
            assert not confirmed.done()
            somebody.rollback()
        confirmed.result(10)
        assert waits.done()  # it was admitted before, and shows in the balance that counts now
    key = ledger.store.directory.keys[next(iter(ledger.store.directory.keys))]
    with pytest.raises(refusal):
        ledger.reserve(key)


@only_postgresql
def test_what_leaves_keys_alone_does_not_wait_for_who_is_held_up(ledger: Ledger) -> None:
    with a_node_held_up(ledger):
        assert ledger.store.transact(beside(lambda store: len(store.directory.keys))) == 1


def test_a_key_is_read_and_changed_by_one_after_the_other(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=100)
    node = ledger.another()

    def read_and_raise(store: Store) -> None:
        limit = store.directory.keys[key.id].daily_micros or 0
        registry.set_key("web", {"daily_micros": limit + 1}, actor="test")(store)

    at_once([ledger, node], lambda _: read_and_raise)
    assert node.store.transact(lambda s: s.directory.keys[key.id].daily_micros) == 102
    node.close()
