"""How many fares are kept at hand: of open ones many, of decided ones few, and all are found."""

import pytest

from proxy import fares as module
from proxy.charge import Ground
from proxy.ledger.outcomes import Accept, Decide
from tests.reconciler.node import Node

BOUGHT = 6


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_is_kept_at_hand_is_bounded_and_the_rest_is_found_in_the_ledger(
    here: Node, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPEN_MAX", 4)
    monkeypatch.setattr(module, "DECIDED_MAX", 2)
    key, fares = await here.key(), here.fares
    decided, still_open = ([f"{word}-{n}" for n in range(BOUGHT)] for word in ("done", "runs"))
    for job in (*decided, *still_open):
        fare = await here.reserve(key)
        await fares.record(Accept(fare.id, fare.account, job))
        if job in decided:
            await fares.record(Decide(fare.id, 1, Ground.ANSWER, "completed"))
    assert [job for job, _ in fares._open] == still_open[-4:]  # noqa: SLF001 - the bound is the point
    assert [job for job, _ in fares._decided] == decided[-2:]  # noqa: SLF001
    for jobs, state in ((decided, "settled"), (still_open, "accepted")):
        found = [await fares.find(job, key) for job in jobs]
        assert [fare and fare.state for fare in found] == [state] * BOUGHT
    assert (len(fares._open), len(fares._decided)) == (4, 2)  # noqa: SLF001
