"""A clock that is set is noticed once a step; one that is slewed, or a host that sleeps, is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.clock import STEP_MAX_US, Steps, now_us, running_us

HOUR_US = 3_600_000_000


class Host:
    """A host's two clocks: the one that people set, and the one that nobody can."""

    def __init__(self) -> None:
        self.wall_us, self.running_us = 1_900_000_000_000_000, 5

    def passes(self, span_us: int) -> None:
        self.wall_us += span_us
        self.running_us += span_us

    def watched(self) -> Steps:
        return Steps(lambda: self.wall_us, lambda: self.running_us)


@pytest.mark.parametrize("step_us", [STEP_MAX_US + 1, -STEP_MAX_US - 1, 24 * HOUR_US])
def test_a_step_is_told_once(step_us: int) -> None:
    host = Host()
    steps = host.watched()
    host.passes(HOUR_US)
    assert steps.look() == 0
    host.wall_us += step_us
    host.passes(HOUR_US)
    assert [steps.look(), steps.look()] == [step_us, 0]


@pytest.mark.parametrize("step_us", [STEP_MAX_US, -STEP_MAX_US])
def test_what_ntp_would_slew_is_no_step(step_us: int) -> None:
    host = Host()
    steps = host.watched()
    host.wall_us += step_us
    assert steps.look() == 0


@given(st.lists(st.integers(-STEP_MAX_US, STEP_MAX_US), max_size=20))
def test_many_small_steps_are_told_as_soon_as_they_come_to_a_large_one(moves: list[int]) -> None:
    host = Host()
    steps, untold = host.watched(), 0
    for move in moves:
        host.wall_us += move
        untold += move
        told = steps.look()
        assert told == (untold if abs(untold) > STEP_MAX_US else 0)
        untold -= told


def test_the_clock_that_nobody_can_set_runs_on() -> None:
    before = running_us()
    assert running_us() >= before > 0
    assert Steps().look() == 0
    assert now_us() > 1_700_000_000_000_000
