"""A long load with faults mixed in: `python -m tests.hardening.soak --minutes 30`.

Two workers on the embedded database, a stand-in upstream, callers at 70 % of what this machine
was just seen to take. At the end nothing may be left open that a call held, no caller may have
heard of a lock, no job that was billed may be uncounted, the books must agree, and memory must
have levelled off. It prints what each process holds, every minute; 1 is the exit code of a broken
promise.
"""

import argparse
import asyncio
import functools
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from proxy.upstream import Upstream
from tests.hardening.soak_seen import LAZILY, Seen, look
from tests.relay.house import PATH, Farebox
from tests.standin.server import Standin

SHARE = 0.7
AT_ONCE_MAX = 64
PROBE_S = 5.0
LOOKS = 20
LOOK_S_MAX = 60.0
LOUD = ("locked", "deadlock", "Traceback", '"level":"error"', '"level":"critical"')
# Of a thousand submits, so many are told this; the rest goes well and is polled to its end.
FAULTS = {
    "standin:reset": 10, "standin:hangup": 10, "standin:truncated": 10, "standin:garbage": 5,
    "standin:silence": 2, "standin:429": 15, "standin:500 standin:html standin:late": 10,
    "standin:unreadable": 5, "standin:failed": 20, "standin:sync": 50, "standin:gzip": 10,
    "standin:two": 5, "standin:close-after": 20, "standin:poll-reset": 5,
}  # fmt: skip
OF = 1000


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


class Soak:
    """One run: a Farebox, its callers, and who looks at it; `tell` is given each look."""

    def __init__(self, home: Path, seconds: float, tell: Callable[[str], object]) -> None:
        self.home, self.seconds, self.tell = home, seconds, tell
        self.seen = Seen()
        self.began = time.monotonic()

    def run(self) -> Seen:
        """Run it all; see `Seen.faults` for what came of it."""
        with Standin(keep=10, idle_s=2) as upstream:
            farebox = Farebox(
                self.home, upstream.url, workers="2", upstream_timeout="2s", poll_after="2s"
            )
            try:
                farebox.start()
                self.farebox = farebox
                self._look()
                asyncio.run(self._load())
                farebox.until(self._at_rest, within_s=60)
                self.seen.ledger_errors = ledger_errors(farebox.metrics())
                self.seen.exit_code = farebox.end()
            finally:
                farebox.close()
            self._count(upstream)
        return self.seen

    def _look(self) -> None:
        assert self.farebox.process is not None
        self.seen.looks.append(look(self.farebox.process.pid, time.monotonic() - self.began))
        self.tell(str(self.seen.looks[-1]))

    def _at_rest(self) -> bool:
        """Whether what a call held is given back."""
        assert self.farebox.process is not None
        rest = look(self.farebox.process.pid, time.monotonic() - self.began)
        self.seen.at_rest = rest
        return rest.descriptors <= self.seen.looks[0].descriptors + LAZILY

    async def _load(self) -> None:
        callers = Callers(self.farebox, self.seen)
        self.seen.capacity = await callers.as_fast_as_can_be(min(PROBE_S, self.seconds / 4))
        self.tell(f"{self.seen.capacity:.0f} turns/s at full speed, {SHARE:.0%} of it from now on")
        began = time.monotonic()
        until = began + self.seconds
        working = asyncio.create_task(callers.steadily(SHARE * self.seen.capacity, until))
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self.seconds / LOOKS, LOOK_S_MAX))
            await asyncio.to_thread(self._look)
        await working
        self.seen.seconds = time.monotonic() - began
        await callers.client.aclose()

    def _count(self, upstream: Standin) -> None:
        """Let the books agree with themselves, then with what the upstream billed."""
        farebox, seen = self.farebox, self.seen
        command = [sys.executable, "-m", "proxy", "verify"]
        environ = farebox.environment()  # as a shell beside it has it
        seen.verified = subprocess.run(
            command, env=environ, cwd=self.home, check=False, stdout=sys.stderr
        ).returncode
        log = farebox.log.read_text(errors="replace")
        seen.loud = +Counter({word: log.count(word) for word in LOUD})
        seen.charges = dict(farebox.rows("SELECT state,count(*) FROM charges GROUP BY state"))
        billed = {line.job_id for line in upstream.bill.lines}
        seen.billed = len(billed)
        counted = farebox.rows("SELECT prediction_id,state FROM charges")
        kept = {prediction for prediction, state in counted if state != "released"}
        # A job whose answer was lost has no id here: its fare is uncertain instead, one for one.
        nameless = sum(prediction is None and state != "released" for prediction, state in counted)
        seen.uncounted = max(0, len(billed - kept) - nameless)


def ledger_errors(metrics: str) -> dict[str, float]:
    """How many faults of the ledger there were, by kind."""
    found = re.findall(
        r'^farebox_ledger_errors_total\{kind="(\w+)"\} (\S+)$', metrics, re.MULTILINE
    )
    return {kind: float(count) for kind, count in found if float(count)}


def main() -> int:
    """Soak, tell each minute what is held, and at the end all figures; 1 if a promise failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.hardening.soak")
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="farebox-soak-") as home:
        seen = Soak(Path(home), minutes * 60, functools.partial(print, flush=True)).run()
    sys.stdout.write(seen.told() + "\n")
    return 1 if seen.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
