"""Polls at a place that may not know a prediction: what names none decides no fare."""

import pytest

from tests.relay.house import PATH, PRICE, UNIFIED, Farebox, charge_of, prediction_of, state_of
from tests.standin.refusals import json_reply
from tests.standin.server import Standin
from tests.standin.wire import Reply

PREDICTIONS, PREDICTION = "predictions/{}/result", "predictions/{}"
RESULTS, VIDEOS, TASKS = "tasks/result/{}", "videos/{}", "contents/generations/tasks/{}"
FILMS = "/api/v3/videos"
FILM = {"model": "google/veo3.1"}

UNNAMED = [
    pytest.param({"status": "failed", "error": "task not found"}, id="flat"),
    pytest.param({"data": {"status": "failed", "error": "no such task"}}, id="in an envelope"),
    pytest.param({"code": 200, "data": {"status": "completed", "outputs": []}}, id="an empty end"),
    pytest.param({"data": {"id": None, "status": "failed"}}, id="an id that is null"),
    pytest.param({"data": {"id": "another", "status": "failed"}}, id="another one's"),
]
ELSEWHERE = [
    pytest.param(PATH, RESULTS, id="path, among results"),
    pytest.param(PATH, VIDEOS, id="path, among videos"),
    pytest.param(PATH, TASKS, id="path, among tasks"),
    pytest.param(UNIFIED, PREDICTIONS, id="unified, among predictions"),
    pytest.param(UNIFIED, PREDICTION, id="unified, as a prediction"),
    pytest.param(UNIFIED, VIDEOS, id="a picture among videos"),
    pytest.param(UNIFIED, TASKS, id="unified, among tasks"),
]
AT_HOME = [
    pytest.param(PATH, {}, PREDICTIONS, id="a result"),
    pytest.param(PATH, {}, PREDICTION, id="a prediction"),
    pytest.param(UNIFIED, {}, RESULTS, id="unified"),
    pytest.param(FILMS, FILM, VIDEOS, id="a video"),
    pytest.param(FILMS, FILM, RESULTS, id="a video among results"),
]


def poll(farebox: Farebox, key: str, place: str, prediction: str) -> str:
    url = f"{farebox.url}/api/v3/{place.format(prediction)}"
    return state_of(farebox.client.get(url, headers={"Authorization": key}))


@pytest.mark.parametrize("document", UNNAMED)
@pytest.mark.parametrize(("path", "place"), ELSEWHERE)
def test_a_place_that_names_no_prediction_decides_nothing(
    path: str, place: str, document: object, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    asked = farebox.submit(rich, "standin:never", path=path)
    prediction = prediction_of(asked)
    upstream.reply(json_reply(200, document))
    assert poll(farebox, rich, place, prediction) == "accepted"
    assert farebox.charge(charge_of(asked))["state"] == "accepted"


def test_neither_does_a_large_answer(farebox: Farebox, upstream: Standin, rich: str) -> None:
    asked = farebox.submit(rich, "standin:never")
    large = b'{"status":"failed","error":"%b"}' % (b"x" * 400_000)
    upstream.reply(Reply(200, chunks=(large,)))
    poll(farebox, rich, RESULTS, prediction_of(asked))
    assert poll(farebox, rich, PREDICTIONS, prediction_of(asked)) == "accepted"


@pytest.mark.parametrize(("status", "state"), [("completed", "settled"), ("failed", "released")])
@pytest.mark.parametrize(("path", "place"), ELSEWHERE)
def test_one_that_names_it_is_believed(
    path: str, place: str, status: str, state: str, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    prediction = prediction_of(farebox.submit(rich, "standin:never", path=path))
    upstream.reply(json_reply(200, {"id": prediction, "status": status}))
    assert poll(farebox, rich, place, prediction) == state


@pytest.mark.parametrize(("status", "state"), [("completed", "settled"), ("failed", "released")])
@pytest.mark.parametrize(("path", "body", "place"), AT_HOME)
def test_where_it_is_at_home_its_name_may_be_missing(
    path: str, body: dict[str, str], place: str, status: str, state: str,
    farebox: Farebox, upstream: Standin, rich: str,
) -> None:  # fmt: skip
    prediction = prediction_of(farebox.submit(rich, "standin:never", path=path, **body))
    upstream.reply(json_reply(200, {"data": {"status": status}}))
    assert poll(farebox, rich, place, prediction) == state


def test_a_decided_fare_is_not_undone_elsewhere(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    asked = farebox.submit(rich, "standin:polls=1")
    prediction = prediction_of(asked)
    assert poll(farebox, rich, PREDICTIONS, prediction) == "settled"
    upstream.reply(json_reply(200, {"status": "failed"}))
    assert poll(farebox, rich, RESULTS, prediction) == "settled"
    assert farebox.poll(rich, prediction).headers["x-farebox-cost-usd"] == PRICE


@pytest.mark.parametrize("path", [PATH, UNIFIED])
def test_the_poll_url_of_an_answer_without_an_id_leads_to_its_prediction(
    path: str, farebox: Farebox, rich: str
) -> None:
    asked = farebox.submit(rich, "standin:no-id standin:polls=1 standin:absolute", path=path)
    assert state_of(asked) == "uncertain"
    said = asked.json()
    url = said["polling_url"] if path == UNIFIED else said["data"]["urls"]["get"]
    assert url.startswith(farebox.url)
    polled = farebox.client.get(url, headers={"Authorization": rich})
    assert (polled.status_code, state_of(polled)) == (200, "settled")
