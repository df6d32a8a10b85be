import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.answers import (
    TRUNCATED,
    UNREADABLE,
    poll_outcome,
    poll_status,
    read_document,
    submit_outcome,
    surely_running,
)
from proxy.outline import Outline
from proxy.words import ERROR_KINDS, KNOWN, status_word, upstream_error_kind
from tests.pure.answers_doubted import POLLS, UNCLEAR, WITHOUT_ID
from tests.pure.answers_seen import (
    ACCEPTED,
    COMPLETED,
    FAILURES,
    PICTURE,
    REFUSED,
    REFUSING,
    RUNNING,
    UUID,
    Row,
    flat,
    path,
    wire,
)

SUBMITS = [*ACCEPTED, *COMPLETED, *FAILURES, *REFUSED, *UNCLEAR, *WITHOUT_ID]

REASONS = {
    "absent", "other", "unreadable", "truncated", "ambiguous", "several", "odd_id", "no_id",
    "sync_timeout", "other_prediction",
}  # fmt: skip

leaves = st.none() | st.booleans() | st.integers() | st.sampled_from([*sorted(KNOWN), "a", ""])
names = st.sampled_from(
    ["id", "status", "outputs", "unsigned_urls", "urls", "data", "code", "error", "message", "url"]
)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5)
)
statuses = st.sampled_from([200, 201, 202, 302, *REFUSING, 500, 502, 503, 504])


@pytest.mark.parametrize("row", SUBMITS, ids=lambda row: row.says)
def test_a_submits_answer_decides_its_fare(row: Row) -> None:
    outcome = submit_outcome(row.status, read_document(row.body))

    assert (outcome.kind, outcome.prediction_id, outcome.outputs) == row[3:]


@pytest.mark.parametrize("row", SUBMITS, ids=lambda row: row.says)
def test_an_answer_read_in_passing_decides_the_same(row: Row) -> None:
    outline = Outline()
    for at in range(0, len(row.body), 7):
        outline.feed(row.body[at : at + 7])

    seen = submit_outcome(row.status, outline.document())

    assert seen == submit_outcome(row.status, read_document(row.body))


@pytest.mark.parametrize("row", POLLS, ids=lambda row: row.says)
def test_a_polls_answer_decides_or_the_job_still_runs(row: Row) -> None:
    outcome = poll_outcome(row.status, read_document(row.body), asked=UUID)

    assert (outcome.kind, outcome.prediction_id, outcome.outputs) == (row.kind, UUID, row.outputs)


def test_the_tables_hold_enough_answers() -> None:
    assert len(SUBMITS) + len(POLLS) > 250


@pytest.mark.parametrize("status", [200, 202, 302, 400, 404, 429, 500, 503])
def test_half_an_answer_decides_nothing(status: int) -> None:
    assert submit_outcome(status, TRUNCATED).kind == "unclear"
    assert poll_outcome(status, TRUNCATED, asked="a").kind == "running"


@pytest.mark.parametrize("status", [200, 202, 302, 500, 503])
def test_an_unreadable_answer_decides_nothing(status: int) -> None:
    assert submit_outcome(status, UNREADABLE).kind == "unclear"


@given(statuses, documents)
def test_a_fare_is_released_by_status_only_where_no_job_was_named(
    status: int, document: object
) -> None:
    outcome = submit_outcome(status, document)

    if outcome.kind == "refused":
        assert status in {200, *REFUSING, 500, 503}
        assert not named(document)


@given(statuses, documents)
def test_only_200_and_202_accept_or_settle(status: int, document: object) -> None:
    outcome = submit_outcome(status, document)

    if status not in {200, 202}:
        assert outcome.kind in {"refused", "unclear"}
    if outcome.kind == "accepted":
        assert outcome.prediction_id


@given(statuses, documents)
def test_words_come_from_closed_sets(status: int, document: object) -> None:
    seen = [submit_outcome(status, document), poll_outcome(status, document, asked="a")]

    assert {outcome.word for outcome in seen} <= KNOWN | ERROR_KINDS | REASONS


@given(statuses, documents)
def test_a_poll_decides_only_at_200(status: int, document: object) -> None:
    if status != 200:
        assert poll_outcome(status, document, asked="a").kind == "running"


