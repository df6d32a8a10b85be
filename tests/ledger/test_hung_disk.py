"""A disk that hangs in a sync: nobody waits for ever, and what it writes in the end is right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event

import pytest

from pricing import Quote
from proxy.charge import Ground
from proxy.errors import LedgerUnavailable
from proxy.fares import Fares
from proxy.ledger.outcomes import Accept, Decide
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
    with pytest.raises(LedgerFault, match="no answer"):
        async with held_up(writer):
            yield


def going_on(writer: Writer) -> asyncio.Event:
    """Tell when the thread has done something, and those who asked for it were told."""
    done = asyncio.Event()

    def goes_on(_: float) -> None:
        writer.loop.call_soon_threadsafe(done.set)

    writer.gauges.commit_seconds = goes_on
    return done


async def test_calls_are_refused_and_what_is_reserved_all_the_same_is_given_back(
    ledger: Ledger,
) -> None:
    key = ledger.key()
    faults: list[str] = []
    begun, over = Event(), Event()
    order = ledger.order(key, charge_id="fb_1")
    price = order.price

    def hangs(at_us: int) -> Quote | None:
        begun.set()
        over.wait(10)
        return price(at_us)

    order.price = hangs  # asked for by the thread, within the commit
    async with relaying(ledger, faults) as fares:
        first = asyncio.ensure_future(fares.reserve(order))
        await asyncio.to_thread(begun.wait, 10)
        for call in (first, *(fares.reserve(ledger.order(key, charge_id=n)) for n in ("b", "c"))):
            with pytest.raises(LedgerUnavailable):  # behind it, and later, at once
                await call
        assert "does not answer" in await fares.writable.why_not()
        over.set()
        await fares.flush(within_s=10)
        assert await fares.writable.why_not() == ""
        assert await fares.reserve(ledger.order(key, charge_id="fb_3"))
    found = ledger.session.rows("SELECT id,state,ground FROM charges ORDER BY id")
    assert found == [("fb_1", "released", "unsent"), ("fb_3", "reserved", "")]
    assert ledger.used(key, DAY) == (0, 100)
    assert faults == ["late"]
    assert differences(ledger.session) == []


async def test_what_waits_behind_a_hung_disk_is_never_written(ledger: Ledger) -> None:
    key = ledger.key()
    async with relaying(ledger, []) as fares:
        gone_on = going_on(fares.writer)
        async with hung(fares.writer):
            asked = [fares.reserve(ledger.order(key, charge_id=name)) for name in ("a", "b")]
            refused = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in refused] == [LedgerUnavailable] * 2
        await gone_on.wait()
        assert await fares.reserve(ledger.order(key, charge_id="c"))
    assert ledger.session.rows("SELECT id FROM charges") == [("c",)]


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


async def test_what_is_known_later_is_written_behind_what_waits(ledger: Ledger) -> None:
    key = ledger.key()
    async with relaying(ledger, []) as fares:
        fare = (await fares.reserve(ledger.order(key))).fare
        gone_on = going_on(fares.writer)
        async with hung(fares.writer):
            assert await fares.record(Accept(fare.id, ACCOUNT, "p1")) is None
        await gone_on.wait()
        await fares.record(Decide(fare.id, 1, Ground.ANSWER))  # it could be written at once
        await fares.flush(within_s=10)
    kinds = ledger.session.rows("SELECT kind FROM entries ORDER BY seq")
    assert kinds == [("reserve",), ("accept",), ("settle",)]
