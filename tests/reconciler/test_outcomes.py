"""Every outcome that nobody came back for, and what the reconciler makes of it."""

import asyncio
import contextlib

import pytest

from proxy.charge import Ground
from proxy.ledger.outcomes import Accept, Decide, Doubt
from proxy.reconciler import AT_ONCE_MAX
from tests.reconciler.node import GIVE_UP_S, UNIT_MICROS, Clock, Node
from tests.standin.server import Standin

HELD = 3 * UNIT_MICROS
RESERVE, ACCEPT = ("reserve", HELD, 0), ("accept", 0, 0)
RELEASE, ASSUME = ("release", -HELD, 0), ("settle", -HELD, HELD)


def settle(images: int) -> tuple[str, int, int]:
    return ("settle", -HELD, images * UNIT_MICROS)


OUTCOMES = [
    pytest.param("", "answer", settle(3), id="completed"),
    pytest.param("end=succeeded", "answer", settle(3), id="another word for it"),
    pytest.param("fewer", "answer", settle(2), id="completed with fewer outputs"),
    pytest.param("more", "answer", settle(4), id="completed with more outputs"),
    pytest.param("empty", "answer", settle(3), id="completed with none"),
    pytest.param("no-outputs", "answer", settle(3), id="completed, no member"),
    pytest.param("flip", "answer", settle(3), id="completed, then failed"),
    pytest.param("failed", "answer", RELEASE, id="failed"),
    pytest.param("failed-null", "answer", RELEASE, id="failed without a reason"),
    pytest.param("end=cancelled", "answer", RELEASE, id="cancelled"),
    pytest.param("end=expired", "answer", RELEASE, id="expired"),
    pytest.param("unknown", "answer", settle(3), id="an unknown word on the way"),
    pytest.param("end=pondered", "assumed", ASSUME, id="an unknown word at the end"),
    pytest.param("never", "assumed", ASSUME, id="never finished"),
    pytest.param("gone", "assumed", ASSUME, id="polls say 404"),
    pytest.param("poll-500=2", "answer", settle(3), id="two polls fail with 500"),
    pytest.param("poll-401", "assumed", ASSUME, id="polls are not allowed"),
    pytest.param("poll-truncated=1", "answer", settle(3), id="a poll is cut off"),
    pytest.param("poll-reset=1", "answer", settle(3), id="a poll is reset"),
    pytest.param("poll-unreadable", "assumed", ASSUME, id="polls cannot be read"),
    pytest.param("big=200000", "answer", settle(3), id="pictures in the answer"),
    pytest.param("big=200000 more", "answer", settle(4), id="more pictures in the answer"),
    pytest.param(f"failed={'x' * 70_000}", "answer", RELEASE, id="failed with a long reason"),
    pytest.param("big=200000 polls=1 poll-truncated=1", "answer", settle(3),
                 id="a large poll is cut off"),
    pytest.param("big=200000 polls=1 poll-no-last-chunk", "assumed", ASSUME,
                 id="large polls are cut off"),
    pytest.param("big=200000 polls=1 poll-eof-cut", "assumed", ASSUME,
                 id="large polls end too early, unnoticed"),
]  # fmt: skip


async def days_pass(here: Node, clock: Clock, *, hours: int = 30) -> None:
    for _ in range(hours // 2):
        clock.step(hours=2)
        await here.reconciler.tick()


@pytest.mark.parametrize(("words", "ground", "last"), OUTCOMES)
async def test_a_charge_nobody_polled_is_decided_once(
    here: Node, clock: Clock, words: str, ground: str, last: tuple[str, int, int]
) -> None:
    fare = await here.buy(await here.key(), words, n=3)
    await days_pass(here, clock)
    assert (await here.now(fare)).ground == ground
    assert await here.entries(fare) == [RESERVE, ACCEPT, last]


async def test_an_id_handed_out_twice_leaves_the_first_fare_alone(here: Node, clock: Clock) -> None:
    key = await here.key()
    first = await here.buy(key, "dup=x")
    second = await here.buy(key, "dup=x")
    assert (second.state, second.prediction_id) == ("uncertain", None)
    await days_pass(here, clock)
    assert (await here.now(first)).ground == Ground.ANSWER
    assert (await here.now(second)).ground == Ground.ASSUMED


async def test_an_id_that_never_appears_is_charged_at_the_end_and_never_asked_for(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.reserve(await here.key())
    await here.fares.record(Doubt(fare.id, "no answer"))
    clock.step(seconds=GIVE_UP_S - 60)
    await here.reconciler.tick()
    assert (await here.now(fare)).state == "uncertain"
    clock.step(seconds=61)
    await here.reconciler.tick()
    assert (await here.now(fare)).ground == Ground.ASSUMED
    assert not upstream.calls


async def test_a_call_that_never_ended_becomes_uncertain_when_its_time_is_over(
    here: Node, clock: Clock
) -> None:
    fare = await here.reserve(await here.key())
    clock.step(seconds=659)
    await here.reconciler.tick()
    assert (await here.now(fare)).state == "reserved"
    clock.step(seconds=2)
    await here.reconciler.tick()
    assert (await here.now(fare)).state == "uncertain"


async def test_a_call_whose_answer_came_after_it_was_found_late_stays_accepted(
    here: Node, clock: Clock
) -> None:
    fare = await here.reserve(await here.key())
    clock.step(seconds=661)
    slots = here.reconciler._slots  # noqa: SLF001 - the looks of others, which take their time
    async with contextlib.AsyncExitStack() as others:
        for _ in range(AT_ONCE_MAX):
            await others.enter_async_context(slots)
        looking = asyncio.create_task(here.reconciler.tick())
        while not (await here.now(fare)).lease_owner:
            pass
        await here.fares.record(Accept(fare.id, fare.account, "p1"))
    await looking
    assert (await here.now(fare)).state == "accepted"


@pytest.mark.parametrize(("outputs", "moved"), [(None, -HELD), (2, -UNIT_MICROS), (3, 0)])
async def test_a_late_truth_becomes_one_correction(
    here: Node, clock: Clock, outputs: int | None, moved: int
) -> None:
    fare = await here.buy(await here.key(), "never", n=3)
    await days_pass(here, clock)
    for _ in range(3):
        await here.fares.record(Decide(fare.id, outputs, Ground.ANSWER, "late"))
    late = [("correct", 0, moved)] if moved else []
    assert await here.entries(fare) == [RESERVE, ACCEPT, ASSUME, *late]
    assert (await here.now(fare)).settled_micros == HELD + moved


async def test_what_was_decided_on_an_answer_is_never_changed_by_another(
    here: Node, clock: Clock
) -> None:
    fare = await here.buy(await here.key(), "flip", n=3)
    await days_pass(here, clock)
    await here.fares.record(Decide(fare.id, None, Ground.ANSWER, "failed"))
    assert await here.entries(fare) == [RESERVE, ACCEPT, settle(3)]
