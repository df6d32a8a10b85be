"""When a threshold is told again: its rounds, and when one of them is over."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.budget import Budget, Standing
from proxy.notify.outbox import Seen
from proxy.notify.rules import (
    CALM_MAX_US,
    CALM_US,
    Mark,
    Notice,
    Told,
    below,
    calm_us,
    news,
    passed,
)

AT = [50, 80, 100]
SCOPE = "key:1"
SECOND_US = 1_000_000
Word = tuple[int, str]


@dataclass
class Watched:
    """A budget, the workers that look at it, and what they have told: their common outbox."""

    settled: int = 0
    held: int = 0
    limit: int | None = 100
    now_us: int = 1_795_000_000_000_000
    workers: tuple[Seen, Seen] = field(default_factory=lambda: (Seen(), Seen()))
    outbox: dict[tuple[Mark, int, str], Notice] = field(default_factory=dict)

    @property
    def standing(self) -> Standing:
        budget = Budget("key", "web", "day", self.limit)
        period = "2026-11-23"
        return Standing(budget, period, "UTC", self.settled, self.held, self.now_us + 10**12)

    def look(self, worker: int = 0) -> list[Word]:
        """Have a worker look; what it told that nobody had told."""
        seen, told = self.workers[worker], self._told()
        seen.wait(SCOPE, below(SCOPE, self.standing, told), self.now_us)
        found = news(SCOPE, self.standing, AT, told, seen.since, self.now_us)
        fresh = [n for n in found if (n.mark, n.round, n.state) not in self.outbox]
        self.outbox |= {(n.mark, n.round, n.state): n for n in fresh}
        return sorted((n.mark.threshold, n.state) for n in fresh)

    def _told(self) -> dict[Mark, Told]:
        return {n.mark: Told(n.state, n.round, n.limit_micros) for n in self.outbox.values()}

    def words(self, threshold: int) -> list[str]:
        """List what was told of a threshold, in order."""
        return [n.state for n in self.outbox.values() if n.mark.threshold == threshold]

    def wait(self, us: int) -> None:
        self.now_us += us

    def rest(self) -> None:
        """Have nothing happen but looks, for as long as a change can take to be told."""
        for _ in range(2):
            for worker in (0, 1):
                self.look(worker)
            self.wait(CALM_MAX_US)
        self.look()


def every(state: str) -> list[Word]:
    return [(threshold, state) for threshold in AT]


def test_a_budget_that_runs_out_after_a_failed_job_is_told_so() -> None:
    web = Watched(limit=40_200, held=40_200)
    assert web.look() == every("raised")
    web.held = 0
    assert web.look() == [], "the next call may hold it again"
    web.wait(9 * SECOND_US)
    assert web.look() == []
    web.settled = 40_200
    assert web.look() == [], "it is what was told last"
    web.rest()
    assert web.words(100) == ["raised"]


def test_what_was_resolved_is_told_again_under_an_id_of_its_own() -> None:
    web = Watched(held=100)
    web.look()
    web.held = 0
    web.look()
    web.wait(CALM_US)
    assert web.look() == every("resolved")
    web.settled = 100
    assert web.look() == every("raised")
    assert web.words(100) == ["raised", "resolved", "raised"]
    assert len({n.id for n in web.outbox.values()}) == 9


def test_a_first_round_keeps_the_ids_that_it_had() -> None:
    first = Notice(Mark("key:1", "day", "2026-11-23", 50), "raised", "{}")
    assert first.id == "ntc_4a0f9b35d119df5a305c9acc"
    assert replace(first, round=2).id != first.id


@pytest.mark.parametrize("limit", [1_000, None])
def test_another_limit_resolves_at_once(limit: int | None) -> None:
    web = Watched(settled=100)
    web.look()
    web.limit = limit
    assert web.look() == every("resolved")


def test_to_be_reached_again_starts_the_wait_anew() -> None:
    web = Watched(held=100)
    web.look()
    for held in (0, 100, 0):
        web.held = held
        assert web.look() == []
        web.wait(CALM_US - 1)
    web.wait(1)
    assert web.look() == every("resolved")


def test_a_threshold_that_is_not_set_any_more_is_resolved_when_that_is_true() -> None:
    web = Watched(settled=60)
    mark = Mark(SCOPE, "day", "2026-11-23", 55)
    told = {mark: Told("raised", 1, 100)}
    assert below(SCOPE, web.standing, told) == {}
    web.settled = 54
    assert below(SCOPE, web.standing, told) == told


@pytest.mark.parametrize(
    ("turn", "seconds"), [(1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (10**6, 3600)]
)
def test_each_round_waits_twice_as_long_up_to_an_hour(turn: int, seconds: int) -> None:
    assert calm_us(turn) == seconds * SECOND_US


@dataclass(frozen=True)
class Step:
    """What happens to a budget, and who looks at it then."""

    settled: int
    held: int
    limit: int | None
    wait_s: int
    worker: int | None


steps = st.builds(
    Step,
    settled=st.sampled_from([-20, 0, 0, 0, 30]),
    held=st.sampled_from([0, 0, 50, 80, 100, 130]),
    limit=st.sampled_from([100, 100, 100, 100, 200, 0, None]),
    wait_s=st.sampled_from([0, 2, 9, 10, 60, 4000]),
    worker=st.sampled_from([0, 1, None]),
)


@given(st.lists(steps, max_size=40))
def test_at_rest_the_last_word_of_every_mark_is_true(run: list[Step]) -> None:
    web = Watched()
    limits, waited_us = 0, 0
    for step in run:
        limits += step.limit != web.limit
        web.settled = max(0, web.settled + step.settled)
        web.held, web.limit = step.held, step.limit
        web.wait(step.wait_s * SECOND_US)
        waited_us += step.wait_s * SECOND_US
        if step.worker is not None:
            web.look(step.worker)
    web.rest()
    for threshold in AT:
        words = web.words(threshold)
        assert words == (["raised", "resolved"] * len(words))[: len(words)], "in turns"
        assert bool(len(words) % 2) is (threshold in passed(web.standing, AT)), "the truth"
        rounds = len(words) // 2
        assert rounds <= limits + waited_us // CALM_US + 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=300))
def test_holds_that_come_and_go_are_told_a_few_times(run: list[tuple[bool, int]]) -> None:
    web = Watched()
    began_us = web.now_us
    for held, wait_s in run:
        web.held = 100 if held else 0
        web.look()
        web.wait(wait_s * SECOND_US)
    rounds = len(web.words(100)) // 2
    assert sum(calm_us(turn + 1) for turn in range(rounds)) <= web.now_us - began_us
