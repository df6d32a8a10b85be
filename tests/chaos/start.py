"""How long a start takes that finds two hundred fares undecided."""

import asyncio
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.box import Box, box
from tests.chaos.fleet import recoveries
from tests.chaos.load import Deck, Load
from tests.postgres import running_postgres
from tests.standin.server import Standin

UNDECIDED = 200
STARTS = 5


@dataclass(frozen=True)
class Starts:
    """Seconds from exec to ready, milliseconds of it spent on what the crash left."""

    ready_s: tuple[float, ...]
    recovered: tuple[int, ...]
    recovery_ms: tuple[int, ...]

    def __str__(self) -> str:
        ready, took = sorted(self.ready_s), sorted(self.recovery_ms)
        return (
            f"{len(ready)} starts, {min(self.recovered)} to {max(self.recovered)} fares each:"
            f" recovery median {took[len(took) // 2]} ms, worst {took[-1]} ms;"
            f" ready after median {ready[len(ready) // 2]:.2f} s, worst {ready[-1]:.2f} s"
        )


def measured_starts(kind: str, *, starts: int = STARTS) -> Starts:
    """Kill a Farebox with two hundred calls in flight and start it again, some times."""
    with tempfile.TemporaryDirectory(prefix="fb-start-") as place, Standin() as upstream:
        home = Path(place)
        if kind == "sqlite":
            return _measured(f"sqlite:///{home}/farebox.db", upstream, home, starts)
        with running_postgres() as server:
            return _measured(server.create(), upstream, home, starts)


def _measured(url: str, upstream: Standin, home: Path, starts: int) -> Starts:
    ready = []
    with box(url, upstream.url, home) as farebox:
        for number in range(starts):
            asyncio.run(_in_flight(farebox, upstream, number))
            ready.append(farebox.start())
        recovered, took = zip(*recoveries(farebox.log), strict=True)
    return Starts(tuple(ready), recovered, took)


async def _in_flight(farebox: Box, upstream: Standin, number: int) -> None:
    """Have so many calls wait for an upstream that never answers, then kill."""
    load = Load([farebox.port], Deck([[farebox.secret]]), UNDECIDED, seed=number)
    load.words, load.weights = ("standin:silence",), (1,)
    calling = asyncio.create_task(load.call())
    await upstream.called(UNDECIDED * (number + 1), timeout_s=30)
    load.stopping = True
    await asyncio.to_thread(farebox.end, signal.SIGKILL)
    await calling
    await load.close()
