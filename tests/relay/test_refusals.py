"""What is turned away before it costs anything, and what our own routes say."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.relay.house import FLASH, PATH, UNIFIED, Farebox, prediction_of
from tests.relay.wire import Asked, exchange
from tests.standin.server import Standin

BODIES = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b'{"prompt":"a"', id="half"),
    pytest.param(b'{"prompt":"a"} x', id="trailing text"),
    pytest.param(b'\xef\xbb\xbf{"prompt":"a"}', id="a byte order mark"),
    pytest.param(b'{"prompt":"\xff"}', id="not UTF-8"),
    pytest.param(b'{"prompt":NaN}', id="NaN"),
    pytest.param(b'{"size":"1K","size":"4K"}', id="size twice"),
    pytest.param(b'{"size":"1K","si\\u007ae":"4K"}', id="size twice, escaped"),
    pytest.param(b'{"size":"1K","SIZE":"4K"}', id="a twin of size"),
    pytest.param(b'{"x":' + b"[" * 70 + b"]" * 70 + b"}", id="too deep"),
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", [PATH, UNIFIED])
def test_what_could_be_read_in_two_ways_is_never_sent(
    body: bytes, path: str, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    before = len(upstream.calls), farebox.rows("SELECT count(*) FROM charges")
    url, headers = f"{farebox.url}{path}", {"Authorization": rich}
    answer = farebox.client.post(url, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "request_not_understood")
    assert (len(upstream.calls), farebox.rows("SELECT count(*) FROM charges")) == before


def test_a_post_without_a_length_has_no_body(farebox: Farebox, rich: str) -> None:
    got = exchange(farebox.url, Asked("POST", PATH.encode(), ((b"Authorization", rich.encode()),)))
    assert (got.status, b"request_not_understood" in got.body) == (400, True)


HEADERS = [
    pytest.param({"x-farebox-else": "1"}, 400, "bad_request", id="an unknown header of ours"),
    pytest.param({"x-farebox-tag-nobody": "1"}, 400, "bad_request", id="an undeclared tag"),
    pytest.param({"Content-Encoding": "gzip"}, 415, "unsupported_encoding", id="gzip"),
]


@pytest.mark.parametrize(("headers", "status", "kind"), HEADERS)
def test_headers_that_we_cannot_honour_are_refused(
    headers: dict[str, str],
    status: int,
    kind: str,
    *,
    farebox: Farebox,
    upstream: Standin,
    rich: str,
) -> None:
    before = len(upstream.calls)
    answer = farebox.submit(rich, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert len(upstream.calls) == before


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (PATH, {"Size": "1K"}, "request_not_understood"),
        ("/api/v3/nobody/knows-it/text-to-image", {}, "price_unknown"),
        (UNIFIED, {"model": "google/gemini-3-pro-image-preview"}, "model_not_allowed"),
    ],
)
def test_a_refused_submit_tells_what_its_key_has_left(
    path: str, body: dict[str, object], reason: str, farebox: Farebox
) -> None:
    key = farebox.key(daily_micros=3_000_000, models=(FLASH,))
    answer = farebox.submit(key, path=path, **body)
    assert answer.headers["x-farebox-refused"] == reason
    assert answer.headers["x-farebox-budget-limit-usd"] == "3.000000"
    assert answer.headers["x-farebox-budget-remaining-usd"] == "3.000000"


@pytest.mark.parametrize("path", ["/budget/", "/metrics/", "/healthz/", "/my/", "/admin/keys/"])
def test_a_route_with_a_slash_too_many_is_no_route(path: str, farebox: Farebox) -> None:
    answer = farebox.client.get(farebox.url + path, headers={"Host": "evil.example"})
    assert (answer.status_code, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize(
    "body",
    ['{"size":"1K","size":"2K"}', '{"n":1,\n"n" : 1}', '{"Size":"1K"}', '["1K"]', "null", '""'],
)
def test_a_quote_refuses_what_the_relay_refuses(body: str, farebox: Farebox, rich: str) -> None:
    headers = {"Authorization": rich}
    asked = f'{{ "x": {{"body":"y"}}, "path" : "{PATH}" , "body": {body} }}'
    quoted = farebox.client.post(f"{farebox.url}/quote", headers=headers, content=asked).json()
    relayed = farebox.client.post(farebox.url + PATH, headers=headers, content=body)
    assert (quoted["admitted"], relayed.status_code) == (False, 400)
    assert quoted["refusal"]["type"] == relayed.headers["x-farebox-refused"]


def test_our_headers_never_cross(farebox: Farebox, upstream: Standin, rich: str) -> None:
    tagged = {"x-farebox-tag-project": "web", "Idempotency-Key": "once-and-for-all"}
    assert farebox.submit(rich, headers=tagged).status_code == 200
    names = {name.lower() for name, _ in upstream.last(PATH).headers}
    assert not {n for n in names if n.startswith(b"x-farebox") or n == b"idempotency-key"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_too_large_is_refused_unread(chunked: bool, start: Callable[..., Farebox]) -> None:
    farebox = start(max_body="64KiB")
    key = farebox.secrets.get("large") or farebox.key("large")
    body: Any = b"x" * 70_000
    answer = farebox.client.post(
        f"{farebox.url}{PATH}",
        content=iter([body]) if chunked else body,
        headers={"Authorization": key},
    )
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "payload_too_large")


UNKNOWN = ["/", "/nothing", "/v3/google/x", "/api/v2/x", "/api/v3x", "/v1/images/generations"]


@pytest.mark.parametrize("path", UNKNOWN[1:])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_route_hints_at_the_base_url(
    path: str, method: str, farebox: Farebox, upstream: Standin
) -> None:
    before = len(upstream.calls)
    answer = farebox.client.request(method, f"{farebox.url}{path}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")
    assert "base URL" in answer.json()["message"]
    assert answer.headers["x-farebox-refused"] == "not_found"
    assert len(upstream.calls) == before


@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("GET", "predictions", "With a Farebox key only submits (POST)"),
        ("GET", f"google/{FLASH}/text-to-image", "With a Farebox key only submits (POST)"),
        ("DELETE", "predictions/some-id", "With a Farebox key only submits (POST)"),
        ("GET", "api/v3/predictions/some-id/result", "base URL"),
    ],
)
def test_a_route_closed_to_farebox_keys_says_what_is_open(
    method: str, path: str, hint: str, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    before = len(upstream.calls)
    url, headers = f"{farebox.url}/api/v3/{path}", {"Authorization": rich}
    answer = farebox.client.request(method, url, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")
    assert hint in answer.json()["message"]
    assert len(upstream.calls) == before


@pytest.mark.parametrize(("method", "path"), [("POST", "/budget"), ("GET", "/quote")])
def test_a_method_that_a_route_does_not_take(method: str, path: str, farebox: Farebox) -> None:
    answer = farebox.client.request(method, f"{farebox.url}{path}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (405, "method_not_allowed")
    assert answer.headers["allow"]


QUOTES: list[Any] = [
    None, [], {}, {"path": 1}, {"path": "/x"}, {"path": "/api/v3/media/uploads", "body": {}},
]  # fmt: skip


@pytest.mark.parametrize("asked", QUOTES)
def test_a_quote_of_nothing_priced_is_refused(asked: Any, farebox: Farebox, rich: str) -> None:
    url, headers = f"{farebox.url}/quote", {"Authorization": rich}
    answer = farebox.client.post(url, json=asked, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/budget", "/quote"])
def test_our_routes_want_a_key(path: str, farebox: Farebox) -> None:
    method = "POST" if path == "/quote" else "GET"
    assert farebox.client.request(method, f"{farebox.url}{path}").status_code == 401


@pytest.mark.parametrize("target", [b"/api/v3/../admin", b"/api/v3/%2e%2e/x", b"/api/v3/a%00"])
def test_a_path_that_could_be_read_elsewhere_goes_nowhere(
    target: bytes, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    before = len(upstream.calls)
    got = exchange(farebox.url, Asked("GET", target, ((b"Authorization", rich.encode()),)))
    assert (got.status, len(upstream.calls)) == (400, before)


def test_a_head_poll_learns_nothing_and_keeps_the_upstream_s_length(
    farebox: Farebox, upstream: Standin
) -> None:
    key = "sk-own-heads"
    taken = farebox.submit(key)
    url = f"{farebox.url}/api/v3/predictions/{prediction_of(taken)}/result"
    head = farebox.client.head(url, headers={"Authorization": key})
    direct = httpx.head(
        url.replace(farebox.url, upstream.url), headers={"Authorization": key}, trust_env=False
    )
    assert head.status_code == direct.status_code == 200
    assert int(head.headers["content-length"]) > 0
    assert head.content == b""
    assert head.headers["x-farebox-charge-state"] == "accepted"
