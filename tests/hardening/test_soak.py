"""The soak, for twenty seconds; and how it judges what it saw."""

from pathlib import Path

import pytest

from tests.hardening.soak import Soak
from tests.hardening.soak_seen import JUDGED_S, Look, Seen


def test_a_load_with_faults_leaves_nothing_open_and_the_books_agree(tmp_path: Path) -> None:
    told: list[str] = []
    seen = Soak(tmp_path, 20, told.append).run()
    assert seen.faults() == []
    assert seen.answers["200"] > 100
    assert sum("worker" in line for line in told) >= len(seen.looks) > 10
    assert "levelled off" in seen.told() or "still grows" in seen.told()


def held(*mib: float) -> list[Look]:
    return [Look(60.0 * n, {"worker 1": (each, each)}, 10) for n, each in enumerate(mib)]


def well(looks: list[Look], seconds: float = JUDGED_S) -> Seen:
    return Seen(
        seconds=seconds, looks=looks, at_rest=looks[-1], exit_code=0, verified=0, billed=100_000
    )


@pytest.mark.parametrize(
    ("looks", "fault"),
    [
        pytest.param(held(*[200] * 30), None, id="flat"),
        pytest.param(held(*range(100, 140, 4), *[140] * 20), None, id="it fills, then is full"),
        pytest.param(held(*range(100, 400, 10)), "did not level off", id="it grows and grows"),
        pytest.param(held(*[100] * 20, *range(100, 150, 5)), "did not level off", id="it begins"),
        pytest.param(held(*[100] * 29, 500), "memory grew by", id="it leaps at the end"),
    ],
)
def test_memory_is_judged_by_where_it_goes(looks: list[Look], fault: str | None) -> None:
    told = " ".join(well(looks).faults())
    assert fault in told if fault else not told


def test_nothing_that_went_wrong_is_passed_over() -> None:
    seen = well(held(*[200] * 30))
    seen.answers["overloaded"] = 2
    seen.ledger_errors["busy"] = 1.0
    seen.loud["locked"] = 3
    seen.charges["reserved"] = 4
    seen.verified, seen.uncounted = 1, 5
    assert len(seen.faults()) == 6
    assert seen.told().count("FAULT") == 6
