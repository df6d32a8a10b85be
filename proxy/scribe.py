"""The scribe: a process that writes large pages of metrics, so that calls do not wait for Python.

Whatever becomes of it, the page can be written without it.
"""

import contextlib
import logging
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from proxy.exposition import Dialect
from proxy.scribe_line import Line, Terms

COMMAND: Final = (sys.executable, "-P", "-m", "proxy.scribing")
KEPT: Final = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
KEPT_KINDS: Final = ("DYLD_", "KRB5", "LC_", "PG", "PYTHON", "SSL_")
LEAST: Final = 19  # the lowest of the usual priorities
LAST_S: Final = 1.0  # for a killed one to be gone
log = logging.getLogger("farebox")

Counted = Callable[[int, int], Sequence[bytes]]
"""Takes the number of series of sales and of budgets that found no room; gives what to tell."""


class Scribe:
    """A worker's end of it: one thread starts it, asks it, and ends it."""

    deadline_s = 4.0  # Prometheus waits for ten, and the page must still be written then
    start_s = 60.0
    again_s = 300.0
    """How long pages are written without it after it failed."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._not_before_s = 0.0

    @property
    def pid(self) -> int | None:
        """Name the process, if it is there."""
        return self._process.pid if self._process else None

    def start(self, dialect: Dialect) -> None:
        """Start it, unless it is there or failed a moment ago; later it is ready for pages."""
        if self._process is not None or time.monotonic() < self._not_before_s:
            return
        try:
            self._start(dialect)
        except OSError as error:
            self._give_up(error)

    def _start(self, dialect: Dialect) -> None:
        ours, theirs = socket.socketpair()
        self._line, self._ready = Line(ours), False
        self._started_s = time.monotonic()
        self._hears = select.poll()
        self._hears.register(ours, select.POLLIN)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - a command of ours
                COMMAND,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=environment(os.environ),
                process_group=0,  # Ctrl-C is for the worker
            )
        _set_behind(self._process.pid)
        self._line.tell(self._terms)
        self._line.tell(dialect)

    def page(self, dialect: Dialect, counted: Counted) -> list[bytes] | None:
        """Have a page written; None if it must be written otherwise."""
        try:
            return self._written(dialect, counted) if self.is_ready() else None
        except (OSError, ValueError, TypeError) as error:
            self._give_up(error)
            return None

    def is_ready(self) -> bool:
        """Say whether it has started; an error if it never will."""
        if self._process is None or self._ready:
            return self._ready
        if self._hears.poll(0):
            self._line.within(self.deadline_s)
            if self._line.hear() != "ready":
                raise ValueError("it should have said that it is ready")
            self._ready = True
            log.info("large pages of metrics are written by process %d", self._process.pid)
        elif time.monotonic() > self._started_s + self.start_s:
            raise TimeoutError("it does not start")
        return self._ready

    def _written(self, dialect: Dialect, counted: Counted) -> list[bytes] | None:
        self._line.within(self.deadline_s)
        self._line.tell(dialect)
        no_room = self._line.hear()
        if no_room is None:  # the ledger: whoever reads it next will say so
            return None
        for message in counted(*map(int, no_room)):
            self._line.send(message)
        self._line.tell(None)
        return list(self._line.pieces())

    def _give_up(self, error: Exception) -> None:
        log.warning("the process that writes large pages of metrics is given up: %r", error)
        self._not_before_s = time.monotonic() + self.again_s
        self.end()

    def end(self) -> None:
        """End it, if it is there."""
        process, self._process, self._ready = self._process, None, False
        if process is not None:
            self._line.close()
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LAST_S)


def _set_behind(pid: int) -> None:
    """Let a process have only the time that nobody else wants, as far as the system knows that."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, LEAST)
        if hasattr(os, "SCHED_IDLE"):
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Choose what a scribe may know: where Python and the database are, and nobody's key."""
    kept = {n: value for n, value in environ.items() if n in KEPT or n.startswith(KEPT_KINDS)}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path)}
