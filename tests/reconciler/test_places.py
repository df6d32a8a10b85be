"""Where the reconciler asks for a prediction: at the likeliest place, then wherever it may be."""

import pytest

from proxy.ledger.outcomes import Accept
from tests.reconciler.node import PATH, POLL_AFTER_S, Clock, Node
from tests.standin.refusals import json_reply, refusal
from tests.standin.server import Standin

UNKNOWN = refusal("unified", 404)
NO_POLLS = refusal("unified", 405, "Method not allowed")
ENVELOPE = json_reply(200, {"code": 404, "message": "task not found", "data": None})
IMAGES, TASKS = "/api/v3/images", "/api/v3/contents/generations/tasks"
PREDICTIONS, RESULTS, VIDEOS = "predictions/{}/result", "tasks/result/{}", "videos/{}"
OF_TASKS = "contents/generations/tasks/{}"

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def polled(upstream: Standin, prediction: str) -> list[str]:
    """Where the stand-in was asked, with braces for the id."""
    return [
        call.path.removeprefix("/api/v3/").replace(prediction, "{}")
        for call in upstream.calls
        if call.method == "GET"
    ]


@pytest.mark.parametrize(
    ("path", "prediction", "places"),
    [
        (PATH, "job", [PREDICTIONS, RESULTS, OF_TASKS, VIDEOS]),
        (PATH, "cgt-job", [OF_TASKS, PREDICTIONS, RESULTS, VIDEOS]),
        (IMAGES, "job", [RESULTS, PREDICTIONS, OF_TASKS, VIDEOS]),
        (IMAGES, "cgt-job", [OF_TASKS, PREDICTIONS, RESULTS, VIDEOS]),
        (TASKS, "cgt-job", [OF_TASKS, PREDICTIONS, RESULTS, VIDEOS]),
        ("/api/v3/image-upscaler", "a-cgt-job", [RESULTS, PREDICTIONS, OF_TASKS, VIDEOS]),
    ],
)
async def test_a_prediction_that_nobody_knows_is_asked_for_everywhere(
    here: Node, clock: Clock, upstream: Standin, path: str, prediction: str, places: list[str]
) -> None:
    fare = await here.reserve(await here.key(), path=path)
    await here.fares.record(Accept(fare.id, fare.account, prediction))
    await here.reconciler.tick()
    assert polled(upstream, prediction) == places
    assert (here.counted, (await here.now(fare)).state) == ({"running": 1}, "accepted")


async def test_a_priced_model_bought_as_a_task_is_asked_for_among_the_tasks(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.buy(await here.key(), "id=cgt-20261123-x polls=1", path=TASKS)
    assert (fare.price_status, fare.task) != ("unpriced", "tasks")
    clock.step(seconds=POLL_AFTER_S + 1)
    await here.reconciler.tick()
    assert polled(upstream, "cgt-20261123-x") == [OF_TASKS]
    assert (await here.now(fare)).state == "settled"


@pytest.mark.parametrize(("words", "state"), [("polls=1", "settled"), ("failed", "released")])
async def test_an_order_in_one_dialect_that_is_answered_in_the_other_is_found(
    here: Node, clock: Clock, upstream: Standin, words: str, state: str
) -> None:
    fare = await here.buy(
        await here.key(), f"id=job polls=1 {words}", path="/api/v3/image-upscaler", at=PATH
    )
    assert fare.surface == "unified"
    clock.step(seconds=POLL_AFTER_S + 1)
    await here.reconciler.tick()
    assert polled(upstream, "job") == [RESULTS, PREDICTIONS]
    assert (await here.now(fare)).state == state


@pytest.mark.parametrize("unknown", [UNKNOWN, NO_POLLS, ENVELOPE])
async def test_a_task_whose_id_does_not_tell_is_found_as_well(
    here: Node, clock: Clock, upstream: Standin, unknown: object
) -> None:
    fare = await here.buy(await here.key(), "id=job polls=1", path=TASKS)
    upstream.reply(unknown, unknown)  # type: ignore[arg-type]
    clock.step(seconds=POLL_AFTER_S + 1)
    await here.reconciler.tick()
    assert polled(upstream, "job") == [RESULTS, PREDICTIONS, OF_TASKS]
    assert (await here.now(fare)).state == "settled"


async def test_trouble_at_a_place_ends_the_look(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.buy(await here.key(), "id=job polls=1", path=TASKS)
    upstream.reply(UNKNOWN, refusal("path", 429))
    clock.step(seconds=POLL_AFTER_S + 1)
    await here.reconciler.tick()
    assert polled(upstream, "job") == [RESULTS, PREDICTIONS]
    assert (await here.now(fare)).state == "accepted"


async def test_a_guessed_place_that_names_no_prediction_decides_nothing(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.buy(await here.key(), "id=job polls=1", path=TASKS)
    nothing = {"code": 200, "data": {"status": "failed", "error": "task not found"}}
    upstream.reply(UNKNOWN, json_reply(200, nothing))
    clock.step(seconds=POLL_AFTER_S + 1)
    await here.reconciler.tick()
    assert polled(upstream, "job") == [RESULTS, PREDICTIONS, OF_TASKS]
    assert (await here.now(fare)).state == "settled"


async def test_an_envelope_that_says_no_is_trouble_too(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    fare = await here.buy(await here.key(), "id=job polls=1", path=TASKS)
    upstream.reply(UNKNOWN, json_reply(200, {"code": 429, "message": "slow down", "data": None}))
    clock.step(seconds=POLL_AFTER_S + 1)
    await here.reconciler.tick()
    assert polled(upstream, "job") == [RESULTS, PREDICTIONS]
    assert (await here.now(fare)).state == "accepted"


async def test_a_spelling_that_is_let_in_is_kept_for_the_rest_of_the_look(
    here: Node, clock: Clock, upstream: Standin
) -> None:
    await here.buy(await here.key(), "id=job polls=1", path=TASKS)
    upstream.reply(refusal("unified", 401), UNKNOWN, UNKNOWN)
    clock.step(seconds=POLL_AFTER_S + 1)
    await here.reconciler.tick()
    assert polled(upstream, "job") == [RESULTS, RESULTS, PREDICTIONS, OF_TASKS]
    sent = [
        (call.header(b"authorization") or b"").startswith(b"Bearer ") for call in upstream.calls
    ]
    assert sent == [False, True, False, False, False]  # the first is the submit
