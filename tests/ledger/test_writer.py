"""The batched writer: what shares a commit must not share its misfortune."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import pytest

from proxy.charge import Ground
from proxy.ledger import registry
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.outcomes import Decide
from proxy.ledger.refusals import BudgetSpent
from proxy.ledger.reserve import Reserve
from proxy.ledger.session import LedgerFault, SqliteSession
from proxy.ledger.store import Store
from proxy.ledger.writer import BATCH_MAX, FAULTS_MAX, GATHERED_MAX, QUEUE_MAX, Gauges, Writer
from tests.ledger.books import differences
from tests.ledger.world import Ledger, quote

DAY = "2026-11-23"


@asynccontextmanager
async def writing(ledger: Ledger) -> AsyncIterator[Writer]:
    writer = Writer(ledger.store, asyncio.get_running_loop())
    writer.start()
    yield writer
    await writer.close()


@asynccontextmanager
async def held_up(writer: Writer) -> AsyncIterator[None]:
    """Keep the thread busy, so that what is asked meanwhile becomes one batch."""
    begun, over = Event(), Event()

    def wait(_: Store) -> None:
        begun.set()
        over.wait(10)

    waiting = asyncio.ensure_future(writer.transact(wait))
    await asyncio.to_thread(begun.wait, 10)
    yield
    over.set()
    await waiting


async def together(writer: Writer, *operations: Operation) -> list[object]:
    async with held_up(writer):
        asked = [asyncio.ensure_future(writer.do(operation)) for operation in operations]
        await asyncio.sleep(0)
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_a_refusal_in_a_batch_does_not_disturb_the_others(ledger: Ledger) -> None:
    key = ledger.key(daily_micros=250)
    async with writing(ledger) as writer:
        orders = [ledger.order(key, micros) for micros in (100, 200, 100, 51, 50)]
        results = await together(writer, *orders)
    kinds = [Receipt, BudgetSpent, Receipt, BudgetSpent, Receipt]
    assert [type(r) for r in results] == kinds
    assert ledger.used(key, DAY) == (0, 250)


def broken(_: int) -> None:
    raise ZeroDivisionError


async def test_what_cannot_be_written_fails_alone(ledger: Ledger) -> None:
    key = ledger.key()
    twin = ledger.reserve(key)
    bad = {
        "an id twice": ledger.order(key, charge_id=twin.id),
        "money beyond 64 bits": ledger.order(key, 2**70),
        "half a character": ledger.order(key, tags="\ud800"),
        "a price that fails": ledger.order(key, price=broken),
        "a charge that is not there": Decide("fb_nowhere", 1, Ground.ANSWER),
    }
    async with writing(ledger) as writer:
        good = [ledger.order(key) for _ in bad]
        mixed = [operation for pair in zip(bad.values(), good, strict=True) for operation in pair]
        results = await together(writer, *mixed)
        assert isinstance(await writer.do(ledger.order(key)), Receipt)
    for name, found in zip(bad, results[::2], strict=True):
        expected = ZeroDivisionError if name == "a price that fails" else LedgerFault
        assert isinstance(found, expected), name
    assert all(isinstance(found, Receipt) for found in results[1::2])
    assert ledger.used(key, DAY) == (0, 100 * (len(good) + 2))
    assert differences(ledger.session) == []


@pytest.mark.parametrize("called", ["a\0b", "half \ud800", "\x1b[2J", "line\nline", "x" * 9000])
def test_any_word_of_a_caller_can_be_kept(ledger: Ledger, called: str) -> None:
    fare = ledger.reserve(ledger.key(), price=lambda _: None, called=called, task=called)
    rows = ledger.session.rows("SELECT called,task FROM charges WHERE id=?", (fare.id,))
    for word in rows[0]:
        assert word.isprintable()
        assert len(word) <= 200


async def test_more_than_a_batch_is_written_in_several(ledger: Ledger) -> None:
    key, sizes = ledger.key(), list[int]()
    async with writing(ledger) as writer:
        writer.gauges.batch_size = sizes.append
        await together(writer, *(ledger.order(key) for _ in range(BATCH_MAX + 44)))
    assert sizes == [1, BATCH_MAX, 44]
    assert ledger.used(key, DAY) == (0, 100 * (BATCH_MAX + 44))


async def test_too_many_that_wait_are_told_so(ledger: Ledger) -> None:
    key = ledger.key()
    order = ledger.order(key)
    async with writing(ledger) as writer, held_up(writer):
        writer._waiting = QUEUE_MAX  # noqa: SLF001 - rather than as many calls
        answer = writer.do(order)  # several are asked for at once, so nothing is raised before
        with pytest.raises(LedgerFault, match="too many"):
            await answer
        writer._waiting = 1  # noqa: SLF001


async def test_closing_writes_what_is_queued(ledger: Ledger) -> None:
    key = ledger.key()
    writer = Writer(ledger.store, asyncio.get_running_loop())
    writer.start()
    asked = [asyncio.ensure_future(writer.do(ledger.order(key))) for _ in range(600)]
    await asyncio.sleep(0)
    await writer.close()
    assert len(await asyncio.gather(*asked)) == 600
    assert ledger.used(key, DAY) == (0, 60_000)


async def test_a_caller_who_leaves_does_not_take_the_others_along(ledger: Ledger) -> None:
    key = ledger.key()
    async with writing(ledger) as writer:
        async with held_up(writer):
            asked = [asyncio.ensure_future(writer.do(ledger.order(key))) for _ in range(3)]
            await asyncio.sleep(0)
            asked[1].cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(f, Receipt) for f in found] == [True, False, True]
    assert ledger.used(key, DAY) == (0, 300)  # what was on its way is written all the same


async def test_a_change_of_keys_and_fares_share_the_thread(ledger: Ledger) -> None:
    async with writing(ledger) as writer:
        made = await writer.transact(registry.create_key("new", actor="test", daily_micros=100))
        assert isinstance(await writer.do(ledger.order(made.key, 100)), Receipt)
        with pytest.raises(registry.Taken):
            await writer.transact(registry.create_key("new", actor="test"))


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_commit_that_fails_reaches_everybody_who_waits(
    ledger: Ledger, tmp_path: Path
) -> None:
    key = ledger.key()
    path = Path(ledger.url.removeprefix("sqlite:///"))
    faults: list[str] = []
    async with writing(ledger) as writer:
        writer.gauges.fault = faults.append
        async with held_up(writer):
            asked = [asyncio.ensure_future(writer.do(ledger.order(key))) for _ in range(50)]
            await asyncio.sleep(0)
            await asyncio.to_thread(path.rename, tmp_path / "away.db")
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(f, LedgerFault) and f.kind == "gone" for f in found)
        assert writer.broken
        await asyncio.to_thread((tmp_path / "away.db").rename, path)
        assert isinstance(await writer.do(ledger.order(key)), Receipt)
        assert writer.broken is None
    assert set(faults) == {"gone"}
    assert ledger.used(key, DAY) == (0, 100)


@pytest.mark.parametrize("database", ["sqlite"])
async def test_commits_that_go_on_failing_end_the_process(ledger: Ledger) -> None:
    key = ledger.key()
    ended = asyncio.Event()
    why: list[str] = []
    async with writing(ledger) as writer:
        writer.on_fatal = lambda message: (why.append(message), ended.set())[1]
        ledger.session.run("ALTER TABLE entries RENAME TO lost")
        for number in range(FAULTS_MAX):
            assert not ended.is_set(), number
            with pytest.raises(LedgerFault):
                await writer.do(ledger.order(key))
        async with asyncio.timeout(10):
            await ended.wait()
    assert "no such table" in why[0]


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_commit_that_works_again_starts_the_count_anew(ledger: Ledger) -> None:
    key = ledger.key()
    ended: list[str] = []
    async with writing(ledger) as writer:
        writer.on_fatal = ended.append
        for _ in range(3):
            ledger.session.run("ALTER TABLE entries RENAME TO lost")
            for _ in range(FAULTS_MAX - 1):
                with pytest.raises(LedgerFault):
                    await writer.do(ledger.order(key))
            ledger.session.run("ALTER TABLE lost RENAME TO entries")
            await writer.do(ledger.order(key))
    assert ended == []
    assert ledger.used(key, DAY) == (0, 300)


def test_the_same_order_is_priced_at_the_instant_of_admission(ledger: Ledger) -> None:
    assert ledger.clock is not None
    key, seen = ledger.key(), list[int]()
    order: Reserve = ledger.order(key, price=lambda at: seen.append(at) or quote(100))
    ledger.clock.step(hours=1)
    assert ledger.do(order).fare.admitted_us == seen[0] == ledger.clock.now_us


async def test_what_turn_after_turn_of_the_loop_brings_shares_a_commit(ledger: Ledger) -> None:
    key, batches = ledger.key(), list[int]()
    gauges = Gauges(batch_size=batches.append)
    writer = Writer(ledger.store, asyncio.get_running_loop(), gauges=gauges)
    writer.start()
    asked = []
    for micros in range(1, GATHERED_MAX + 1):  # one a turn, until it is enough
        asked.append(asyncio.ensure_future(writer.do(ledger.order(key, micros))))
        await asyncio.sleep(0)
    await asyncio.gather(*asked)
    await writer.do(ledger.order(key, 1))  # and one alone does not wait for others
    await writer.close()  # by then it has counted the last one, too
    assert batches == [GATHERED_MAX, 1]


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_lock_that_the_system_refuses_costs_one_commit_and_not_the_thread(
    ledger: Ledger,
) -> None:
    key = ledger.key()
    async with writing(ledger) as writer:
        assert isinstance(ledger.session, SqliteSession)
        lock = ledger.session._turns._turn  # type: ignore[union-attr]  # noqa: SLF001 - it is hurt on purpose
        spare = os.dup(lock)
        os.close(lock)
        async with asyncio.timeout(10):
            with pytest.raises(LedgerFault, match="Bad file descriptor"):
                await writer.do(ledger.order(key))
        os.dup2(spare, lock)
        os.close(spare)
        async with asyncio.timeout(10):
            assert (await writer.do(ledger.order(key))).fare.state == "reserved"
