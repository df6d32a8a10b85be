"""A broken PostgreSQL: nothing is lost or doubled, and a server that could lose is refused."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from pricing import Quote
from proxy.charge import Ground
from proxy.ledger.operation import Receipt
from proxy.ledger.outcomes import Decide
from proxy.ledger.schema import open_session
from proxy.ledger.session import LedgerFault
from tests.ledger.books import differences
from tests.ledger.world import Ledger, fails, price, quote
from tests.postgres import Postgres

only_postgresql = pytest.mark.parametrize("database", ["postgresql"])
DAY = "2026-11-23"


def kill_backend(ledger: Ledger) -> None:
    """End the connection that the ledger writes through, as a crash of its backend would."""
    (pid,) = ledger.session.rows("SELECT pg_backend_pid()")[0]
    with psycopg.connect(ledger.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


@only_postgresql
def test_a_connection_that_died_while_idle_costs_no_call(ledger: Ledger) -> None:
    key = ledger.key()
    for _ in range(3):
        ledger.reserve(key)
        kill_backend(ledger)
    ledger.reserve(key)
    assert ledger.used(key, DAY) == (0, 400)


@only_postgresql
def test_a_backend_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    ledger: Ledger,
) -> None:
    key = ledger.key()
    node = ledger.another()
    first = ledger.reserve(key)
    (pid,) = ledger.session.rows("SELECT pg_backend_pid()")[0]

    def deadly(_: int) -> Quote:
        node.session.rows("SELECT pg_terminate_backend(?,5000)", (pid,))
        return quote(100)

    orders = [ledger.order(key), ledger.order(key, price=deadly), ledger.order(key)]
    operations = [Decide(first.id, 1, Ground.ANSWER), *orders]
    fails("commit", lambda: ledger.store.commit(operations))
    assert node.used(key, DAY) == (0, 100)
    orders[1].price = price(100)
    results = ledger.store.commit(operations)
    assert all(isinstance(result, Receipt) for result in results)
    assert ledger.used(key, DAY) == (100, 300)
    assert differences(ledger.session) == []
    node.close()


@only_postgresql
def test_nodes_that_cross_each_other_all_get_through(ledger: Ledger) -> None:
    keys = [ledger.key(f"k{n}", team=f"t{n % 2}") for n in range(6)]
    nodes = [ledger.another() for _ in range(4)]

    def busy(node: Ledger) -> int:
        dice, mine = random.Random(id(node)), list[str]()  # noqa: S311
        for _ in range(15):
            some = dice.sample(keys, 4)
            decided = [
                Decide(name, 1, Ground.ANSWER) for name in dice.sample(mine, min(3, len(mine)))
            ]
            orders = [node.order(key) for key in some]
            results = node.store.commit([*orders, *decided])
            assert all(isinstance(result, Receipt) for result in results), results
            mine += [order.charge_id for order in orders]
        return len(mine)

    with ThreadPoolExecutor(len(nodes)) as pool:
        reserved = sum(pool.map(busy, nodes))
    assert ledger.count("charges") == reserved == 4 * 15 * 4
    assert differences(ledger.session) == []
    for node in nodes:
        node.close()


@contextmanager
def setting(server: Postgres, name: str, value: str) -> Iterator[None]:
    """Change a setting of the server until the end."""
    server.admin(f"ALTER SYSTEM SET {name}={value}")
    try:
        reload_until(server, name, value)
        yield
    finally:
        server.admin(f"ALTER SYSTEM RESET {name}")
        reload_until(server, name, "on")


def reload_until(server: Postgres, name: str, value: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
        for _ in range(200):
            found = connection.execute(f"SELECT current_setting('{name}'), pg_sleep(0.02)")
            if (found.fetchone() or ("",))[0] == value:
                return
    raise AssertionError(f"{name} did not become {value}")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_a_commit_is_refused(
    postgres: Postgres, make_url: Callable[[str], str], name: str
) -> None:
    url = make_url("postgresql")
    with setting(postgres, name, "off"), pytest.raises(LedgerFault, match=f"{name}=off") as fault:
        open_session(url)
    assert fault.value.kind == "durability"
    open_session(url).close()


@only_postgresql
def test_commits_are_synchronous_whatever_the_database_says(ledger: Ledger) -> None:
    with psycopg.connect(ledger.url, autocommit=True) as other:
        (name,) = other.execute("SELECT current_database()").fetchone() or ("",)
        other.execute(f"ALTER DATABASE {name} SET synchronous_commit=off")
    node = ledger.another()
    assert node.session.rows("SHOW synchronous_commit")[0][0] == "on"
    node.close()


@only_postgresql
def test_rows_that_another_session_locks_are_busy(ledger: Ledger) -> None:
    key = ledger.key()
    ledger.reserve(key)
    ledger.session.run("SET lock_timeout='100ms'")
    with psycopg.connect(ledger.url) as other:
        other.execute("SELECT * FROM balances FOR UPDATE")
        fails("busy", lambda: ledger.reserve(key))
    ledger.reserve(key)
    assert ledger.used(key, DAY) == (0, 200)
