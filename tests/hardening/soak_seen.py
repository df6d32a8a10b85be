"""What a soak saw: answers, memory, books; and whether that was good."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression

MIB = 1 << 20
# What two workers may keep at hand: each 64 MiB of the database's pages for its writer, parts of
# it for its readers, 5,000 decided fares and those still open.
CACHES_MIB = 240.0
CACHED_MIB = 2 / 1024  # a job's part of it, until it is full
SETTLING_MIB = 24.0
LAZILY = 16  # descriptors that are opened at the first need and kept: readers, the log
JUDGED_S = 600.0  # shorter ones are over before the caches are full
FLAT_MIB_A_MINUTE = 1.0
NEVER_TOLD = ("ledger_unavailable", "overloaded", "gone", "internal_error")


@dataclass(frozen=True)
class Look:
    """What the processes held at one moment: of each its resident and its anonymous MiB."""

    at_s: float
    memory: dict[str, tuple[float, float]]
    descriptors: int

    @property
    def total_mib(self) -> float:
        return sum(resident for resident, _ in self.memory.values())

    def __str__(self) -> str:
        each = ", ".join(f"{n} {r:.0f} ({a:.0f} anonymous)" for n, (r, a) in self.memory.items())
        return f"{self.at_s / 60:5.1f} min  MiB: {each}; {self.descriptors} descriptors"


def look(pid: int, at_s: float) -> Look:
    """Look at a supervisor and its workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    named = {"parent": pid} | {
        f"worker {child}": int(child) for child in children if not _tracks(child)
    }
    memory = {name: _memory(each) for name, each in named.items()}
    files = (pid, *map(int, children))
    return Look(at_s, memory, sum(1 for each in files for _ in Path(f"/proc/{each}/fd").iterdir()))


def _tracks(pid: str) -> bool:
    """Whether a child is the one that multiprocessing keeps for itself."""
    return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _memory(pid: int) -> tuple[float, float]:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = (status.partition(f"{name}:")[2].split()[0] for name in ("VmRSS", "RssAnon"))
    resident, anonymous = (int(kib) / 1024 for kib in found)
    return round(resident, 1), round(anonymous, 1)


def slope(looks: list[Look]) -> float:
    """How fast the memory of all grows, in MiB a minute."""
    if len(looks) < 2:
        return 0.0
    minutes = [each.at_s / 60 for each in looks]
    return linear_regression(minutes, [each.total_mib for each in looks]).slope


@dataclass
class Seen:
    """What the callers were told, what the processes held, and what the books say."""

    capacity: float = 0.0
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    looks: list[Look] = field(default_factory=list)
    at_rest: Look | None = None
    ledger_errors: dict[str, float] = field(default_factory=dict)
    loud: Counter[str] = field(default_factory=Counter)  # words in the log that should not be
    charges: dict[str, int] = field(default_factory=dict)
    exit_code: int = -1
    verified: int = -1
    billed: int = 0
    uncounted: int = 0

    @property
    def slopes(self) -> tuple[float, float]:
        """Growth in the first and in the last third, in MiB a minute."""
        third = len(self.looks) // 3
        return slope(self.looks[1 : third + 1]), slope(self.looks[-max(third, 2) :])

    @property
    def level(self) -> bool:
        """Whether memory levelled off: it hardly grows any more, or four times slower."""
        first, last = self.slopes
        return last <= max(FLAT_MIB_A_MINUTE, first / 4)

    def faults(self) -> list[str]:
        """Why this was no good; nothing, if it was."""
        found = [f"{self.answers[e]} callers heard {e}" for e in NEVER_TOLD if self.answers[e]]
        found += [f"{count} ledger errors: {kind}" for kind, count in self.ledger_errors.items()]
        found += [f"{count} lines of the log say {word}" for word, count in self.loud.items()]
        if self.exit_code or self.verified:
            found.append(f"it ended with {self.exit_code}, verify with {self.verified}")
        if self.uncounted or not self.billed:
            found.append(f"{self.uncounted} of {self.billed} billed jobs are not counted")
        if held := self.charges.get("reserved"):
            found.append(f"{held} fares are held by calls that are over")
        return found + self._growth()

    def _growth(self) -> list[str]:
        found, began = [], self.looks[len(self.looks) // 3]
        assert self.at_rest is not None
        grown = self.at_rest.total_mib - began.total_mib
        if grown > SETTLING_MIB + min(CACHES_MIB, CACHED_MIB * self.billed):
            found.append(f"memory grew by {grown:.0f} MiB")
        if self.seconds >= JUDGED_S and not self.level:
            found.append(
                "memory did not level off: {:.2f}, then {:.2f} MiB/min".format(*self.slopes)
            )
        if self.at_rest.descriptors > self.looks[0].descriptors + LAZILY:
            found.append(f"{self.at_rest.descriptors} descriptors are left open")
        return found

    def told(self) -> str:
        """The figures, for people."""
        first, last = self.slopes
        verdict = "levelled off" if self.level else "still grows"
        answers = ", ".join(f"{count} {what}" for what, count in self.answers.most_common())
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.charges.items()))
        lines = [
            f"capacity {self.capacity:.0f} turns/s; {self.seconds / 60:.1f} minutes of load",
            f"answers: {answers}",
            f"memory: {self.looks[0].total_mib:.0f} MiB, then {self.looks[-1].total_mib:.0f}",
            f"growth: {first:+.2f} MiB/min in the first third, {last:+.2f} in the last: {verdict}",
            f"at rest: {self.at_rest}",
            f"charges: {states}; billed {self.billed}, of which not counted {self.uncounted}",
            f"ledger errors: {self.ledger_errors or 'none'}; log: {dict(self.loud) or 'quiet'}",
            f"exit code {self.exit_code}, verify {self.verified}",
            *(f"FAULT: {fault}" for fault in self.faults()),
        ]
        return "\n".join(lines)
