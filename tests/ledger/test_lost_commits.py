"""A commit that hangs in the server: nobody waits for it for ever, and it is not forgotten."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
import pytest
from psycopg import Connection, sql

from proxy.directory import Key
from proxy.errors import LedgerUnavailable
from proxy.fares import Fares
from proxy.ledger.postgres import PostgresSession
from proxy.ledger.reader import Reader
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import LedgerFault
from proxy.ledger.writer import Writer
from tests.ledger.books import differences
from tests.ledger.world import Ledger
from tests.postgres import Postgres, name_of

pytestmark = pytest.mark.parametrize("database", ["postgresql"])
DAY = "2026-11-23"
GATE = 4_021_001  # an advisory lock that commits wait for
# As a commit waits for a standby that is gone: no timeout of the server's counts any more.
_AT_COMMIT = f"""
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('lock_timeout', '0', true);
  PERFORM pg_advisory_xact_lock_shared({GATE});
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON charges DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION at_commit();
"""
_WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype=ANY(%s)"
    " AND (database IS NULL OR database=(SELECT oid FROM pg_database"
    " WHERE datname=current_database()))"
)


@contextmanager
def commits_that_hang(ledger: Ledger) -> Iterator[Connection[tuple[int]]]:
    """Let commits of reservations wait until the end; yields a connection to look with."""
    with psycopg.connect(ledger.url, autocommit=True) as gate:
        gate.execute(_AT_COMMIT.encode())
        gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        yield gate


def be_patient(ledger: Ledger, seconds: float) -> None:
    """Set how long the server may take to answer."""
    assert isinstance(ledger.session, PostgresSession)
    ledger.session.patience_s = seconds
    ledger.session.close()  # it counts for the connection that is opened next


async def until_waiting(gate: Connection[tuple[int]], *kinds: str) -> None:
    give_up = time.monotonic() + 4  # as long as a transaction surely waits for a lock
    while gate.execute(_WAITING, (list(kinds),)).fetchone() == (0,):
        assert time.monotonic() < give_up, f"nobody waits for a lock: {kinds}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def relaying(ledger: Ledger) -> AsyncIterator[Fares]:
    """A worker's fares, on the ledger's own connection."""
    writer, reader = Writer(ledger.store, asyncio.get_running_loop()), Reader(ledger.url)
    writer.start()
    yield Fares(writer, reader, 60_000_000)
    await writer.close()
    reader.close()


@contextmanager
def out_of_reach(url: str, postgres: Postgres) -> Iterator[None]:
    """Turn every connection to a database away until the end."""
    letting_in = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    name = name_of(url)
    postgres.admin(letting_in.format(sql.Identifier(name), sql.SQL("false")))
    ending = sql.SQL("SELECT pg_terminate_backend(pid,5000) FROM pg_stat_activity WHERE datname={}")
    postgres.admin(ending.format(sql.Literal(name)))
    yield
    postgres.admin(letting_in.format(sql.Identifier(name), sql.SQL("true")))


def order(ledger: Ledger, key: Key) -> Reserve:
    return ledger.order(key, charge_id="fb_lost")


def connection_of(ledger: Ledger) -> Connection[object]:
    session = ledger.session
    assert isinstance(session, PostgresSession)
    assert session._connection is not None  # noqa: SLF001 - it is hurt on purpose
    return session._connection  # noqa: SLF001


def cut(ledger: Ledger) -> None:
    """Break a connection as a network does: the server hears nothing of it while it is busy."""
    with socket.socket(fileno=os.dup(connection_of(ledger).pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


def lose_patience(ledger: Ledger) -> None:
    """Do nothing: it is given up by itself."""


@pytest.mark.parametrize("lost", [cut, lose_patience])
async def test_a_reservation_whose_commit_came_after_its_call_was_refused_is_given_back(
    ledger: Ledger, lost: Callable[[Ledger], None]
) -> None:
    key = ledger.key(daily_micros=1_000)
    node = ledger.another()
    be_patient(ledger, 60 if lost is cut else 2)
    async with relaying(ledger) as fares:
        with commits_that_hang(ledger) as gate:
            asked = asyncio.create_task(fares.reserve(order(ledger, key)))
            await until_waiting(gate, "advisory")
            lost(ledger)
            with pytest.raises(LedgerUnavailable):
                await asked
            await until_waiting(gate, "transactionid", "tuple")  # for the end of that commit
            assert node.count("charges") == 0
        await fares.flush(within_s=10)
    assert node.session.rows("SELECT state,ground,reason FROM charges") == [
        ("released", "unsent", "commit failed")
    ]
    assert node.used(key, DAY) == (0, 0)
    assert differences(node.session) == []
    node.close()


async def test_what_a_server_that_is_gone_leaves_to_be_withdrawn_has_an_end(
    ledger: Ledger, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.fares.UNWRITTEN_MAX", 64)
    key = ledger.key()
    async with relaying(ledger) as fares:
        with out_of_reach(ledger.url, postgres):
            for begin in range(0, 128, 32):
                numbers = range(begin, begin + 32)
                asked = [fares.reserve(ledger.order(key, charge_id=f"fb_{n}")) for n in numbers]
                refused = await asyncio.gather(*asked, return_exceptions=True)
                assert {type(each) for each in refused} == {LedgerUnavailable}
            assert len(fares._unwritten) == 64  # noqa: SLF001 - nobody else can tell
        await fares.flush(within_s=20)
        assert (await fares.reserve(order(ledger, key))).fare.state == "reserved"
    assert ledger.count("charges") == 1


def test_reports_may_take_longer_than_anything_that_a_caller_waits_for(ledger: Ledger) -> None:
    be_patient(ledger, 0.5)
    with ledger.session.snapshot():
        assert ledger.session.rows("SELECT 1 FROM pg_sleep(1)") == [(1,)]
    with pytest.raises(LedgerFault, match="has not answered"):
        ledger.session.rows("SELECT pg_sleep(20)")
    assert ledger.session.rows("SELECT 1") == [(1,)]


def test_whoever_reads_a_report_may_take_longer_between_two_pages_than_a_transaction(
    ledger: Ledger,
) -> None:
    ledger.session.run("SET idle_in_transaction_session_timeout=100")
    with ledger.session.snapshot():
        begun = ledger.session.rows("SELECT txid_current_snapshot()")
        time.sleep(0.5)  # the server ends it by a clock of its own
        assert ledger.session.rows("SELECT txid_current_snapshot()") == begun
    ledger.session.run("BEGIN")
    time.sleep(0.5)
    with pytest.raises(LedgerFault, match="idle-in-transaction"):
        ledger.session.rows("SELECT 1")
