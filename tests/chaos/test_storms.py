"""Kills in the middle of everything, and the upstream's bill to judge by: a short `make chaos`."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.mutants import MUTANTS
from tests.chaos.plan import Plan
from tests.chaos.points import POINTS
from tests.chaos.run import Outcome, storm
from tests.postgres import Postgres, postgres

__all__ = ["postgres"]

SHORT = Plan(seconds=5, kills=8, in_flight=60, limit_calls=30, midnight_s=2.5, give_up_s=4)
PLANTED = Plan(seconds=3, kills=2, in_flight=60, limit_calls=12, midnight_s=1.5, give_up_s=2)


def stormed(url: str, home: Path, plan: Plan) -> Outcome:
    return asyncio.run(storm(url, home, plan))


def test_no_kill_oversells_or_loses_a_fare_on_sqlite(tmp_path: Path) -> None:
    outcome = stormed(f"sqlite:///{tmp_path}/farebox.db", tmp_path, SHORT)
    assert not outcome.faults
    assert outcome.verdict.billed_jobs


def test_no_kill_oversells_or_loses_a_fare_on_postgresql(
    tmp_path: Path, postgres: Postgres
) -> None:
    outcome = stormed(postgres.create(), tmp_path, SHORT)
    assert not outcome.faults
    assert outcome.verdict.billed_jobs


def test_a_death_at_any_named_point_is_found_again(tmp_path: Path) -> None:
    plan = Plan(processes=1, in_flight=4, each_point=True, give_up_s=2, words=("", "standin:sync"))
    outcome = stormed(f"sqlite:///{tmp_path}/farebox.db", tmp_path, plan)
    assert not outcome.faults
    assert {point for point in POINTS if outcome.kills.get(point)} == set(POINTS)


def test_a_fare_settled_at_acceptance_survives_kills_too(tmp_path: Path) -> None:
    plan = Plan(seconds=3, kills=5, in_flight=40, charge_on="submit", give_up_s=2)
    outcome = stormed(f"sqlite:///{tmp_path}/farebox.db", tmp_path, plan)
    assert not outcome.faults


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_planted_mistake_turns_the_run_red(tmp_path: Path, mistake: str) -> None:
    plan = Plan(**{**vars(PLANTED), "mutant": mistake, "decide_s": 4})
    outcome = stormed(f"sqlite:///{tmp_path}/farebox.db", tmp_path, plan)
    assert CAUGHT_BY[mistake] & set(outcome.faults)


CAUGHT_BY = {
    "accounting after the call": {"overshoot_micros", "lost_jobs"},
    "check-then-act": {"overshoot_micros", "overshot_samples"},
    "refund on any error": {"lost_jobs"},
    # Where today's row holds nothing, the database refuses to settle: then it stays undecided.
    "settle on today's row": {"differences", "undecided"},
}
