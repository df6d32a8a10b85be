"""A commit that hangs in the server: nobody waits for it for ever, and it is not forgotten."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
import pytest

from proxy.directory import Key
from proxy.errors import LedgerUnavailable
from proxy.fares import Fares
from proxy.ledger.postgres import PostgresSession
from proxy.ledger.reader import Reader
from proxy.ledger.reserve import Reserve
from proxy.ledger.writer import Writer
from tests.ledger.books import differences
from tests.ledger.world import Ledger

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
def commits_that_hang(ledger: Ledger) -> Iterator[psycopg.Connection[tuple[int]]]:
    """Let commits of reservations wait until the end; yields a connection to look with."""
    with psycopg.connect(ledger.url, autocommit=True) as gate:
        gate.execute(_AT_COMMIT.encode())
        gate.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        yield gate


async def until_waiting(gate: psycopg.Connection[tuple[int]], *kinds: str) -> None:
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


def order(ledger: Ledger, key: Key) -> Reserve:
    return ledger.order(key, charge_id="fb_lost")


def cut(session: PostgresSession) -> None:
    """Break a connection as a network does: the server hears nothing of it while it is busy."""
    assert session._connection is not None  # noqa: SLF001 - it is hurt on purpose
    with socket.socket(fileno=os.dup(session._connection.pgconn.socket)) as line:  # noqa: SLF001
        line.shutdown(socket.SHUT_RDWR)


async def test_a_reservation_whose_commit_came_after_its_call_was_refused_is_given_back(
    ledger: Ledger,
) -> None:
    key = ledger.key(daily_micros=1_000)
    node = ledger.another()
    async with relaying(ledger) as fares:
        with commits_that_hang(ledger) as gate:
            asked = asyncio.create_task(fares.reserve(order(ledger, key)))
            await until_waiting(gate, "advisory")
            assert isinstance(ledger.session, PostgresSession)
            cut(ledger.session)
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
