"""What the edge answers by itself is told to the app, which counts it: each refusal once."""

from collections.abc import Iterator

import pytest

from tests.edge.wire import Edge, only, read_all, read_some, request, running

HALF_A_BODY = request("/x", "Content-Length: 9\r\n", "POST") + b"abc"
NO_CHUNK = request("/x", "Transfer-Encoding: chunked\r\n", "POST") + b"nothing\r\n"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Edge]:
    with running(sweep_s=0.05, head_s=0.3, body_s=0.3, connections_max=2) as edge:
        yield edge


def told(edge: Edge) -> list[tuple[str, bool]]:
    return [(reason, begun) for reason, begun in edge.get("/status").json["refused"]]


@pytest.mark.parametrize(
    ("sent", "status", "reason", "begun"),
    [
        pytest.param(b"junk\r\n\r\n", 400, "bad_request", False, id="no HTTP"),
        pytest.param(request("/../x"), 400, "bad_request", False, id="a dotted path"),
        pytest.param(b"GET / HTTP/1.1\r\n", 408, "request_timeout", False, id="half a head"),
        pytest.param(HALF_A_BODY, 408, "request_timeout", True, id="half a body"),
        pytest.param(NO_CHUNK, 400, "bad_request", True, id="no chunk"),
        pytest.param(
            request("/x", "X-A: " + "a" * 40_000 + "\r\n"), 431, "headers_too_large", False,
            id="a huge head",
        ),
        pytest.param(
            request("/x", "X-A: a\r\n" * 101), 431, "headers_too_large", False, id="many fields"
        ),
    ],
)  # fmt: skip
def test_a_refusal_of_the_edge_is_told_once(
    hasty: Edge, sent: bytes, status: int, reason: str, begun: bool
) -> None:
    before = told(hasty)
    with hasty.connect() as line:
        line.sendall(sent)
        assert only(read_all(line)).status == status
    assert told(hasty) == [*before, (reason, begun)]


def test_a_connection_too_many_is_told(hasty: Edge) -> None:
    before = told(hasty)
    with hasty.connect() as one, hasty.connect() as two:
        for line in (one, two):
            line.sendall(request("/x"))
            read_some(line, b'"length": 0}')
        with hasty.connect() as third:
            assert only(read_all(third)).status == 503
    assert told(hasty) == [*before, ("overloaded", False)]


def test_what_ends_without_a_word_is_not_told(hasty: Edge) -> None:
    before = told(hasty)
    with hasty.connect() as silent:
        assert read_all(silent) == []
    with hasty.connect() as gone:
        gone.sendall(b"GET /x HT")
    assert told(hasty) == before
