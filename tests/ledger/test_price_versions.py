"""A price version may be corrected until a charge has its price, and by nobody after that."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from pricing import Order, PriceTable, load_table
from proxy.directory import Key
from proxy.ledger import versions
from proxy.ledger.refusals import PricesMoved
from proxy.ledger.versions import VersionClash
from proxy.prices import Priced, Prices
from tests.ledger.world import Ledger

ORDER = Order("path", ("vendor", "banana", "edit"))
TEXT = """version = "y1"
effective_from = 2026-01-01T00:00:00Z
[models.banana]
images = "one"
prices = {{ any = {{ usd = "{usd}" }} }}
"""
WAITS_S = 20


def table(usd: str) -> PriceTable:
    return load_table(TEXT.format(usd=usd), name="y1")


def store(ledger: Ledger, usd: str) -> list[str]:
    return ledger.store.transact(versions.add([table(usd)], actor="test"))


def priced(ledger: Ledger) -> Priced:
    """Quote what the ledger holds now, as a worker that may hold it a little longer."""
    prices = Prices(versions.book(ledger.session), relay_unpriced=False)
    return Priced(prices, ORDER, prices.quote(ORDER, ledger.session.now_us()))


@pytest.fixture
def key(ledger: Ledger) -> Key:
    store(ledger, "0.04")
    return ledger.key()


@pytest.fixture
def other(ledger: Ledger) -> Iterator[Ledger]:
    node = ledger.another()
    yield node
    node.close()


def test_the_directory_tells_a_version_that_was_replaced(ledger: Ledger, key: Key) -> None:
    assert ledger.store.directory.prices == {"y1": table("0.04").sha256}
    assert store(ledger, "0.05") == ["y1"]
    assert ledger.store.directory.prices == {"y1": table("0.05").sha256}
    assert store(ledger, "0.05") == []


def test_a_price_that_its_version_has_no_longer_is_not_taken(
    ledger: Ledger, key: Key, other: Ledger
) -> None:
    """Also where another node replaced it, of which this one has not heard."""
    held = priced(ledger)
    for node, usd, micros in ((other, "0.05", 50_000), (ledger, "0.06", 60_000)):
        store(node, usd)
        with pytest.raises(PricesMoved):
            ledger.reserve(key, price=held)
        assert ledger.count("charges") == 0
        held = priced(ledger)
        assert held.quote is not None
        assert held.quote.price_micros == micros
    ledger.reserve(key, price=held)
    assert ledger.used(key, "2026-11-23") == (0, 60_000)


def test_a_version_that_priced_a_charge_stays_as_it_is(
    ledger: Ledger, key: Key, other: Ledger
) -> None:
    ledger.reserve(key, price=priced(ledger))
    for node in (ledger, other):
        with pytest.raises(VersionClash, match="y1 has priced charges"):
            store(node, "0.05")
    assert ledger.store.directory.prices == {"y1": table("0.04").sha256}


def is_waiting(ledger: Ledger) -> bool:
    asked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type='Lock' AND datname="
    return bool(ledger.session.rows(asked + "current_database()"))


def until_waiting(ledger: Ledger, future: Future[object]) -> None:
    while not (future.done() or is_waiting(ledger)):
        pass


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_replacement_waits_for_the_charges_that_are_being_written(
    ledger: Ledger, key: Key, other: Ledger
) -> None:
    begun, go = Event(), Event()
    held, watching = priced(ledger), ledger.another()

    def slowly(at_us: int) -> object:
        begun.set()
        go.wait(WAITS_S)
        return held(at_us)

    with ThreadPoolExecutor(2) as pool:
        reserving = pool.submit(ledger.reserve, key, price=slowly)
        assert begun.wait(WAITS_S)
        replacing: Future[object] = pool.submit(store, other, "0.05")
        until_waiting(watching, replacing)
        go.set()
        assert reserving.result().reserved_micros == 40_000
        with pytest.raises(VersionClash):
            replacing.result()
    watching.close()


@pytest.mark.parametrize("database", ["postgresql"])
def test_charges_wait_for_the_replacement_that_is_being_written(
    ledger: Ledger, key: Key, other: Ledger
) -> None:
    begun, go = Event(), Event()
    held, watching = priced(ledger), ledger.another()

    def slowly(at: object) -> None:
        versions.add([table("0.05")], actor="test")(at)  # type: ignore[arg-type]
        begun.set()
        go.wait(WAITS_S)

    with ThreadPoolExecutor(2) as pool:
        replacing = pool.submit(other.store.transact, slowly)
        assert begun.wait(WAITS_S)
        reserving: Future[object] = pool.submit(ledger.reserve, key, price=held)
        until_waiting(watching, reserving)
        go.set()
        replacing.result()
        with pytest.raises(PricesMoved):
            reserving.result()
    watching.close()


def test_a_version_that_was_let_in_before_a_rule_came_is_still_read(ledger: Ledger) -> None:
    empty = load_table(TEXT.split("[models", maxsplit=1)[0], name="y1", stored=True)
    ledger.store.transact(versions.add([empty], actor="test"))
    assert versions.book(ledger.session).versions == (empty,)
