"""The machine of `machine.py`, let loose on both databases."""

import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from proxy.ledger.schema import open_session
from proxy.ledger.session import Session
from tests.ledger.machine import AnyRun
from tests.ledger.world import Clock

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "40"))
SEEKING = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
TABLES = (
    "entries", "charges", "balances", "spend", "totals", "tallies", "counting", "keys", "teams",
    "audit", "replays",
)  # fmt: skip


def prove(
    fresh: Callable[[Clock], list[Session]], phases: tuple[Phase, ...] = SEEKING, **facts: bool
) -> None:
    """Run the machine."""
    run_state_machine_as_test(
        type("AnyRunHere", (AnyRun,), {"fresh": staticmethod(fresh), **facts}),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
def test_no_run_breaks_the_books_on_sqlite(empty_ledger: Path, tmp_path: Path) -> None:
    numbers = count()
    opened: list[Session] = []

    def fresh(clock: Clock) -> list[Session]:
        while opened:
            opened.pop().close()
        path = tmp_path / f"run{next(numbers)}.db"
        shutil.copy(empty_ledger, path)
        url = f"sqlite:///{path}"
        opened.extend(open_session(url, synchronous="OFF", clock=clock) for _ in range(2))
        return list(opened)

    prove(fresh)
    while opened:
        opened.pop().close()


@pytest.mark.timeout(300)
def test_no_run_breaks_the_books_on_postgresql(make_url: Callable[[str], str]) -> None:
    url = make_url("postgresql")
    times = [Clock("2026-11-23T12:00:00+00:00")]
    opened = [open_session(url, clock=lambda: times[-1].now_us) for _ in range(2)]

    def fresh(clock: Clock) -> list[Session]:
        times.append(clock)
        with opened[0].transaction():
            opened[0].run("ALTER TABLE entries DISABLE TRIGGER USER")
            for table in TABLES:
                opened[0].run(f"DELETE FROM {table}")  # noqa: S608
            opened[0].run("ALTER TABLE entries ENABLE TRIGGER USER")
        return opened

    prove(fresh, SEEKING[:-1], refusals_open_days=True)  # shrinking takes minutes here
    for session in opened:
        session.close()
