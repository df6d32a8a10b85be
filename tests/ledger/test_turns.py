"""Writers of one SQLite file take turns, and nobody who waits is passed by who just wrote."""

import fcntl
import threading
from pathlib import Path

import pytest

from proxy.ledger.turns import Turns

PATIENCE_S = 30


def somebody_waits(path: Path) -> bool:
    """Say whether anybody stands at the head of the queue."""
    with Path(f"{path}.queue").open("a", encoding="utf-8") as head:
        try:
            fcntl.flock(head, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


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
        while not somebody_waits(path):
            pass
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
