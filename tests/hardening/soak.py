"""A long load with faults mixed in: `python -m tests.hardening.soak --minutes 30`.

Two workers on the embedded database, a stand-in upstream, callers at 70 % of what this machine
was just seen to take. At the end nothing may be left open that a call held, no caller may have
heard of a lock, no job that was billed may be uncounted, and the books must agree.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from proxy.upstream import Upstream
from tests.relay.house import PATH, Farebox
from tests.standin.server import Standin

SHARE = 0.7
AT_ONCE_MAX = 64
PROBE_S = 5.0
LOOKS = 20
# What two workers may keep at hand: 64 MiB of the database's pages and 50,000 fares each.
CACHES_MIB = 330.0
CACHED_MIB = 3 / 1024  # a job's part of both
LAZILY = 16  # descriptors that are opened at the first need and kept: readers, the log
# Of a thousand submits, so many are told this; the rest goes well and is polled to its end.
FAULTS = {
    "standin:reset": 10, "standin:hangup": 10, "standin:truncated": 10, "standin:garbage": 5,
    "standin:silence": 2, "standin:429": 15, "standin:500 standin:html standin:late": 10,
    "standin:unreadable": 5, "standin:failed": 20, "standin:sync": 50, "standin:gzip": 10,
    "standin:two": 5, "standin:close-after": 20, "standin:poll-reset": 5,
}  # fmt: skip
OF = 1000


@dataclass
class Seen:
    """What the callers were told, and what the processes held meanwhile."""

    capacity: float = 0.0
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    memory_mib: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    exit_code: int = -1
    verified: int = -1
    billed: int = 0
    uncounted: int = 0

    def faults(self) -> list[str]:
        """Why this was no good; nothing, if it was."""
        told = ("ledger_unavailable", "overloaded", "gone", "internal_error")
        found = [f"{self.answers[e]} callers heard {e}" for e in told if self.answers[e]]
        allowed = 24 + min(CACHES_MIB, CACHED_MIB * self.billed)
        if self.memory_mib[-1] - self.memory_mib[len(self.memory_mib) // 3] > allowed:
            found.append(f"memory grew: {self.memory_mib}")
        if self.descriptors[-1] > self.descriptors[0] + LAZILY:
            found.append(f"descriptors are left open: {self.descriptors}")
        if self.exit_code or self.verified:
            found.append(f"it ended with {self.exit_code}, verify with {self.verified}")
        if self.uncounted or not self.billed:
            found.append(f"{self.uncounted} of {self.billed} billed jobs are not counted")
        return found


class Callers:
    """Callers of one Farebox: a good key, a poor one, one that nobody knows."""

    def __init__(self, farebox: Farebox, seen: Seen) -> None:
        self.client = Upstream(farebox.url, timeout_s=60)
        self.good = farebox.key("good", daily_micros=-1)
        self.poor = farebox.key("poor", daily_micros=100_000)
        self.seen = seen
        self.chance = random.Random(4021)  # noqa: S311 - the same faults at every run

    async def turn(self) -> None:
        """One caller's turn: a submit, and polls until it is over."""
        number = self.chance.randrange(OF)
        if number < 5:
            await self.ask("POST", PATH, self.poor, "x")
        elif number < 10:
            await self.ask("POST", PATH, "sk-fb-nobody", "x")
        else:
            await self.buy(self.words(number))

    def words(self, number: int) -> str:
        at = 10
        for words, share in FAULTS.items():
            at += share
            if number < at:
                return words
        return "a cat"

    async def buy(self, words: str) -> None:
        document = await self.ask("POST", PATH, self.good, words)
        data = document.get("data")
        prediction = data.get("id") if isinstance(data, dict) else None
        for _ in range(2 if prediction else 0):
            await self.ask("GET", f"/api/v3/predictions/{prediction}/result", self.good, None)

    async def ask(self, method: str, path: str, key: str, words: str | None) -> dict[str, object]:
        headers = [(b"authorization", key.encode())]
        body = b"" if words is None else json.dumps({"prompt": words}).encode()
        try:
            answer = await self.client.send(
                method.encode(), path.encode(), headers, body, pool="", submit=False
            )
            told = b"".join([chunk async for chunk in answer.chunks()])
        except OSError:
            self.seen.answers["gone"] += 1
            return {}
        fields = {name.lower(): value for name, value in answer.headers}
        refused = fields.get(b"x-farebox-refused", b"").decode()
        if b'"internal_error"' in told:
            refused = "internal_error"
        self.seen.answers[refused or str(answer.status)] += 1
        try:
            found = json.loads(told)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    async def as_fast_as_can_be(self, seconds: float) -> float:
        """Find how many turns a second this machine takes."""
        until, turns = time.monotonic() + seconds, 0

        async def one() -> None:
            nonlocal turns
            while time.monotonic() < until:
                await self.buy("a cat")
                turns += 1

        await asyncio.gather(*(one() for _ in range(AT_ONCE_MAX // 2)))
        return turns / seconds

    async def steadily(self, rate: float, until: float) -> None:
        """Begin so many turns a second, however long each takes; bounded in what is open."""
        room, running = asyncio.Semaphore(AT_ONCE_MAX), set[asyncio.Task[None]]()
        following = time.monotonic()
        while following < until:
            await asyncio.sleep(max(0.0, following - time.monotonic()))
            await room.acquire()
            task = asyncio.create_task(self.turn())
            running.add(task)
            task.add_done_callback(lambda done: (running.discard(done), room.release()))
            following = max(following + 1 / rate, time.monotonic() - 1.0)
        await asyncio.gather(*running)


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [pid, *map(int, children.split())]


def look(farebox: Farebox, seen: Seen) -> None:
    """Note what the processes hold."""
    assert farebox.process is not None
    pids = family(farebox.process.pid)
    pages = [int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) for pid in pids]
    seen.memory_mib.append(round(sum(pages) * 4096 / 2**20, 1))
    seen.descriptors.append(sum(1 for pid in pids for _ in Path(f"/proc/{pid}/fd").iterdir()))


async def load(farebox: Farebox, seen: Seen, seconds: float) -> None:
    callers = Callers(farebox, seen)
    seen.capacity = await callers.as_fast_as_can_be(min(PROBE_S, seconds / 4))
    began = time.monotonic()
    working = asyncio.create_task(callers.steadily(SHARE * seen.capacity, began + seconds))
    for _ in range(LOOKS):
        await asyncio.sleep(seconds / LOOKS)
        look(farebox, seen)
    await working
    seen.seconds = time.monotonic() - began
    await callers.client.aclose()


def soak(home: Path, seconds: float) -> Seen:
    """Run it all; see `Seen.faults` for what came of it."""
    seen = Seen()
    with Standin(keep=10, idle_s=2) as upstream:
        farebox = Farebox(home, upstream.url, workers="2", upstream_timeout="2s", poll_after="2s")
        try:
            farebox.start()
            look(farebox, seen)
            asyncio.run(load(farebox, seen, seconds))
            farebox.until(lambda: _at_rest(farebox, seen), within_s=60)
            seen.exit_code = farebox.end()
        finally:
            farebox.close()
        command = [sys.executable, "-m", "proxy", "verify"]
        environ = farebox._environment()  # noqa: SLF001 - as a shell beside it has it
        seen.verified = subprocess.run(command, env=environ, cwd=home, check=False).returncode
        billed = {line.job_id for line in upstream.bill.lines}
    seen.billed = len(billed)
    counted = farebox.rows("SELECT prediction_id,state FROM charges")
    kept = {prediction for prediction, state in counted if state != "released"}
    # A job whose answer was lost has no id here: its fare is uncertain instead, one for one.
    nameless = sum(prediction is None and state != "released" for prediction, state in counted)
    seen.uncounted = max(0, len(billed - kept) - nameless)
    return seen


def _at_rest(farebox: Farebox, seen: Seen) -> bool:
    """Look once more; what is not at rest yet is looked at again, and only the last look stays."""
    del seen.memory_mib[LOOKS + 1 :], seen.descriptors[LOOKS + 1 :]
    look(farebox, seen)
    return seen.descriptors[-1] <= seen.descriptors[0] + LAZILY


def main() -> int:
    """Soak, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.hardening.soak")
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="farebox-soak-") as home:
        seen = soak(Path(home), minutes * 60)
    sys.stdout.write(json.dumps({**vars(seen), "faults": seen.faults()}) + "\n")
    return 1 if seen.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
