"""Answers of the upstream as documents and third parties show them, and what each decides.

A row: what it is, status, body, kind, prediction id, outputs. Bodies are the bytes on the wire.
"""

import json
from typing import NamedTuple

UUID = "9a37064a-f353-474c-b98e-1de6539b2435"
PICTURE = "https://oss.gptproto.com/a.png"


class Row(NamedTuple):
    says: str
    status: int
    body: bytes
    kind: str
    prediction_id: str | None = None
    outputs: int = 0


def wire(document: object) -> bytes:
    return json.dumps(document).encode()


def path(status: object, *outputs: object, code: object = 200, **more: object) -> bytes:
    """An answer of the path surface."""
    urls = {"get": f"https://gptproto.com/api/v3/predictions/{UUID}/result"}
    data = {"id": UUID, "outputs": list(outputs), "urls": urls, "status": status, **more}
    return wire({"data": data, "message": "success", "code": code})


def flat(status: object, **more: object) -> bytes:
    """An answer of the unified surface."""
    polling_url = "/api/v3/tasks/result/job-abc123"
    return wire({"id": "job-abc123", "polling_url": polling_url, "status": status, **more})


RUNNING = ("created", "queued", "pending", "processing", "running", "in_progress", "starting")
DONE = ("completed", "succeeded", "success", "succeed", "done", "finished")
FAILED = ("failed", "error", "cancelled", "canceled", "timeout", "deleted", "expired")
ODD = ("thinking", "", None, 7, ["completed"], {"word": "completed"}, True, "complete d")

ERRORS = (
    {"error": {"message": "Invalid signature", "type": "401"}},
    {"error": {"message": "no", "type": "invalid_request_error", "code": "invalid_api_key"}},
    {"error": {"message": "no", "code": 400}},
    {"error": "invalid signature"},
    {"code": 401, "message": "Token cannot be empty", "type": "error"},
    {"code": 500, "message": "no", "data": None},
    {"code": 402, "message": "no", "data": {"status": "failed", "error": "no", "outputs": []}},
)

ACCEPTED = [
    *(Row(f"path, {w}", 200, path(w), "accepted", UUID) for w in (*RUNNING, "submitted")),
    *(Row(f"path, odd word {w!r}", 200, path(w), "accepted", UUID) for w in ODD),
    *(Row(f"unified, {w}", 202, flat(w), "accepted", "job-abc123") for w in RUNNING),
    Row("path, shouting", 200, path("PROCESSING"), "accepted", UUID),
    Row("camelCase", 200, path("created", createdAt="x", executionTime=0), "accepted", UUID),
    Row("data as a list", 200, wire({"data": [{"id": "a", "urls": []}]}), "accepted", "a"),
    Row("a list at the top", 200, wire([{"id": "a", "status": "created"}]), "accepted", "a"),
    Row(
        "an id beside data", 200, wire({"id": "a", "data": {"status": "created"}}), "accepted", "a"
    ),
    Row(
        "data's id before the envelope's",
        200,
        wire({"id": "request-1", "data": {"id": "a", "status": "created"}}),
        "accepted",
        "a",
    ),
    Row(
        "an envelope that says success",
        200,
        wire({"status": "success", "data": {"id": "a"}}),
        "accepted",
        "a",
    ),
    Row(
        "an id with a colon",
        200,
        wire({"data": {"id": "sora-2:task_x"}}),
        "accepted",
        "sora-2:task_x",
    ),
    Row("an id of 512", 200, wire({"data": {"id": "a" * 512}}), "accepted", "a" * 512),
    Row("an error word that is no status", 200, path("created", error="slow"), "accepted", UUID),
    Row("an error code beside an id", 200, path("created", code=500), "accepted", UUID),
    Row(
        "an error code beside completed",
        200,
        path("completed", PICTURE, code=500),
        "accepted",
        UUID,
    ),
    Row("sync 5004", 200, path("processing", code=5004), "accepted", UUID),
    Row(
        "sync 5004 in data",
        200,
        wire({"data": {"id": UUID, "status": "processing", "code": 5004}, "code": 200}),
        "accepted",
        UUID,
    ),
    Row(
        "sync timed out, in words",
        200,
        path("failed", error="Sync mode timed out"),
        "accepted",
        UUID,
    ),
    Row(
        "sync timed out, an object",
        200,
        path("x", error={"message": "Sync mode timed out."}),
        "accepted",
        UUID,
    ),
    Row("path answered 202", 202, path("created"), "accepted", UUID),
    Row("unified answered 200", 200, flat("pending"), "accepted", "job-abc123"),
    Row(
        "outputs without a word",
        200,
        wire({"data": {"id": "a", "outputs": ["x"]}}),
        "accepted",
        "a",
    ),
    Row("a picture that is a job", 200, wire({"data": [{"id": "a", "url": "x"}]}), "accepted", "a"),
]

