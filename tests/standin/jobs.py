"""The upstream's jobs: ids, how long they take, what they end as and what they show for it."""

import base64
import functools
import itertools
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.standin.scenarios import Say

Surface = Literal["path", "unified"]
ID_KINDS = ("hex", "uuid", "hex", "uuid", "colon")
BIG = 16 << 20
# seconds a picture takes, by what the model's name holds (read in public reports)
LATENCY_S = (
    ("gemini-3-pro", (10.0, 20.0)),
    ("gemini", (4.0, 8.0)),
    ("gpt-image", (23.0, 143.0)),
    ("seedream", (9.0, 15.0)),
    ("", (6.0, 14.0)),
)
_COUNTS_N = ("gpt-image", "kling", "seedream", "wan", "vidu", "nai-", "qwen")
_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(slots=True)
class Job:
    """One prediction. `done_at` is None for a job that counts polls instead of seconds."""

    id: str
    key: str
    surface: Surface
    model: str
    body: Mapping[str, Any]
    say: Say
    ordinal: int
    created_at: float
    done_at: float | None
    polls_needed: int
    polls: int = 0
    looks_after: int = 0
    finished: bool = False

    @property
    def asked(self) -> int:
        """The pictures that this model reads the request as."""
        if not any(name in self.model for name in _COUNTS_N):
            return 1
        n = self.body.get("n")
        return int(n) if isinstance(n, int | str) and str(n).isdigit() and int(n) else 1

    @property
    def made(self) -> int:
        """The pictures that come out."""
        say = self.say
        if "empty" in say or "no-outputs" in say:
            return 0
        more = say.number("more", 1) if "more" in say else 0
        fewer = say.number("fewer", 1) if "fewer" in say else 0
        return int(say.number("outputs", max(self.asked + more - fewer, 0)))

    @property
    def ending(self) -> str:
        """The word that the job ends in."""
        if self.say.any(("failed", "failed-silent", "failed-null", "flip-back")):
            return "failed"
        return self.say.text("end", "completed")

    @property
    def succeeds(self) -> bool:
        return self.ending in {"completed", "succeeded", "success", "succeed", "done", "finished"}

    @property
    def error(self) -> str | None:
        """The error text of a job that failed, as this scenario spells it."""
        if "failed-null" in self.say:
            return None
        if "failed-silent" in self.say:
            return ""
        return self.say.text("failed", "The model could not make this image.")

    def is_due(self, now: float) -> bool:
        """Whether the job would be seen finished now."""
        if "never" in self.say:
            return False
        if self.done_at is None:
            return self.polls >= self.polls_needed
        return now >= self.done_at

    def word(self) -> str:
        """The status word of this look."""
        if not self.finished:
            middle = "pondering" if "unknown" in self.say else self.say.text("middle", "processing")
            return middle if self.polls else "created"
        flipped = self.looks_after > 1
        if "flip" in self.say and flipped:
            return "failed"
        if "flip-back" in self.say and flipped:
            return "completed"
        return self.ending

    def outputs(self) -> list[str]:
        """URLs, or base64 text where that was asked for."""
        say = self.say
        if "big" in say:
            return [big_text(int(say.number("big", BIG)))] * self.made
        if "base64" in say or self.body.get("enable_base64_output") is True:
            return [base64.b64encode(_PNG).decode()] * self.made
        name = self.id.replace(":", "-").replace("/", "-").replace(" ", "-")
        host = "https://oss.gptproto.com/output"
        return [f"{host}/{name}-{i}.png?sig=a%2Fb&e=1" for i in range(self.made)]


@functools.lru_cache(maxsize=4)
def big_text(size: int) -> str:
    """Base64 text of exactly that many characters, the same every time."""
    raw = _chance(size).randbytes(size // 4 * 3 + 3)
    return base64.b64encode(raw).decode()[:size]


def _chance(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311


class Jobs:
    """All jobs of one upstream, and the chance that they are made from."""

    def __init__(self, *, seed: int, speed: float, polls: int) -> None:
        self.seed = seed
        self.speed = speed
        self.polls = polls
        self._by_id: dict[str, Job] = {}
        self._all: list[Job] = []
        self._ordinals = itertools.count(1)

    def make(
        self,
        *,
        key: str,
        surface: Surface,
        model: str,
        body: Mapping[str, Any],
        say: Say,
        now: float,
    ) -> Job:
        """A new job; one whose id was handed out before takes its place."""
        ordinal = next(self._ordinals)
        chance = _chance(f"{self.seed}:{ordinal}")
        latency_s = self.latency_s(model, say, chance)
        job = Job(
            id=self._id(say, ordinal, chance),
            key=key,
            surface=surface,
            model=model,
            body=body,
            say=say,
            ordinal=ordinal,
            created_at=now,
            done_at=None if latency_s == 0 or "polls" in say else now + latency_s,
            polls_needed=int(say.number("polls", self.polls)),
        )
        self._by_id[job.id] = job
        self._all.append(job)
        return job

    def latency_s(self, model: str, say: Say, chance: random.Random) -> float:
        """Seconds from submit to finish at this upstream's speed."""
        if "latency" in say:
            return say.number("latency", 0)
        low, high = next(span for name, span in LATENCY_S if name in model)
        return chance.uniform(low, high) * self.speed

    def find(self, prediction_id: str) -> Job | None:
        return self._by_id.get(prediction_id)

    @property
    def all(self) -> tuple[Job, ...]:
        """In the order they were made."""
        return tuple(self._all)

    def _id(self, say: Say, ordinal: int, chance: random.Random) -> str:
        if "id" in say:
            return say.text("id")
        if "dup" in say:
            chance = _chance(f"{self.seed}:dup:{say.text('dup')}")
            return f"{chance.getrandbits(128):032x}"
        bits = chance.getrandbits(128)
        return {
            "hex": f"{bits:032x}",
            "uuid": str(uuid.UUID(int=bits, version=4)),
            "colon": f"sora-2:task_{bits:026x}",
            "slash": f"sora-2:task/{bits:x} x",
        }[say.text("id-kind", ID_KINDS[(ordinal - 1) % len(ID_KINDS)])]
