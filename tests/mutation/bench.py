"""A module on the bench: its tree, its tests, and what a fork says of the fault that it has."""

import ast
import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import pytest

UNSEEN, SEEN, UNFIT, LATE = 0, 1, 2, 3  # unfit: it cannot be put in place
NOTED_MAX = 1 << 14  # bytes: the name of a test may hold what it is given
# Without pytest's limit, which ends a slow fork as if a test had failed: a fork has its own.
QUIETLY = ("-x", "-q", "--timeout=0", "--assert=plain")
WITHOUT = ("-p", "no:cacheprovider", "-p", "no:unraisableexception")


class Verdict(NamedTuple):
    """What became of a fault; `by` is the test that saw it, or that was late."""

    code: int
    by: str = ""


class Note:
    """A word from a fork to the process that made it, which is there however the fork ends."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, NOTED_MAX)

    def write(self, word: str) -> None:
        """Say this in the place of what was said before."""
        noted = word.encode(errors="replace")[: NOTED_MAX - 1] + b"\0"
        self._page[: len(noted)] = noted

    def read(self) -> str:
        """Return what was said last."""
        return self._page[:].split(b"\0", 1)[0].decode(errors="replace")


class Seconds(NamedTuple):
    """How long the tests took: of a processor, and by the clock on the wall."""

    cpu: float
    wall: float


UNKNOWN = Seconds(100.0, 100.0)


@dataclass
class Bench:
    """A module on the bench: its tree, its tests, and how long they take without a fault."""

    path: Path
    tests: list[str]
    temp: Path
    jobs: int
    tree: ast.Module = field(init=False)
    note: Note = field(default_factory=Note)
    took: Seconds = UNKNOWN
    patience: int = 1  # how many times as long as it is meant to, a fault may take

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"))

    def code(self) -> CodeType:
        """Compile the tree as it now is."""
        return compile(ast.fix_missing_locations(self.tree), str(self.path.resolve()), "exec")

    def own(self) -> Path:
        """Name the directory that this process alone writes to."""
        return self.temp.resolve() / str(os.getpid())

    def pytest(self, *plugins: object) -> int:
        """Run the tests in this very process."""
        here = f"--basetemp={self.own()}"
        return int(
            pytest.main([*QUIETLY, *WITHOUT, here, *self.tests], plugins=[*plugins, _Witness(self)])
        )


class _Witness:
    """Notes which test is at work: as the first that fails is the last, that one saw the fault."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.bench.note.write(report.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.bench.note.write(nodeid)
