"""The one thread that writes: whatever queued during the last fsync is the next batch.

No timer: a caller alone waits for one commit, 256 callers share one (measured 20 times
the commits of one a request). What is asked for while every turn of the event loop brings more is
handed over together: to wake the thread earlier would have it wait for Python's lock, and commits
of 12 operations where they come to 23 cost a seventh of a submit.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from proxy.directory import Directory
from proxy.ledger.operation import Operation, Receipt
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store

T = TypeVar("T")
BATCH_MAX = 256
QUEUE_MAX = 4096
GATHERED_MAX = 64  # that the loop's turns may bring before they are handed over
FAULTS_MAX = 5  # consecutive commits that failed without a known cause
PATIENCE_S: Final = 20.0  # longer than PostgreSQL, or another process's turn, is waited for
WATCH_S: Final = 1.0

Task = Operation | Callable[[Store], Any]
Asked = tuple[Task, asyncio.Future[Any]]


@dataclass
class Gauges:
    """What the metrics want to know of the writer."""

    commit_seconds: Callable[[float], None] = lambda _: None
    batch_size: Callable[[int], None] = lambda _: None
    fault: Callable[[str], None] = lambda _: None


@dataclass
class Writer:
    """Takes operations from any task of one event loop, commits them in batches."""

    store: Store
    loop: asyncio.AbstractEventLoop
    on_fatal: Callable[[str], None] = lambda _: None
    gauges: Gauges = field(default_factory=Gauges)
    patience_s: float = PATIENCE_S
    """How long callers wait for a batch: a disk that hangs in a sync says nothing at all."""

    def __post_init__(self) -> None:
        self._queue: queue.SimpleQueue[list[Asked] | None] = queue.SimpleQueue()
        self._turn: list[Asked] = []  # what the loop's last turns have asked for
        self._faults = 0
        self.broken: str | None = None
        self.failed_s = -1.0  # when a write last failed, by the monotonic clock
        self._waiting = 0
        self._at: tuple[float, list[Asked]] | None = None  # since when the thread is at what
        self._watch: asyncio.TimerHandle | None = None
        self._stuck = False
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def close(self) -> None:
        """Let what is queued be written, then stop."""
        self._hand_over()
        if self._watch is not None:
            self._watch.cancel()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    @property
    def directory(self) -> Directory:
        """The keys and teams as last read."""
        return self.store.directory

    def do(self, operation: Operation) -> "asyncio.Future[Receipt]":
        """Have an operation committed: a future, in which its refusal is raised.

        So is `LedgerFault`, if it is not known to be written; nothing is raised here.
        """
        return self._put(operation)

    async def transact(self, change: Callable[[Store], T]) -> T:
        """Have a change of keys, teams or prices committed."""
        return await self._put(change)  # type: ignore[no-any-return]

    def _put(self, task: Task) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.loop.create_future()
        if self._stuck or self._waiting >= QUEUE_MAX:
            full = LedgerFault("too many writes are waiting", kind="queue")
            future.set_exception(_stuck() if self._stuck else full)
            return future
        self._waiting += 1
        if not self._turn:
            self.loop.call_soon(self._look, 0)
        self._turn.append((task, future))
        return future

    def _look(self, had: int) -> None:
        """Hand over what was asked for, unless the loop's last turn brought more."""
        have = len(self._turn)
        if had < have < GATHERED_MAX:
            self.loop.call_soon(self._look, have)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        turn, self._turn = self._turn, []
        for at in range(0, len(turn), BATCH_MAX):
            self._queue.put(turn[at : at + BATCH_MAX])
        self._watch = self._watch or self.loop.call_later(WATCH_S, self._look_after)

    def _look_after(self) -> None:
        """Look every second whether the thread gets on, while anybody waits for it."""
        self._watch = None
        if not self._waiting:
            return
        self._watch = self.loop.call_later(WATCH_S, self._look_after)
        at = self._at
        if at is not None and time.monotonic() - at[0] > self.patience_s:
            self._give_up(at[1])

    def _give_up(self, batch: list[Asked]) -> None:
        """Tell all who wait that nothing is known to be written; in the end the batch may be.

        What else was asked for is taken back, and whoever comes until the thread gets on is told
        at once: nothing of theirs is written.
        """
        fault = LedgerFault(f"no answer of the disk in {self.patience_s:.0f} seconds", kind="late")
        if not self._stuck:
            self._failed(fault)
        self._stuck = True
        _tell(batch, fault)
        with contextlib.suppress(queue.Empty):
            while (more := self._queue.get_nowait()) is not None:
                self._waiting -= len(more)
                _tell(more, _stuck())
            self._queue.put(None)  # it is to end after this batch

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            started = time.perf_counter()
            self._at = time.monotonic(), batch
            results = self._in_turn(batch)
            self._at = None
            took = time.perf_counter() - started
            try:
                self.loop.call_soon_threadsafe(self._hand_out, batch, results)
            except RuntimeError:  # the loop is gone; what is on disk is on disk
                return
            self.gauges.commit_seconds(took)  # while the loop wakes up
            self.gauges.batch_size(len(batch))

    def _next(self) -> list[Asked] | None:
        batch = self._queue.get()
        return None if batch is None else self._filled(batch)

    def _filled(self, batch: list[Asked]) -> list[Asked]:
        """Add what has come meanwhile."""
        while len(batch) < BATCH_MAX:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            batch += more
        return batch

    def _in_turn(self, batch: list[Asked]) -> list[Any]:
        """Write a batch, and what came while another process wrote."""
        try:
            with self.store.session.turn():
                return self._written([task for task, _ in self._filled(batch)])
        except LedgerFault as fault:  # the turn did not come
            self._failed(fault)
            return [fault] * len(batch)

    def _written(self, tasks: list[Task]) -> list[Any]:
        operations = [(i, t) for i, t in enumerate(tasks) if isinstance(t, Operation)]
        results: list[Any] = [None] * len(tasks)
        if operations:
            found = self._guarded(lambda: self.store.commit([t for _, t in operations]))
            if isinstance(found, Exception):
                found = [found] * len(operations)
            for (index, _), result in zip(operations, found, strict=True):
                results[index] = result
        for index, task in enumerate(tasks):
            if not isinstance(task, Operation):
                results[index] = self._guarded(partial(self.store.transact, task))
        return results

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            result = action()
        except LedgerFault as fault:
            self._failed(fault)
            return fault
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            return error
        self._faults, self.broken = 0, None
        return result

    def _failed(self, fault: LedgerFault) -> None:
        """Count a failed commit; too many of unknown cause end the process.

        A disk that fails an fsync may have written it or not: better to start again from
        what is really there than to guess (PostgreSQL does the same).
        """
        self.broken, self.failed_s = str(fault), time.monotonic()
        self.gauges.fault(fault.kind)
        if fault.kind in {"commit", "corrupt"}:
            self._faults += 1
            if self._faults >= FAULTS_MAX and self.store.session.dialect == "sqlite":
                self.loop.call_soon_threadsafe(self.on_fatal, str(fault))

    def _hand_out(self, batch: list[Asked], results: list[Any]) -> None:
        self._stuck = False
        self._waiting -= len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():  # cancelled, or told already that it is late
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)


def _stuck() -> LedgerFault:
    return LedgerFault("the disk does not answer", kind="stuck")


def _tell(asked: list[Asked], fault: LedgerFault) -> None:
    for _, future in asked:
        if not future.done():
            future.set_exception(fault)
