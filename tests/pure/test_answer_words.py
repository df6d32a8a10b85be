"""What an answer decides to the last field: its word too, and what makes a document a job."""

import json

import pytest

from proxy.answers import Outcome, poll_outcome, submit_outcome
from proxy.outline import TRUNCATED, read_document

NO = {"message": "no", "code": 400}


def said(document: object) -> object:
    """Read a document as it comes over the wire."""
    return read_document(document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        (200, b"{", Outcome("unclear", word="unreadable")),
        (200, {}, Outcome("unclear", word="no_id")),
        (202, {"code": 400}, Outcome("unclear", word="no_id")),
        (200, {"id": 7}, Outcome("unclear", word="odd_id")),
        (200, {"data": [{"id": "a"}, {"id": "b"}]}, Outcome("unclear", word="several")),
        (200, {"id": "a"}, Outcome("accepted", "a", word="absent")),
        (200, {"id": "a", "status": "Queued"}, Outcome("accepted", "a", word="queued")),
        (200, {"id": "a", "status": "soon"}, Outcome("accepted", "a", word="other")),
        (200, {"id": "a", "status": "error"}, Outcome("failed", "a", word="error")),
        (
            200,
            {"id": "a", "status": "done", "outputs": ["u"]},
            Outcome("completed", "a", 1, "done"),
        ),
        (
            200,
            {"data": [{"url": "u"}, {"b64_json": "x"}]},
            Outcome("completed", None, 2, "completed"),
        ),
        (
            200,
            {"code": 5004, "data": {"id": "a", "status": "failed"}},
            Outcome("accepted", "a", word="sync_timeout"),
        ),
        (
            200,
            {"message": "Sync mode timed out", "data": {"id": "a", "status": "failed"}},
            Outcome("accepted", "a", word="sync_timeout"),
        ),
        (
            200,
            {"data": {"id": "a", "status": "failed", "error": "sync mode timed out"}},
            Outcome("accepted", "a", word="sync_timeout"),
        ),
        (200, {"code": 402, "message": "no"}, Outcome("refused", word="balance_empty")),
        (
            400,
            {"error": {"message": "against our content policy"}},
            Outcome("refused", word="content_policy"),
        ),
        (429, b"", Outcome("refused", word="rate_limited")),
        (502, {}, Outcome("unclear", word="server_error")),
        (500, {**NO, "id": "a"}, Outcome("unclear", "a", word="server_error")),
        (301, {}, Outcome("unclear", word="other")),
    ],
)
def test_a_submits_answer_decides_and_says_why(
    status: int, document: object, outcome: Outcome
) -> None:
    assert submit_outcome(status, said(document)) == outcome


def test_a_line_that_broke_says_nothing() -> None:
    assert submit_outcome(200, TRUNCATED) == Outcome("unclear", word="truncated")
    assert poll_outcome(200, TRUNCATED, asked="a") == Outcome("running", "a", word="unreadable")
    assert Outcome("running") == Outcome("running", None, 0, "other")


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        (200, b"{", Outcome("running", "a", word="unreadable")),
        (500, {"id": "a", "status": "failed"}, Outcome("running", "a")),
        (404, b"{", Outcome("running", "a", word="unreadable")),
        (200, {"id": "b", "status": "failed"}, Outcome("running", "a", word="other_prediction")),
        (200, {"id": "a", "status": "starting"}, Outcome("running", "a", word="starting")),
        (200, {"status": "expired"}, Outcome("failed", "a", word="expired")),
        (
            200,
            {"id": "a", "status": "done", "outputs": ["u", ""]},
            Outcome("completed", "a", 1, "done"),
        ),
        (200, {"id": "a", "status": "done", "code": 500}, Outcome("running", "a", word="done")),
        (
            200,
            {"id": "a", "status": "failed", "outputs": ["u"]},
            Outcome("failed", "a", word="failed"),
        ),
        (
            200,
            {"id": "a", "status": "running", "outputs": ["u"]},
            Outcome("running", "a", word="running"),
        ),
    ],
)
def test_a_polls_answer_decides_and_says_why(
    status: int, document: object, outcome: Outcome
) -> None:
    assert poll_outcome(status, said(document), asked="a") == outcome


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        pytest.param({**NO, "data": {"x": 1}}, "refused", id="no job"),
        pytest.param({**NO, "data": {"outputs": ["u"]}}, "unclear", id="outputs"),
        pytest.param({**NO, "data": {"unsigned_urls": ["u"]}}, "unclear", id="urls unsigned"),
        pytest.param({"data": [{"urls": {}, "url": "u"}]}, "unclear", id="urls are no picture"),
        pytest.param({"data": [{"id": "a"}, {"urls": {}}]}, "unclear", id="two by their urls"),
        pytest.param({"data": [{"id": "a"}, {"outputs": []}]}, "unclear", id="two by outputs"),
        pytest.param({"data": [{"id": "a"}, {"status": ""}]}, "unclear", id="two by status"),
        pytest.param({"data": [{"id": "a"}, {"x": 1}]}, "accepted", id="one, and something else"),
        pytest.param({"status": "failed", "data": [{"url": "u"}]}, "failed", id="pictures failed"),
        pytest.param(
            {"status": "running", "data": [{"url": "u"}]}, "unclear", id="pictures still running"
        ),
        pytest.param({"status": "failed", "data": {"x": 1}}, "unclear", id="an envelope's status"),
        pytest.param(
            {"id": "a", "status": "failed", "data": {"x": 1}}, "failed", id="a job with data"
        ),
    ],
)
def test_a_job_is_known_by_its_members(document: object, kind: str) -> None:
    assert submit_outcome(200, said(document)).kind == kind


TWICE = [
    b'{"id":"a","id":"b"}',
    b'{"data":{"id":"a","status":"done","status":"failed"}}',
    b'{"data":{"id":"a","outputs":[1],"outputs":[2],"status":"done"}}',
    b'{"data":{"id":"a","unsigned_urls":[1],"unsigned_urls":[2],"status":"done"}}',
    b'{"data":{"id":"a","status":"done"},"data":{"id":"b"}}',
    b'{"code":200,"code":400,"data":{"id":"a","status":"done"}}',
]


@pytest.mark.parametrize("body", TWICE)
def test_what_is_said_in_two_ways_decides_nothing(body: bytes) -> None:
    outcome = submit_outcome(200, said(body))
    assert (outcome.kind, outcome.word, outcome.outputs) == ("unclear", "ambiguous", 0)
    polled = poll_outcome(200, said(body), asked="a")
    assert (polled.kind, polled.word) == ("running", "ambiguous")


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"id":"a","urls":{"get":"x"},"urls":{"get":"y"}}}',
        b'{"id":"a","message":"x","message":"y"}',
        b'{"id":"a","id":"a"}',
    ],
)
def test_what_moves_no_fare_may_be_said_in_two_ways(body: bytes) -> None:
    assert submit_outcome(200, said(body)) == Outcome("accepted", "a", word="absent")