SAY_NO_NUMBER: list[list[object]] = [
    [{"urls": ["a", "b", "c", "d"]}],
    [{"images": [{"url": "a"}, {"url": "b"}]}],
    [{"url": ["a", "b"]}],
    [{"url": "", "images": ["a", "b"]}],
    ["a", {"more": ["b", "c"]}],
    [["a", "b"]],
    ["a", ["b", "c"]],
    [1, 2, 3],
]

COMPLETED = [
    *(Row(f"sync, {w}", 200, path(w, PICTURE), "completed", UUID, 1) for w in DONE),
    *(
        Row(f"unified, {w}", 200, flat(w, unsigned_urls=["a", "b"]), "completed", "job-abc123", 2)
        for w in DONE
    ),
    Row("four outputs", 200, path("completed", *[PICTURE] * 4), "completed", UUID, 4),
    Row("base64", 200, path("completed", "iVBORw0KGgo" * 50), "completed", UUID, 1),
    Row("no outputs", 200, path("completed"), "completed", UUID, 0),
    Row("empty outputs", 200, path("completed", "", None, {}), "completed", UUID, 0),
    Row(
        "outputs as objects",
        200,
        path("completed", {"url": "a"}, {"b64_json": "b"}),
        "completed",
        UUID,
        2,
    ),
    *(
        Row(f"outputs that say no number: {each}", 200, path("completed", *each), "completed", UUID)
        for each in SAY_NO_NUMBER
    ),
    *(
        Row(
            f"outputs that are {each}",
            200,
            wire({"data": {"id": "a", "status": "done", "outputs": each}}),
            "completed",
            "a",
        )
        for each in ({"images": ["a", "b"]}, {"urls": ["a"]}, {"0": "a", "1": "b"}, 4, True)
    ),
    Row(
        "outputs as one picture",
        200,
        wire({"data": {"id": "a", "status": "done", "outputs": {"url": "u", "width": 1024}}}),
        "completed",
        "a",
        1,
    ),
    Row(
        "outputs as one string",
        200,
        wire({"data": {"id": "a", "status": "done", "outputs": "u"}}),
        "completed",
        "a",
        1,
    ),
    Row(
        "a warning beside completed",
        200,
        path("completed", "a", error="low quality"),
        "completed",
        UUID,
        1,
    ),
    Row("Completed", 200, path(" Completed "), "completed", UUID, 0),
    Row(
        "no id",
        200,
        wire({"data": {"status": "completed", "outputs": ["a"]}}),
        "completed",
        None,
        1,
    ),
    Row(
        "flat without id",
        200,
        wire({"status": "completed", "unsigned_urls": ["a"]}),
        "completed",
        None,
        1,
    ),
    Row(
        "data as a list, done",
        200,
        wire({"data": [{"id": "a", "status": "success", "outputs": ["x"]}]}),
        "completed",
        "a",
        1,
    ),
    Row(
        "OpenAI-like, urls",
        200,
        wire({"created": 1, "data": [{"url": "a"}, {"url": "b"}]}),
        "completed",
        None,
        2,
    ),
    Row("OpenAI-like, base64", 200, wire({"data": [{"b64_json": "a"}]}), "completed", None, 1),
    Row(
        "OpenAI-like, one failed",
        200,
        wire({"data": [{"url": "a"}, {"error": {}}]}),
        "completed",
        None,
        1,
    ),
    Row(
        "OpenAI-like with an id",
        200,
        wire({"id": "img-1", "data": [{"url": "a"}]}),
        "completed",
        "img-1",
        1,
    ),
    Row("code 0", 200, path("completed", "a", code=0), "completed", UUID, 1),
]

FAILURES = [
    *(Row(f"sync, {w}", 200, path(w, error="no"), "failed", UUID) for w in FAILED),
    *(Row(f"unified, {w}", 202, flat(w), "failed", "job-abc123") for w in FAILED),
    Row("failed, error empty", 200, path("failed", error=""), "failed", UUID),
    Row("failed, error null", 200, path("failed", error=None), "failed", UUID),
    Row("failed, without id", 200, wire({"data": {"status": "failed"}, "code": 200}), "failed"),
    Row("failed, code 500", 200, path("failed", code=500), "failed", UUID),
]

REFUSING = (400, 401, 402, 403, 404, 413, 422, 429)

REFUSED = [
    *(Row(f"{s} {e}", s, wire(e), "refused") for s in (*REFUSING, 500, 503) for e in ERRORS),
    *(Row(f"{s} in HTML", s, b"<html>no</html>", "refused") for s in REFUSING),
    *(Row(f"{s} and nothing", s, b"", "refused") for s in REFUSING),
    *(Row(f"{s} with an empty id", s, b'{"id":"","error":"no"}', "refused") for s in REFUSING),
    Row("400 with a list", 400, b"[]", "refused"),
    Row(
        "200 with an error envelope",
        200,
        wire({"code": 400, "message": "no", "data": None}),
        "refused",
    ),
    Row("200 with a code of theirs", 200, wire({"code": 1001, "message": "no"}), "refused"),
    Row("200 with code and error", 200, wire({"code": 403, "error": {"message": "no"}}), "refused"),
    Row("503, id null", 503, wire({"id": None, "error": "no"}), "refused"),
]
