"""What a run says of its samples: ratios, verdicts, and where a profile puts a stack."""

import pytest

from bench.cells import Sample
from bench.goals import Finding, Goal, written
from bench.load import Load
from bench.profile import stacks, stage_of
from bench.table import findings

AT_MOST, AT_LEAST = Goal("w", "f", 1.5, 1.0), Goal("w", "f", 10, 20, least=True)


@pytest.mark.parametrize(
    ("goal", "values", "said"),
    [
        pytest.param(AT_MOST, (1.2, 1.4, 9.0), "| 1.4 (1.2 to 9) | <= 1.5 | met | <= 1 |"),
        pytest.param(AT_MOST, (0.9,), "| 0.9 | <= 1.5 | met | <= 1, reached |"),
        pytest.param(AT_MOST, (1.6,), "| 1.6 | <= 1.5 | **missed** | <= 1 |"),
        pytest.param(AT_LEAST, (9.9,), "| 9.9 | >= 10 | **missed** | >= 20 |"),
        pytest.param(AT_LEAST, (12_345.6,), "| 12,346 | >= 10 | met | >= 20, reached |"),
        pytest.param(Goal("w", "f"), (3.0,), "| 3 |  |  |  |"),
    ],
)
def test_the_median_is_held_to_the_goal(goal: Goal, values: tuple[float, ...], said: str) -> None:
    assert said in written([Finding(goal, values)])


def test_only_what_has_a_goal_is_counted() -> None:
    told = [Finding(AT_MOST, (1.0,)), Finding(AT_MOST, (2.0,)), Finding(Goal("w", "f"), (1.0,))]
    assert "1 of 2 goals met." in written(told)


def sample(peer: str, cpu_ms: float, a_second: float = 100, cell: str = "submit@32") -> Sample:
    return Sample(peer, cell, Load(100, 0, a_second, 1.0, 1.0, 1.0), cpu_ms, 0)


def test_ratios_are_of_what_stood_side_by_side() -> None:
    ours = [sample("farebox", 0.2, 80), sample("farebox", 0.4, 90)]
    theirs = [sample("caddy", 0.1), sample("caddy", 0.1)]
    bare = [sample("bare+client", 0.1), sample("bare+client", 0.1)]
    slow = [sample("portkey", 4.0), sample("portkey", 2.0)]
    found = {f.goal.figure: f.values for f in findings([*ours, *theirs, *bare, *slow])}
    assert {figure: tuple(round(v, 6) for v in values) for figure, values in found.items()} == {
        "CPU a call, Caddy = 1": (2.0, 4.0),
        "share of the calls/s of a bare pass-through, same client": (0.8, 0.9),
        "times less CPU a call than Portkey": (20.0, 5.0),
    }


def test_a_peer_that_failed_in_a_round_has_no_ratios() -> None:
    ours = [sample("farebox", 0.2), sample("farebox", 0.4)]
    assert findings([*ours, sample("caddy", 0.1)]) == []


@pytest.mark.parametrize(
    ("frames", "stage"),
    [
        (["run (uvicorn/server.py:8)", "send (proxy/upstream/client.py:79)"], "the upstream call"),
        (["quote (pricing/quote.py:3)", "malloc (libc.so.6)"], "the price"),
        (["_work (proxy/ledger/writer.py:9)", "sqlite3_step (libsqlite3.so.0)"], "SQLite"),
        (["_call (uvloop/loop.so)", "write (libc.so.6)"], "sockets and wake-ups"),
        (["_work (proxy/ledger/writer.py:9)", "fdatasync (libc.so.6)"], ""),
        (["_worker (concurrent/futures/thread.py:81)", "0x7f03416a3f16 (libc.so.6)"], ""),
        (["serve (proxy/relay.py:80)", "loads (json/__init__.py:3)"], "the relay"),
        (["main (somewhere.py:1)"], "other"),
    ],
)
def test_a_stack_belongs_to_its_innermost_stage(frames: list[str], stage: str) -> None:
    assert stage_of(frames) == stage


def test_collapsed_stacks_are_read_by_thread() -> None:
    raw = (
        "thread (12): MainThread;a (x.py:1);b (y.py:2) 7\nbroken\nthread (13): ledger;c (z.py) 1\n"
    )
    assert list(stacks(raw)) == [
        (12, "MainThread", ["a (x.py:1)", "b (y.py:2)"], 7),
        (13, "ledger", ["c (z.py)"], 1),
    ]