def named(document: object) -> bool:
    """Say whether an id stands at the top, in data, or in an element of data."""
    top = {"data": document} if isinstance(document, list) else document
    if not isinstance(top, dict):
        return False
    data = top.get("data")
    inner = data if isinstance(data, list) else [data]
    places = [top, *(each for each in inner if isinstance(each, dict))]
    return any(each.get("id") not in (None, "") for each in places)


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (402, {}, "balance_empty"),
        (403, {"error": {"message": "Insufficient balance"}}, "balance_empty"),
        (403, {"error": "insufficient account credit"}, "balance_empty"),
        (429, {"error": {"code": "insufficient_quota"}}, "balance_empty"),
        (400, {"message": "Your balance is not enough"}, "balance_empty"),
        (403, {"error": {"message": "Invalid Token"}}, "auth"),
        (401, UNREADABLE, "auth"),
        (400, {"error": {"message": "blocked by content policy"}}, "content_policy"),
        (503, {"error": {"type": "content_policy_violation"}}, "content_policy"),
        (200, {"code": 402, "message": "no"}, "balance_empty"),
        (200, {"code": 500, "message": "no"}, "server_error"),
        (200, {"code": 200}, "other"),
        (429, {}, "rate_limited"),
        (404, {}, "not_found"),
        (400, [], "bad_request"),
        (413, {}, "bad_request"),
        (500, {}, "server_error"),
        (504, {}, "server_error"),
        (302, {}, "other"),
    ],
)
def test_a_refusal_of_the_upstream_is_told_by_text_then_by_status(
    status: int, document: object, kind: str
) -> None:
    assert upstream_error_kind(status, document) == kind


@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (200, {"code": 404, "message": "no", "data": None}, 404),
        (200, {"code": 500, "data": {}}, 500),
        (404, {"code": 500, "data": None}, 404),
        (200, {"code": 404, "data": {"id": "a", "status": "processing"}}, 200),
        (200, {"code": 404, "data": {"status": "running"}}, 200),
        (200, {"code": 200, "data": None}, 200),
        (200, {"code": "404", "data": None}, 200),
        (200, UNREADABLE, 200),
    ],
)
def test_a_poll_may_say_no_in_a_200(status: int, document: object, said: int) -> None:
    assert poll_status(status, document) == said


@pytest.mark.parametrize(
    ("sent", "word"),
    [("In Progress", "in_progress"), ("in-progress", "in_progress"), ("x", "other"), (7, "other"),
     (None, "absent"), ("", "absent"), ("CANCELED", "canceled")],
)  # fmt: skip
def test_a_status_is_read_without_case(sent: object, word: str) -> None:
    assert status_word(sent) == word


@given(documents, st.booleans())
def test_what_is_surely_running_without_being_parsed_is_running(
    document: object, escaped: bool
) -> None:
    body = json.dumps(document, ensure_ascii=escaped).encode()

    if surely_running(body):
        assert poll_outcome(200, read_document(body), asked="a").kind == "running"


@pytest.mark.parametrize("word", RUNNING)
def test_a_usual_poll_of_a_running_job_need_not_be_parsed(word: str) -> None:
    assert surely_running(path(word))
    assert surely_running(flat(word))


@pytest.mark.parametrize(
    "body",
    [
        path("completed", PICTURE),
        path("failed"),
        b'{"data":{"id":"a","status":"running","status":"completed"}}',
        b'{"data":{"id":"a","\\u0073tatus":"completed"}}',
        b'{"data":[{"url":"https://a.png"}]}',
        b'{"data":[{"b64_json":"AAAA"}]}',
        b'{"data":{"status":"running"},"more":{"status":" Completed "}}',
        b'{"code":404,"message":"task not found","data":null}',
    ],
)
def test_what_may_be_an_outcome_or_a_no_is_parsed(body: bytes) -> None:
    assert not surely_running(body)


def test_a_long_output_is_still_one_output() -> None:
    outline = Outline()
    outline.feed(path("completed", "A" * 100_000, "B" * 5000))

    assert submit_outcome(200, outline.document()).outputs == 2


@pytest.mark.parametrize(
    ("outputs", "count"),
    [([{"url": "A"}, {"b64_json": "B"}], 2), ([{"urls": ["A", "B"]}], 0), ([["A", "B"]], 0)],
)
def test_large_outputs_are_counted_as_small_ones_are(outputs: list[object], count: int) -> None:
    body = path("completed", *outputs)
    large = body.replace(b'"A"', b'"%b"' % (b"A" * 100_000)).replace(
        b'"B"', b'"%b"' % (b"B" * 5000)
    )
    for sent in (body, large):
        outline = Outline()
        for at in range(0, len(sent), 4096):
            outline.feed(sent[at : at + 4096])
        outcome = submit_outcome(200, outline.document())
        assert (outcome.kind, outcome.outputs) == ("completed", count)
        assert outcome == submit_outcome(200, read_document(sent))


def test_a_long_string_is_never_an_id() -> None:
    outline = Outline()
    outline.feed(wire({"id": "A" * 5000, "status": "completed"}))

    assert submit_outcome(200, outline.document()).word == "odd_id"
