"""Answers to a submit that decide nothing, and answers to a poll. Rows as in `answers_seen`."""

from tests.pure.answers_seen import (
    DONE,
    ERRORS,
    FAILED,
    ODD,
    PICTURE,
    REFUSING,
    RUNNING,
    UUID,
    Row,
    path,
    wire,
)

URL = "https://gptproto.com/api/v3/predictions/a/result"
RESULT, VIDEO = "/api/v3/tasks/result/a", "/api/v3/videos/b"
URLS = {"status": "created", "urls": {"get": URL}}
WITHOUT_ID = [  # which a poll URL may name all the same
    Row("its URL names it", 200, wire({"data": URLS}), "unclear", "a"),
    Row("in a list", 200, wire({"data": URLS | {"urls": [{"get": URL}]}}), "unclear", "a"),
    Row("relative", 202, wire({"polling_url": RESULT}), "unclear", "a"),
    Row("both name it", 202, wire(URLS | {"polling_url": RESULT}), "unclear", "a"),
    Row("two names", 202, wire(URLS | {"polling_url": VIDEO}), "unclear"),
    Row("no poll of v3", 202, wire({"polling_url": "/v1/videos/a"}), "unclear"),
    Row("a no that names it", 200, wire({"code": 400, "data": URLS}), "unclear", "a"),
    Row("a 400 that names it", 400, wire({"polling_url": RESULT}), "unclear", "a"),
    Row("an odd id beside it", 200, wire({"data": URLS | {"id": 7}}), "unclear"),
    Row(
        "completed", 200, wire({"data": URLS | {"status": "done", "outputs": ["x"]}}),
        "completed", "a", 1,
    ),
    Row("failed", 200, wire({"data": URLS | {"status": "failed"}}), "failed", "a"),
]  # fmt: skip

UNCLEAR = [
    *(
        Row(f"{s} with {e}", s, wire(e), "unclear")
        for s in (201, 204, 301, 307, 405, 408, 409, 418, 425, 451, 501, 502, 504, 529)
        for e in ERRORS[:2]
    ),
    *(
        Row(f"{s} with an id", s, wire({"id": "a", "error": "no"}), "unclear", "a")
        for s in (201, 302, *REFUSING, 500, 503)
    ),
    *(
        Row(
            f"{s} with an id in data", s, wire({"error": "no", "data": {"id": "a"}}), "unclear", "a"
        )
        for s in (400, 503)
    ),
    *(
        Row(f"{s} with an odd id {i!r}"[:40], s, wire({"error": "no", "id": i}), "unclear")
        for s in (200, 400)
        for i in (7, [], {}, "a" * 513, "\ud800", "a\x00", "\ufffd", True)
    ),
    *(
        Row(f"500 with {b!r}", 500, b, "unclear")
        for b in (
            b"",
            b"oops",
            b"[]",
            b"{}",
            b'{"error":""}',
            b'{"error":null}',
            b'{"code":500}',
            b'{"code":"500","message":"x"}',
            b'{"code":200,"message":"ok"}',
            b'{"code":true,"message":"x"}',
            b'{"error":"x"',
            b'{"error":7}',
        )
    ),
    *(
        Row(f"200 with {b!r}", 200, b, "unclear")
        for b in (
            b"",
            b"null",
            b"7",
            b'"x"',
            b"[]",
            b"{}",
            b"<html>",
            b'{"data":{}}',
            b'{"data":[]}',
            b'{"code":200}',
            b'{"code":0,"data":null}',
            b'{"code":"400"}',
            b'{"data":{"foo":1},"status":"success"}',
            b'{"data":{"url":"x"}}',
            b'{"error":"x"}',
        )
    ),
    Row("202 with an error envelope", 202, wire({"code": 400, "message": "no"}), "unclear"),
    Row("200 running, no id", 200, wire({"data": {"status": "processing"}}), "unclear"),
    Row(
        "200 refused, yet running",
        200,
        wire({"code": 500, "data": {"status": "processing"}}),
        "unclear",
    ),
    Row("400 with outputs", 400, wire({"error": "no", "data": {"outputs": ["a"]}}), "unclear"),
    *(
        Row(f"400 with {each}", 400, wire({"error": "no", "data": {"outputs": each}}), "unclear")
        for each in ({"images": ["a"]}, [["a"]], [{"urls": ["a"]}], [7])
    ),
    Row("503, sync timed out", 503, wire({"error": "Sync mode timed out"}), "unclear"),
    Row("200, 5004, no id", 200, wire({"code": 5004, "message": "Sync mode timed out"}), "unclear"),
    Row("two jobs", 200, wire({"data": [{"id": "a"}, {"id": "b"}]}), "unclear"),
    Row("two statuses", 200, b'{"id":"a","status":"created","status":"failed"}', "unclear", "a"),
    Row("two ids", 200, b'{"data":{"id":"a","id":"b","status":"created"}}', "unclear"),
    Row("two ids, refused", 400, b'{"id":"a","id":""}', "unclear"),
    Row("two datas", 400, b'{"data":null,"data":{}}', "unclear"),
    Row(
        "two outputs",
        200,
        b'{"id":"a","status":"done","outputs":[],"outputs":["x"]}',
        "unclear",
        "a",
    ),
    Row("two codes", 200, b'{"code":200,"code":400,"message":"no"}', "unclear"),
    Row("text behind", 200, b'{"id":"a","status":"completed"} x', "unclear"),
    Row("NaN", 200, b'{"id":"a","status":"completed","x":NaN}', "unclear"),
    Row("a BOM", 200, b'\xef\xbb\xbf{"id":"a"}', "unclear"),
    Row("not UTF-8", 200, b'{"id":"a","x":"\xff"}', "unclear"),
    Row("very deep", 200, b"[" * 100_000, "unclear"),
    Row("a very long number", 200, b'{"id":"a","x":' + b"9" * 5000 + b"}", "unclear"),
]

POLLS = [
    *(Row(f"path, {w}", 200, path(w), "running") for w in (*RUNNING, *ODD)),
    *(Row(f"path, {w}", 200, path(w, PICTURE), "completed", None, 1) for w in DONE),
    *(Row(f"path, {w}", 200, path(w, error="no"), "failed") for w in FAILED),
    *(
        Row(f"{s} says completed", s, path("completed", "a"), "running")
        for s in (201, 202, 302, 400, 401, 404, 429, 500, 503)
    ),
    *(
        Row(f"200 with {b!r}", 200, b, "running")
        for b in (b"", b"{}", b"[]", b"<html>", b"7", b'{"data":null,"status":"completed"}')
    ),
    Row("another prediction's", 200, wire({"id": "b", "status": "completed"}), "running"),
    Row("an odd id", 200, wire({"id": 7, "status": "completed"}), "running"),
    Row("two statuses", 200, b'{"status":"failed","status":"completed"}', "running"),
    Row("one status twice", 200, b'{"status":"failed","status":"failed"}', "failed"),
    Row("two outputs", 200, b'{"status":"done","outputs":["a"],"outputs":[]}', "running"),
    Row(
        "no id at all",
        200,
        wire({"status": "completed", "unsigned_urls": ["a"]}),
        "completed",
        None,
        1,
    ),
    Row("an error code beside completed", 200, path("completed", "a", code=500), "running"),
    Row("an error code beside failed", 200, path("failed", code=500), "failed"),
    Row("no outputs", 200, path("completed"), "completed", None, 0),
    Row("five outputs", 200, path("completed", *"abcde"), "completed", None, 5),
    Row(
        "several jobs",
        200,
        wire({"data": [{"id": UUID, "status": "done"}, {"id": "b"}]}),
        "running",
    ),
]
