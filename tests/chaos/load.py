"""The callers: so many calls in flight at each process, with everything that goes wrong."""

import asyncio
import contextlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proxy.upstream import Upstream, UpstreamError

PATH = b"/api/v3/google/gemini-3.1-flash-image-preview/text-to-image"
PRICE_MICROS = 40_200
TIMEOUT_S = 8.0
REFUSED_ENOUGH = 60  # then the callers move on to keys with money
POLLS_MAX = 12
NEVER_POLLED = 0.12
REPLAYED = 0.20
STORY = (  # words told to the stand-in, and how often
    ("", 55), ("standin:400", 6), ("standin:429", 2), ("standin:reset", 6), ("standin:hangup", 3),
    ("standin:truncated", 2), ("standin:silence", 1), ("standin:slow=0.7", 5),
    ("standin:failed", 6), ("standin:sync", 6), ("standin:reset-before", 3),
    ("standin:unreadable", 2), ("standin:envelope", 2),
)  # fmt: skip
Headers = list[tuple[bytes, bytes]]
_WORDS, _WEIGHTS = zip(*STORY, strict=True)


@dataclass
class Deck:
    """Groups of keys that share a team; the callers play one group until it is spent."""

    groups: Sequence[Sequence[str]]
    at: int = 0
    refused: int = 0

    def key(self, chance: random.Random) -> tuple[int, str]:
        return self.at, chance.choice(self.groups[self.at % len(self.groups)])

    def spent(self, group: int) -> None:
        if group != self.at:
            return
        self.refused += 1
        if self.refused >= REFUSED_ENOUGH:
            self.at, self.refused = self.at + 1, 0


@dataclass
class Load:
    """Callers of one Farebox installation; `counts` says how their calls ended."""

    ports: Sequence[int]
    deck: Deck
    in_flight: int
    seed: int
    words: Sequence[str] = _WORDS
    weights: Sequence[int] = _WEIGHTS
    counts: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    stopping: bool = False

    def __post_init__(self) -> None:
        self.clients = [
            Upstream(f"http://127.0.0.1:{port}", timeout_s=TIMEOUT_S) for port in self.ports
        ]

    async def call(self) -> None:
        """Call until `stopping`; every caller ends the call that it is at."""
        callers = [
            self._caller(process, caller)
            for process in range(len(self.ports))
            for caller in range(self.in_flight)
        ]
        await asyncio.gather(*callers)

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()

    async def _caller(self, process: int, caller: int) -> None:
        chance = random.Random(f"{self.seed}:{process}:{caller}")  # noqa: S311
        while not self.stopping:
            group, key = self.deck.key(chance)
            name = f"c{next(self.numbers)}"
            said = chance.choices(self.words, self.weights)[0]
            try:
                status = await self._submit(process, key, name, said)
            except UpstreamError as error:
                self.counts[type(error).__name__] += 1
                await asyncio.sleep(chance.uniform(0.05, 0.15))
                continue
            self.counts[str(status)] += 1
            if status == 402:
                self.deck.spent(group)
            elif status == 200 and chance.random() >= NEVER_POLLED:
                await self._follow(process, key, name, chance)

    async def _submit(self, process: int, key: str, name: str, said: str) -> int:
        """Order a picture; the job's id and the charge's tag are the name of the call."""
        body = {"prompt": f"a cat standin:id={name} {said}"}
        headers = [
            (b"authorization", key.encode()),
            (b"content-type", b"application/json"),
            (b"x-farebox-tag-project", name.encode()),
        ]
        return await self._ask(process, b"POST", PATH, headers, json.dumps(body).encode())

    async def _follow(self, process: int, key: str, name: str, chance: random.Random) -> None:
        """Poll until it is over; one answer in five is asked for again, elsewhere at once."""
        target = f"/api/v3/predictions/{name}/result".encode()
        headers = [(b"authorization", key.encode())]
        for _ in range(POLLS_MAX):
            if self.stopping:
                return
            await asyncio.sleep(chance.uniform(0.1, 0.3))
            asked = [process]
            if chance.random() < REPLAYED:
                asked = [process, chance.randrange(len(self.ports)), process]
            with contextlib.suppress(UpstreamError):
                polls = (self._ask(one, b"GET", target, headers, b"") for one in asked)
                if any(over == 299 for over in await asyncio.gather(*polls)):
                    return

    async def _ask(
        self, process: int, method: bytes, target: bytes, headers: Headers, body: bytes
    ) -> int:
        """The status of an answer; 299 for a poll that says it is over."""
        client = self.clients[process]
        answer = await client.send(method, target, headers, body, pool="callers", submit=bool(body))
        content = await answer.read(1 << 20) or b""
        answer.close()
        if method == b"GET" and (b'"completed"' in content or b'"failed"' in content):
            return 299
        return answer.status
