"""A disk that hangs in a sync: nobody waits for ever, and what it writes in the end is right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.errors import LedgerUnavailable
from proxy.fares import Fares
from proxy.ledger.outcomes import Accept
from proxy.ledger.reader import Reader
from proxy.ledger.session import LedgerFault
from proxy.ledger.writer import Writer
from tests.ledger.books import differences
from tests.ledger.test_writer import DAY, held_up
from tests.ledger.world import ACCOUNT, Ledger


@asynccontextmanager
async def relaying(ledger: Ledger, faults: list[str]) -> AsyncIterator[Fares]:
    """A worker's fares, and a thread that is given up after a quarter of a second."""
    writer = Writer(ledger.store, asyncio.get_running_loop(), patience_s=0.25)
    writer.gauges.fault = faults.append
    reader = Reader(ledger.url)
    writer.start()
    yield Fares(writer, reader, 60_000_000)
    await writer.close()
    reader.close()


@asynccontextmanager
async def hung(writer: Writer) -> AsyncIterator[None]:
    """Let the thread be at something that does not end; who asked for that is told, too."""
    with pytest.raises(LedgerFault, match="not answered"):
        async with held_up(writer):
            yield


async def test_calls_are_refused_and_what_is_reserved_all_the_same_is_given_back(
    ledger: Ledger,
) -> None:
    key = ledger.key()
    faults: list[str] = []
    async with relaying(ledger, faults) as fares:
        async with hung(fares.writer):
            for name in ("fb_1", "fb_2"):  # the second one hears it at once
                with pytest.raises(LedgerUnavailable):
                    await fares.reserve(ledger.order(key, charge_id=name))
            assert "does not answer" in await fares.writable.why_not()
        await fares.flush(within_s=10)
        assert await fares.writable.why_not() == ""
        assert await fares.reserve(ledger.order(key, charge_id="fb_3"))
    found = ledger.session.rows("SELECT id,state,ground FROM charges ORDER BY id")
    assert found == [("fb_1", "released", "unsent"), ("fb_3", "reserved", "")]
    assert ledger.used(key, DAY) == (0, 100)
    assert faults == ["late"]
    assert differences(ledger.session) == []


async def test_an_answer_goes_on_and_what_it_says_is_written_once(ledger: Ledger) -> None:
    key = ledger.key()
    async with relaying(ledger, []) as fares:
        fare = (await fares.reserve(ledger.order(key))).fare
        async with hung(fares.writer):
            assert await fares.record(Accept(fare.id, ACCOUNT, "p1")) is None
            with pytest.raises(LedgerUnavailable):
                await fares.find("p1", key)  # not that there is none
        await fares.flush(within_s=10)
        found = await fares.find("p1", key)
    assert found is not None
    assert found.state == "accepted"
    kinds = ledger.session.rows("SELECT kind FROM entries ORDER BY seq")
    assert kinds == [("reserve",), ("accept",)]
