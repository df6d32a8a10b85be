"""How many fares are kept at hand: of open ones many, of decided ones few, and all are found."""

import pytest

from proxy import fares as module
from proxy.charge import Ground
from proxy.clock import now_us
from proxy.ledger.outcomes import Accept, Decide
from tests.reconciler.node import Clock, Node, node
from tests.standin.server import Standin

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


async def test_a_fare_that_another_node_may_have_given_up_is_looked_up_again(
    here: Node, url: str, upstream: Standin, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "now_us", lambda: now_us() + clock.ahead_us)
    key = await here.key()
    fare = await here.buy(key, "never")
    prediction = fare.prediction_id or ""
    assert here.fares.at_hand(prediction, key) is fare
    async with node(url, upstream.url, name="elsewhere:1:1") as there:
        clock.step(hours=25)
        await there.reconciler.tick()
    found = await here.fares.find(prediction, key)
    assert found is not None
    assert (found.state, found.ground) == ("settled", Ground.ASSUMED)
