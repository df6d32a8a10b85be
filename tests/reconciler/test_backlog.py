"""What could not be written is written as soon as it can be: all of it, and in its order."""

import asyncio
from pathlib import Path

import pytest

from proxy.charge import Ground
from proxy.ledger import writer
from proxy.ledger.outcomes import Accept, Decide
from tests.reconciler.node import Node

WAITING = 300


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_waits_for_the_ledger_is_written_when_it_comes_back(
    here: Node, url: str, tmp_path: Path
) -> None:
    key = await here.key()
    fares = await asyncio.gather(*(here.reserve(key) for _ in range(WAITING)))
    database = tmp_path / "farebox.db"
    database.rename(tmp_path / "elsewhere")
    for number, fare in enumerate(fares):
        accept = Accept(fare.id, fare.account, f"job-{number}")
        assert await here.fares.record(accept) is None
        assert await here.fares.record(Decide(fare.id, 1, Ground.ANSWER, "completed")) is None
    (tmp_path / "elsewhere").rename(database)
    await here.fares.flush(within_s=20)
    states = {(found.state, found.prediction_id) for found in await asyncio.gather(
        *(here.now(fare) for fare in fares)
    )}  # fmt: skip
    assert states == {("settled", f"job-{number}") for number in range(WAITING)}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_finds_no_room_among_those_that_wait_is_written_too(
    here: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    fare = await here.reserve(await here.key())
    steps = [
        Accept(fare.id, fare.account, "job"),
        Decide(fare.id, 1, Ground.ANSWER, "completed"),
        *[Decide(fare.id, 1, Ground.ANSWER, "completed") for _ in range(5)],
    ]
    monkeypatch.setattr(writer, "QUEUE_MAX", 0)
    assert [await here.fares.record(step) for step in steps] == [None] * len(steps)
    monkeypatch.setattr(writer, "QUEUE_MAX", 2)  # of each seven, two find room
    await here.fares.flush(within_s=20)
    assert (await here.now(fare)).state == "settled"
