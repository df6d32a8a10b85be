"""What a node knows of the ledger by heart is what is on disk, whoever else writes to it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from proxy.ledger import known, rows
from proxy.ledger.outcomes import Accept
from proxy.ledger.refusals import BudgetSpent, PricesMoved
from proxy.ledger.session import LedgerFault, Session
from proxy.ledger.view import View, footing
from tests.ledger.books import differences
from tests.ledger.world import ACCOUNT, Clock, Ledger, fails, price
from tests.pure.booking import WEB, directory

DAY = "2026-11-23"
MINUTE = 29_400_000 * 60_000_000  # 2025-11-24 16:00 UTC, in microseconds


@contextmanager
def nodes(ledger: Ledger) -> Iterator[Ledger]:
    other = ledger.another()
    try:
        yield other
    finally:
        other.close()


@contextmanager
def failing(step: Callable[[Session, View], None]) -> Iterator[None]:
    """Let what a transaction has decided fail to be written."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows, "save", step)
        yield


def broken(_session: Session, _view: View) -> None:
    raise LedgerFault("the disk is gone")


def test_the_last_cent_is_there_once_however_many_nodes_remember_it(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=300)
    with nodes(ledger) as other:
        ledger.reserve(key, 100)
        other.reserve(key, 100)
        ledger.reserve(key, 100)
        for node in (other, ledger, other):
            with pytest.raises(BudgetSpent):
                node.reserve(key, 1)
    assert ledger.used(key, DAY) == (0, 300)


def test_a_fare_that_another_node_decided_is_not_decided_again(ledger: Ledger) -> None:
    fare = ledger.reserve(ledger.key())
    with nodes(ledger) as other:
        other.accept(fare, "p1")
        other.settle(fare)
        assert ledger.accept(fare, "p1").changed is False
        assert ledger.settle(fare).changed is False
    assert ledger.fare(fare) == ("settled", "answer", 100, 100)
    assert differences(ledger.session) == []


def test_a_limit_that_another_node_lowered_holds_for_the_next_call(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=300)
    ledger.reserve(key, 100)
    with nodes(ledger) as other:
        other.set_key(daily_micros=100)
        with pytest.raises(BudgetSpent):
            ledger.reserve(key, 1)


def test_what_was_decided_but_not_written_is_forgotten(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=300)
    fare = ledger.reserve(key, 100)
    with failing(broken):
        for attempt in (lambda: ledger.reserve(key, 200), lambda: ledger.release(fare)):
            with pytest.raises(LedgerFault):
                attempt()
    ledger.reserve(key, 200)
    assert ledger.used(key, DAY) == (0, 300)
    assert ledger.release(fare).changed
    assert ledger.used(key, DAY) == (0, 200)


def test_the_day_is_remembered_as_it_is_on_disk(ledger: Ledger, clock: Clock) -> None:
    key = ledger.key(daily_micros=300)
    with nodes(ledger) as other:
        for node in (ledger, other, ledger):
            node.reserve(key, 100)
            clock.step(hours=24)
            node.reserve(key, 100)
            clock.step(hours=-24)  # a clock that is set back opens no day again
            node.reserve(key, 100)
            clock.step(hours=24)
    assert ledger.used(key, DAY) == (0, 100)
    assert differences(ledger.session) == []


def test_a_fare_of_yesterday_that_is_decided_today_opens_no_day_again(
    ledger: Ledger, clock: Clock
) -> None:
    key = ledger.key(daily_micros=300)
    fare = ledger.reserve(key, 100)
    clock.step(hours=24)
    ledger.reserve(key, 200)
    ledger.settle(fare)
    clock.step(hours=-24)
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 101)


def test_a_fare_is_decided_once_though_it_is_known(ledger: Ledger) -> None:
    fare = ledger.reserve(ledger.key())
    assert [ledger.settle(fare).changed for _ in range(2)] == [True, False]
    assert differences(ledger.session) == []


def test_what_a_change_did_to_a_charge_is_not_written_over(ledger: Ledger) -> None:
    fare = ledger.reserve(ledger.key())
    looked = "UPDATE charges SET looks=3, lease_owner='reconciler' WHERE id=?"
    ledger.store.transact(lambda store: store.session.run(looked, (fare.id,)))
    accepted = ledger.accept(fare, "p1").fare
    assert (accepted.looks, accepted.lease_owner) == (3, "reconciler")
    assert ledger.count("charges", "looks=3 AND lease_owner='reconciler'") == 1


