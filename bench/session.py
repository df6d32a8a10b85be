"""What all parts of a run share."""

import contextlib
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SCRATCH = "/var/tmp"  # noqa: S108 - a disk; /tmp may be memory, which syncs at no cost
REST_S = 0.5
LONGEST_S = 300  # of all rounds of one part, before the last begins


@dataclass(frozen=True)
class Session:
    """A folder that is gone afterwards, the upstream's port, and how long to measure."""

    folder: Path
    upstream: int
    rounds: int
    seconds: float

    def turns(self, what: str) -> Iterator[int]:
        """Count the rounds, and say where we are; a busy machine gets fewer, but one at least."""
        started = time.monotonic()
        for turn in range(self.rounds):
            if turn and time.monotonic() - started > LONGEST_S:
                sys.stderr.write(f"  {what}: no time for more rounds\n")
                return
            sys.stderr.write(f"  {what}, round {turn + 1} of {self.rounds}\n")
            yield turn


def settled(place: Path) -> tuple[int, int]:
    """Count the fares of a ledger that is at rest: those that are settled, and all."""
    seen = _fares(place)
    while True:
        time.sleep(REST_S)  # a fare may be decided a moment after the last byte of its answer
        if (now := _fares(place)) == seen:
            return now
        seen = now


def _fares(place: Path) -> tuple[int, int]:
    with contextlib.closing(sqlite3.connect(place / "farebox.db", timeout=30)) as ledger:
        row = ledger.execute("SELECT sum(state='settled'), count(*) FROM charges").fetchone()
    return int(row[0] or 0), int(row[1])
