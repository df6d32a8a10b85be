"""Several workers, each on a listening socket of its own: start, watch, replace, pass signals on.

The parent keeps the sockets, so that a worker's death loses no waiting connection: they wait for
the one that takes its place. Each worker holds one end of a pipe: it says there that it is ready,
and drains when the parent is gone.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Final

SPAWN = multiprocessing.get_context("spawn")
STOP = (signal.SIGTERM, signal.SIGINT)
SIGNALS = (*STOP, signal.SIGHUP, signal.SIGCHLD)
YOUNG_S = 10.0  # one that dies younger may be in a crash loop
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
METRICS_KINDS: Final = ("counter", "gauge_livesum", "histogram")  # a file of each for a worker
METRICS_BYTES: Final = 512 * 1024  # of each, for some thousand series

Run = Callable[[socket.socket, Connection], int]
"""What a worker does with the socket and its end of the pipe; returns an exit code."""


class Worker:
    """One process and the parent's end of its pipe."""

    def __init__(self, run: Run, listener: socket.socket, *, after_young: bool = False) -> None:
        self.listener, self.after_young = listener, after_young
        self.started_s = time.monotonic()
        self.line, theirs = SPAWN.Pipe()
        self.process: SpawnProcess = SPAWN.Process(
            target=_work, args=(run, listener, theirs), name="farebox-worker"
        )
        self.process.start()
        theirs.close()
        self.ready = False

    def look(self) -> bool:
        """Whether the worker serves, or did before it died."""
        if not self.ready and self.line.poll():
            with contextlib.suppress(EOFError):
                self.ready = bool(self.line.recv())
        return self.ready

    def signal(self, number: int) -> None:
        """Pass a signal on, if there is still somebody to take it."""
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, number)


class Supervisor:
    """The parent of a worker for each listening socket."""

    pause_s = 1.0
    """How long a place stays empty where two died young, so that a crash loop stays slow."""

    def __init__(self, run: Run, listeners: Sequence[socket.socket]) -> None:
        self.run_worker = run
        self.listeners = list(listeners)
        self.workers: list[Worker] = []
        self.stopping = False
        self.failed = False

    def run(self, announce: Callable[[], None]) -> int:
        """Serve until told to stop; returns 0 if every worker ended well."""
        with _blocked_signals(), _metrics_directory():
            self.workers = [Worker(self.run_worker, listener) for listener in self.listeners]
            self._until_ready()
            if not self.stopping:
                announce()
            while self.workers:
                self._turn(self.pause_s)
        return int(self.failed)

    def _until_ready(self) -> None:
        while not self.stopping and not all(worker.look() for worker in self.workers):
            self._turn(0.05)

    def _turn(self, wait_s: float) -> None:
        """Take one signal, if one comes, then see who has died."""
        came = signal.sigtimedwait(SIGNALS, wait_s)
        if came is not None and came.si_signo in STOP:
            self._stop()
        elif came is not None and came.si_signo == signal.SIGHUP:
            self._tell(signal.SIGHUP)
        for worker in [one for one in self.workers if not one.process.is_alive()]:
            self._bury(worker)

    def _stop(self) -> None:
        """Stop for good; the second time the workers hear it again and hurry."""
        self.stopping = True
        for listener in self.listeners:
            listener.close()
        self._tell(signal.SIGTERM)

    def _tell(self, number: int) -> None:
        for worker in self.workers:
            worker.signal(number)

    def _bury(self, worker: Worker) -> None:
        worker.process.join()
        self.workers.remove(worker)
        if worker.process.pid is not None:
            _forget_gauges(worker.process.pid)
        was_ready, code = worker.look(), worker.process.exitcode
        worker.line.close()
        if self.stopping:
            self.failed = self.failed or code != 0
        elif not was_ready and not any(one.look() for one in self.workers):
            self.failed = True  # nobody serves, and the next would fail the same way
            self._stop()
        else:
            self._replace(worker, code)

    def _replace(self, worker: Worker, code: int | None) -> None:
        _say(f"A worker ended with code {code}; another takes its place.")
        young = time.monotonic() - worker.started_s < YOUNG_S
        listener = worker.listener
        if young and worker.after_young:
            listener = self._shut(listener)
            time.sleep(self.pause_s)
        self.workers.append(Worker(self.run_worker, listener, after_young=young))

    def _shut(self, listener: socket.socket) -> socket.socket:
        """Turn away who waits at a place that may stay empty: a worker that serves has room.

        The kernel shares callers out among sockets that listen; the new one does not until its
        worker is ready.
        """
        try:
            fresh = _like(listener)
        except OSError:  # the port is not shared
            return listener
        self.listeners[self.listeners.index(listener)] = fresh
        listener.close()
        return fresh


def _work(run: Run, listener: socket.socket, line: Connection) -> None:
    """Run in the child: a group of its own, so that Ctrl-C reaches it through the parent only."""
    os.setpgrp()
    _make_room_for_metrics(os.getpid())
    sys.exit(run(listener, line))


def _like(listener: socket.socket) -> socket.socket:
    """Bind another socket to the port of one; it does not listen yet."""
    fresh = socket.socket(listener.family, listener.type)
    try:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            fresh.setsockopt(socket.SOL_SOCKET, option, 1)
        if listener.family == socket.AF_INET6:
            both = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            fresh.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, both)
        fresh.bind(listener.getsockname())
    except OSError:
        fresh.close()
        raise
    return fresh


def _say(words: str) -> None:
    """Tell who reads the log; nobody may, if its reader has died or its disk is full."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{words}\n")


def unblock_signals() -> None:
    """Let a worker hear what came while it was starting; call it once handlers stand."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Signals wait until the parent asks for them, and until a new worker can take them."""
    resource_tracker.ensure_running()  # unblocks signals when it starts: let it start first
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    before = signal.signal(signal.SIGCHLD, _ignore)  # a default would drop it even if blocked
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _ignore(_number: int, _frame: FrameType | None) -> None: ...


@contextlib.contextmanager
def _metrics_directory() -> Iterator[None]:
    """A fresh directory where the workers' metrics meet, gone with the last of them."""
    before = os.environ.get(METRICS_DIR)
    directory = tempfile.mkdtemp(prefix="farebox-metrics-")
    os.environ[METRICS_DIR] = directory
    try:
        yield
    finally:
        os.environ.pop(METRICS_DIR, None)
        if before is not None:
            os.environ[METRICS_DIR] = before
        shutil.rmtree(directory, ignore_errors=True)


def _metrics_files(pid: int) -> list[Path]:
    directory = Path(os.environ[METRICS_DIR])
    return [directory / f"{kind}_{pid}.db" for kind in METRICS_KINDS]


def _make_room_for_metrics(pid: int) -> None:
    """Give the files of a worker's metrics their place on the disk before they are written.

    They are made of holes and written as memory is: on a full disk that is no error but a signal,
    which ends the worker, and with it all that it knows and could not write. Where there is no
    room now, the worker counts for itself alone.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    files = _metrics_files(pid)
    try:
        for file in files:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, METRICS_BYTES)
            finally:
                os.close(descriptor)
    except OSError as error:
        _say(f"A worker's metrics are its own: {error.strerror}.")
        del os.environ[METRICS_DIR]
        for file in files:
            file.unlink(missing_ok=True)


def _forget_gauges(pid: int) -> None:
    """Take a dead worker's gauges away, and of its counts what they do not need."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - reads the directory on import

    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
    for file in _metrics_files(pid):
        with contextlib.suppress(OSError, struct.error), file.open("r+b") as counts:
            (used,) = struct.unpack("i", counts.read(4))
            counts.truncate(max(used, 8))
