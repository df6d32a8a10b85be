"""Farebox processes on one database: started, killed, and started again on the same ports."""

import contextlib
import multiprocessing
import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.chaos.worker import work

END_S = 30.0
_RECOVERED = re.compile(r"(\d+) fares left by a dead process are uncertain now: (\d+) ms")
# A process forked from one that has imported everything starts in a tenth of the time.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.chaos.worker", "proxy.app", "psycopg"])


def recoveries(log: str) -> list[tuple[int, int]]:
    """How many fares each start found undecided, and in how many milliseconds it took them up."""
    return [(int(found[1]), int(found[2])) for found in _RECOVERED.finditer(log)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Fleet:
    """`size` processes; `environ` is what all of them are started with."""

    size: int
    environ: Mapping[str, str]
    log: Path
    kills: Counter[str] = field(default_factory=Counter)
    failed_starts: int = 0

    def __post_init__(self) -> None:
        self.ports = [free_port() for _ in range(self.size)]
        self.running: list[BaseProcess | None] = [None] * self.size
        self.points: list[str] = [""] * self.size
        self.started: list[float] = [0.0] * self.size

    def start(self, number: int, *, point: str = "", hit: int = 0) -> None:
        """Start one process, with a fuse if a point is named."""
        environ = dict(self.environ) | {
            "FAREBOX_PORT": str(self.ports[number]),
            "CHAOS_LOG": str(self.log),
            "PATH": os.environ.get("PATH", ""),
        }
        if point:
            environ |= {"CHAOS_POINT": point, "CHAOS_HIT": str(hit)}
        process = _context.Process(target=work, args=(environ,), daemon=True)
        process.start()
        self.running[number], self.points[number] = process, point
        self.started[number] = time.monotonic()

    def start_all(self) -> None:
        for number in range(self.size):
            self.start(number)

    def dead(self) -> list[int]:
        """Processes that killed themselves at their point; each is told once."""
        found = []
        for number, process in enumerate(self.running):
            if process is not None and not process.is_alive():
                if process.exitcode == -signal.SIGKILL:
                    self.kills[self.points[number]] += 1
                else:
                    self.failed_starts += 1  # PostgreSQL was recovering itself
                self.running[number] = None
                found.append(number)
        return found

    def kill(self, number: int) -> bool:
        """SIGKILL one process from outside; False if it was dead already."""
        process = self.running[number]
        if process is None or not process.is_alive():
            return False
        process.kill()
        process.join()
        self.running[number] = None
        self.kills["at random"] += 1
        return True

    def wait(self, number: int, timeout_s: float) -> None:
        """Wait for a process to die by itself."""
        if (process := self.running[number]) is not None:
            process.join(timeout_s)

    def end(self) -> list[int | None]:
        """Stop all of them as an operator would; their exit codes."""
        alive = [process for process in self.running if process is not None]
        for process in alive:
            if process.is_alive():
                process.terminate()
        for process in alive:
            process.join(END_S)
            if process.is_alive():
                process.kill()
                process.join()
        self.running = [None] * self.size
        return [process.exitcode for process in alive]

    def kill_all(self) -> None:
        for number in range(self.size):
            self.kill(number)

    def recoveries(self) -> list[tuple[int, int]]:
        """What the starts so far took up."""
        return recoveries(self.log.read_text(errors="replace") if self.log.exists() else "")


@contextlib.contextmanager
def fleet(size: int, environ: Mapping[str, str], log: Path) -> Iterator[Fleet]:
    """Processes that are gone at the end, whatever happens."""
    held = Fleet(size, environ, log)
    try:
        yield held
    finally:
        held.kill_all()
