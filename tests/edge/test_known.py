"""A request whose head is known means what the parser would make of it, and no other is known."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.edge.known import BODY_BYTES_MAX, FIELDS_MAX, LINES_MAX, KnownHeads, Line, news
from tests.edge.wire import Edge, read_all, running

FIELDS = [(b"host", b"farebox.test"), (b"x-a", b"1")]
LENGTH = (b"content-length", b"2")


def sent(
    line: bytes = b"POST /x?q HTTP/1.1", body: bytes = b"", length: bytes = b"Content-Length"
) -> bytes:
    """Write a request; its length stands between its two other fields."""
    counted = b"%b: %d\r\n" % (length, len(body)) if body else b""
    return line + b"\r\nHost: farebox.test\r\n" + counted + b"X-A: 1\r\n\r\n" + body


def knowing(*bodies: bytes, line: bytes = b"POST /x?q HTTP/1.1") -> KnownHeads:
    known = KnownHeads()
    for body in bodies:
        length = [(b"content-length", b"%d" % len(body))] if body else []
        found = news(sent(line, body), Line.of("POST", b"/x?q"), [FIELDS[0], *length, FIELDS[1]])
        assert found is not None
        known.keep(found)
    return known


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(b"", b"", id="no body"),
        pytest.param(b"{}", b"{}", id="the same again"),
        pytest.param(b"{}", b'{"prompt":"another"}', id="a body of another length"),
        pytest.param(b"{}", b"x" * BODY_BYTES_MAX, id="as long as may be"),
    ],
)
def test_a_known_head_is_found_with_its_own_length(first: bytes, then: bytes) -> None:
    found = knowing(first).find(sent(body=then))
    assert found is not None
    assert (found.line.method, found.line.target, found.line.path) == ("POST", b"/x?q", "/x")
    assert (found.line.raw_path, found.line.query, found.body) == (b"/x", b"q", then)
    length = [(b"content-length", b"%d" % len(then))] if then else []
    assert found.headers == [FIELDS[0], *length, FIELDS[1]]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sent(b"POST /y HTTP/1.1", b"{}"), id="another target"),
        pytest.param(sent(b"PUT /x?q HTTP/1.1", b"{}"), id="another method"),
        pytest.param(sent(b"POST /x?q HTTP/1.0", b"{}"), id="another version"),
        pytest.param(sent(body=b"{}").replace(b"X-A: 1", b"X-A: 2"), id="another value"),
        pytest.param(sent(body=b"{}").replace(b"X-A", b"x-a"), id="another spelling"),
        pytest.param(sent(body=b"{}").replace(b"Content-L", b"content-l"), id="of the length, too"),
        pytest.param(sent(body=b"{}").replace(b": 2", b": 02\r\nX: 1"), id="one more field"),
        pytest.param(sent(body=b"{}").replace(b": 2", b": +2"), id="a length with a sign"),
        pytest.param(sent(body=b"{}").replace(b": 2", b": 2 "), id="a length and a blank"),
        pytest.param(sent(body=b"{}").replace(b": 2", b": "), id="a length without digits"),
        pytest.param(sent(body=b"{}").replace(b": 2", b": " + b"0" * 9 + b"2"), id="many digits"),
        pytest.param(sent(body=b"{}")[:-1], id="not whole"),
        pytest.param(sent(body=b"{}")[:20], id="half a head"),
        pytest.param(sent(body=b"{}") + b"G", id="more behind it"),
        pytest.param(sent(body=b"{}") * 2, id="two of them"),
        pytest.param(b"\r\n" + sent(body=b"{}"), id="a blank line before it"),
        pytest.param(sent(), id="no length where there was one"),
        pytest.param(sent(body=b"x" * (BODY_BYTES_MAX + 1)), id="too long a body"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_whatever_differs_is_the_parsers_to_read(data: bytes) -> None:
    assert knowing(b"{}").find(data) is None


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        pytest.param(sent(b"POST /x?q HTTP/1.0"), FIELDS, id="HTTP/1.0"),
        pytest.param(sent(b"POST /x?q HTTP/1.1", b"{}")[:-1], [*FIELDS, LENGTH], id="not whole"),
        pytest.param(sent(body=b"{}", length=b"CONTENT-LENGTH"), [*FIELDS, LENGTH], id="shouted"),
        pytest.param(sent(), [*FIELDS, (b"transfer-encoding", b"chunked")], id="in chunks"),
        pytest.param(sent(b"POST /%b HTTP/1.1" % (b"x" * 600)), FIELDS, id="a long line"),
        pytest.param(sent().replace(b"X-A: 1", b"X-A: " + b"1" * 5000), FIELDS, id="a long field"),
    ],
)
def test_not_every_head_is_to_be_known(data: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    assert news(data, Line.of("POST", b"/x?q"), headers) is None


def asked(line: int, host: int) -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: h%d\r\n\r\n" % (line, host)


def test_too_many_are_forgotten_but_not_what_comes_again() -> None:
    known = KnownHeads()
    for number in range(2 * LINES_MAX + 2):
        host = min(number, 2 * FIELDS_MAX)
        told = news(
            asked(number, host), Line.of("GET", b"/%d" % number), [(b"host", b"h%d" % host)]
        )
        assert told is not None
        known.keep(told)
        assert known.find(asked(number, host)) is not None
        assert known.find(asked(0, 0)) is not None
    assert known.find(asked(7, 0)) is None
    assert known.find(asked(0, 7)) is None


def test_what_the_app_noted_beside_fields_stays_when_another_line_brings_them() -> None:
    known = KnownHeads()
    for line in range(2):
        told = news(asked(line, 0), Line.of("GET", b"/%d" % line), [(b"host", b"h0")])
        assert told is not None
        known.keep(told)
        found = known.find(asked(line, 0))
        assert found is not None
        assert found.fields.note == (None if line == 0 else "seen")
        found.fields.note = "seen"


@pytest.mark.parametrize(
    "framing", ["Transfer-Encoding: chunked", "CONTENT-LENGTH: 7", "Content-Length:  7"]
)
def test_a_body_behind_its_head_stays_the_parsers_to_find(edge: Edge, framing: str) -> None:
    head = f"POST /x HTTP/1.1\r\nHost: farebox.test\r\n{framing}\r\n\r\n".encode()
    with edge.connect() as line:
        for _ in range(3):
            line.sendall(head)
            body = b"2\r\nab\r\n0\r\n\r\n" if b"chunked" in head else b"abcdefg"
            seen = reflected(line, body)
            assert seen["body"] == ("ab" if b"chunked" in head else "abcdefg")


TOKENS = st.text("abcXYZ-", min_size=1, max_size=5)
HEADS = st.lists(st.tuples(TOKENS, st.text("ab: ,;=", max_size=6)), max_size=3)
TARGETS = st.text("ab/%?=&", max_size=8).map(lambda text: "/" + text.replace("%", "%41"))


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with running() as edge:
        yield edge


def reflected(line: socket.socket, data: bytes) -> Any:
    line.sendall(data)
    return json.loads(read_all(line, until=b'"raw_path"')[0].body)


@given(st.sampled_from(["GET", "POST", "PUT"]), TARGETS, HEADS, st.lists(st.text(max_size=9)))
def test_the_app_sees_the_same_of_a_known_head_as_of_a_new_one(
    edge: Edge, method: str, target: str, fields: list[tuple[str, str]], bodies: list[str]
) -> None:
    lines = "".join(f"X{name}:{value}\r\n" for name, value in fields)
    with edge.connect() as known:
        for body in ["", *bodies]:
            length = f"Content-Length: {len(body.encode())}\r\n" if body else ""
            head = f"{method} {target} HTTP/1.1\r\nHost: farebox.test\r\n{length}{lines}\r\n"
            data = (head + body).encode()
            with edge.connect() as new:
                new.sendall(data[:9])  # so the parser has to read it
                expected = reflected(new, data[9:])
            assert reflected(known, data) == reflected(known, data) == expected
