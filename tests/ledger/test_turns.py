"""Writers of one SQLite file take turns, and nobody who waits is passed by who just wrote."""

import asyncio
import fcntl
import threading
from pathlib import Path

import pytest

from proxy.ledger import session as sessions
from proxy.ledger.session import LedgerFault
from proxy.ledger.turns import Turns
from proxy.ledger.writer import Gauges, Writer
from tests.ledger.conftest import MakeUrl
from tests.ledger.world import Ledger

PATIENCE_S = 30


def somebody_waits(path: Path) -> bool:
    """Say whether anybody stands at the head of the queue."""
    with Path(f"{path}.queue").open("a", encoding="utf-8") as head:
        try:
            fcntl.flock(head, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def until_somebody_waits(path: Path) -> None:
    while not somebody_waits(path):
        pass


def test_who_waits_comes_before_who_just_wrote(tmp_path: Path) -> None:
    path, order = tmp_path / "ledger.db", list[str]()
    eager, patient = Turns(path), Turns(path)

    def wait() -> None:
        patient.take(PATIENCE_S)
        order.append("who waited")
        patient.give()

    for _ in range(50):
        eager.take(0)
        waiting = threading.Thread(target=wait)
        waiting.start()
        until_somebody_waits(path)
        eager.give()
        eager.take(PATIENCE_S)
        order.append("who just wrote")
        eager.give()
        waiting.join()
    assert order == ["who waited", "who just wrote"] * 50
    eager.close()
    patient.close()


def test_a_turn_that_does_not_come_is_given_up_and_nobody_is_kept_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    holder, hurried = Turns(path), Turns(path)
    holder.take(0)
    with pytest.raises(TimeoutError):
        hurried.take(0)
    assert not somebody_waits(path)
    holder.give()
    hurried.take(0)
    hurried.close()  # as a process that dies
    holder.take(0)
    holder.close()


def test_only_one_has_the_turn(tmp_path: Path) -> None:
    path, at_it, most = tmp_path / "ledger.db", list[int](), list[int]()

    def work(number: int) -> None:
        turns = Turns(path)
        for _ in range(100):
            turns.take(PATIENCE_S)
            at_it.append(number)
            most.append(len(at_it))
            at_it.remove(number)
            turns.give()
        turns.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 400


def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Turns(path).close()
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "ledger.db.lock": 0o600,
        "ledger.db.queue": 0o600,
    }


async def test_what_comes_while_another_process_writes_shares_the_next_commit(
    make_url: MakeUrl,
) -> None:
    url = make_url("sqlite")
    ledger, batches = Ledger(url), list[int]()
    key, path = ledger.key(), Path(url.removeprefix("sqlite:///"))
    other = Turns(path)
    gauges = Gauges(batch_size=batches.append)
    writer = Writer(ledger.store, asyncio.get_running_loop(), gauges=gauges)
    writer.start()
    other.take(0)
    asked = []
    for micros in (1, 2, 3):
        asked.append(asyncio.ensure_future(writer.do(ledger.order(key, micros))))
        for _ in range(5):  # its task begins, no more comes, and it is handed over
            await asyncio.sleep(0)
        await asyncio.to_thread(until_somebody_waits, path)
    other.give()
    await asyncio.gather(*asked)
    await writer.close()  # a commit is counted after its callers are woken
    assert batches == [3]
    other.close()
    ledger.close()


async def test_a_turn_that_does_not_come_is_told_to_all_who_wait(
    make_url: MakeUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "BUSY_S", 0.2)
    url = make_url("sqlite")
    ledger = Ledger(url)
    key, path = ledger.key(), Path(url.removeprefix("sqlite:///"))
    other, faults = Turns(path), list[str]()
    gauges = Gauges(fault=faults.append)
    writer = Writer(ledger.store, asyncio.get_running_loop(), gauges=gauges)
    writer.start()
    other.take(0)
    orders = [writer.do(ledger.order(key, 1)), writer.do(ledger.order(key, 2))]
    told = await asyncio.gather(*orders, return_exceptions=True)
    assert [isinstance(each, LedgerFault) and each.kind for each in told] == ["busy", "busy"]
    assert (faults, "another process" in str(writer.broken)) == (["busy"], True)
    other.give()
    await writer.do(ledger.order(key, 3))
    assert writer.broken is None
    await writer.close()
    other.close()
    ledger.close()
