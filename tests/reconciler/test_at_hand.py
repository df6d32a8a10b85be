"""How many fares are kept at hand: of open ones many, of decided ones few, and all are found."""

import pytest

from proxy import fares as module
from proxy.charge import Ground
from proxy.ledger.outcomes import Accept, Decide
from tests.reconciler.node import Node

BOUGHT = 12


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_is_kept_at_hand_is_bounded_and_the_rest_is_found_in_the_ledger(
    here: Node, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPEN_MAX", 4)
    monkeypatch.setattr(module, "DECIDED_MAX", 2)
    key, fares = await here.key(), here.fares
    ids = [f"job-{number}" for number in range(BOUGHT)]
    for number, job in enumerate(ids):
        fare = await here.reserve(key)
        await fares.record(Accept(fare.id, fare.account, job))
        if number % 2:
            await fares.record(Decide(fare.id, 1, Ground.ANSWER, "completed"))
    open_ids, decided_ids = ids[0::2], ids[1::2]
    assert [job for job, _ in fares._open] == open_ids[-4:]  # noqa: SLF001 - the bound is the point
    assert [job for job, _ in fares._decided] == decided_ids[-2:]  # noqa: SLF001
    found = [await fares.find(job, key) for job in ids]
    assert [fare and fare.state for fare in found] == ["accepted", "settled"] * (BOUGHT // 2)
    assert (len(fares._open), len(fares._decided)) == (4, 2)  # noqa: SLF001