def test_a_charge_that_was_purged_is_unknown(ledger: Ledger) -> None:
    fare = ledger.reserve(ledger.key(), provisional=True)
    ledger.purge(fare)
    fails("missing", lambda: ledger.doubt(fare))
    assert differences(ledger.session) == []


def test_a_model_that_sells_more_than_one_image_is_known_to_at_once(ledger: Ledger) -> None:
    key = ledger.key()
    surprise = price(100, mode="one")
    fare = ledger.reserve(key, price=surprise)
    ledger.settle(fare, outputs=2)
    ledger.reserve(key)
    assert ledger.store.directory.counting == {("2026-09-25", "gemini-2.5-flash-image")}


def test_no_node_reserves_one_image_of_a_model_that_just_sold_more(ledger: Ledger) -> None:
    key, other = ledger.key(), ledger.another()
    surprise = price(100, mode="one")
    fare = ledger.reserve(key, price=surprise)
    other.reserve(key)
    ledger.settle(fare, outputs=2)
    for node in (ledger, other):
        with pytest.raises(PricesMoved):
            node.reserve(key, price=surprise)
    other.close()


def test_a_receipt_stays_as_it_was_given(ledger: Ledger) -> None:
    fare = ledger.reserve(ledger.key())
    accepted = ledger.accept(fare, "p1").fare
    ledger.settle(fare)
    assert (fare.state, fare.prediction_id) == ("reserved", None)
    assert (accepted.state, accepted.settled_micros) == ("accepted", 0)


def test_an_id_that_is_handed_out_twice_is_seen_beside_others(ledger: Ledger) -> None:
    key = ledger.key()
    first, second, third = (ledger.reserve(key) for _ in range(3))
    ledger.accept(first, "p1")
    twice, fine = ledger.store.commit(
        [Accept(second.id, ACCOUNT, "p1"), Accept(third.id, ACCOUNT, "p3")]
    )
    assert (twice.fare.state, fine.fare.state) == ("uncertain", "accepted")
    assert ledger.state(second) == "uncertain"
    assert differences(ledger.session) == []


def test_more_than_is_worth_knowing_is_read_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "KNOWN_MAX", 6)
    key = ledger.key(daily_micros=500)
    for _ in range(5):
        ledger.reserve(key, 100)
        assert len(ledger.store.known.fares) <= 3  # beside four balances
    with pytest.raises(BudgetSpent):
        ledger.reserve(key, 1)
    assert ledger.used(key, DAY) == (0, 500)


@pytest.fixture
def embedded(make_url: Callable[[str], str], clock: Clock) -> Iterator[Ledger]:
    ledger = Ledger(make_url("sqlite"), clock)
    yield ledger
    ledger.close()


@contextmanager
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """List the statements that the node's connection runs."""
    heard: list[str] = []
    connection: sqlite3.Connection = ledger.session._connection  # type: ignore[attr-defined] # noqa: SLF001
    connection.set_trace_callback(heard.append)
    yield heard
    connection.set_trace_callback(None)


def test_alone_a_node_reads_nothing_of_what_it_wrote(embedded: Ledger) -> None:
    key = embedded.key(daily_micros=1_000, team="art")
    fare = embedded.reserve(key)
    with statements(embedded) as heard:
        embedded.reserve(key)
        embedded.accept(fare, "p1")
        embedded.settle(fare)
        alone = heard.copy()
        embedded.settle(fare)
    assert not [sql for sql in alone if "SELECT" in sql]
    assert heard.count("COMMIT") == 4
    assert "ROLLBACK" not in heard  # by which it would find out that the fare was decided


def test_what_anybody_else_writes_is_read(embedded: Ledger) -> None:
    key = embedded.key(daily_micros=1_000)
    embedded.reserve(key)
    path = embedded.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE balances SET reserved_micros=999 WHERE scope=?", (f"key:{key.id}",))
    with pytest.raises(BudgetSpent):
        embedded.reserve(key, 2)


@pytest.mark.parametrize(
    ("later_us", "another", "kept"),
    [(0, False, True), (59_999_999, False, True), (60_000_000, False, False),
     (-1, False, False), (0, True, False)],
)  # fmt: skip
def test_what_binds_a_key_holds_for_its_minute_and_its_directory(
    later_us: int, another: bool, kept: bool
) -> None:
    memory, on = known.Known(), directory(WEB)
    first, second = View(MINUTE, on), View(MINUTE + later_us, directory(WEB) if another else on)
    memory.tell(first, ())
    worked_out = footing(first, WEB)
    memory.tell(second, ())
    assert (second.footings.get(WEB.id) is worked_out) is kept
