"""Several requests on one connection, bodies nobody wants, and words before the answer."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.edge.wire import Edge, only, read_all, read_closed, read_some, request, running


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with running() as edge:
        yield edge


def test_pipelined_requests_are_answered_in_order(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(b"".join(request(f"/{number}") for number in range(10)))
        line.sendall(request("/last", "Connection: close\r\n"))
        paths = [one.json["raw_path"] for one in read_all(line)]
    assert paths == [*(f"/{number}" for number in range(10)), "/last"]


def test_too_many_pipelined_requests_end_in_a_refusal_after_the_answers(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/x") * 100)
        found = [one.status for one in read_all(line)]
    assert found == [200] * 17 + [400]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(request("/x"), id="a request without a body"),
        pytest.param(request("/x", "Content-Length: 3\r\n", "POST") + b"abc", id="a body"),
    ],
)
def test_a_head_right_behind_another_request_has_the_same_caps(edge: Edge, before: bytes) -> None:
    with edge.connect() as line:
        line.sendall(before + request("/x", "X-A: " + "a" * 40_000 + "\r\n"))
        found = [one.status for one in read_all(line, until=b"a" * 40_000)]
    assert found == [200, 431]


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", request("/../x"), b"\x00"])
def test_what_cannot_be_read_is_refused_after_the_answer_before_it(
    edge: Edge, garbage: bytes
) -> None:
    with edge.connect() as line:
        line.sendall(request("/wait?go") + garbage)
        assert edge.get("/go").status == 200
        found = read_all(line)
    assert [one.status for one in found] == [200, 400]
    assert found[0].json == {"waited": True}


@pytest.mark.parametrize("target", ["/x", "/../x"])
def test_a_caller_that_ends_its_side_at_once_still_gets_its_answer(edge: Edge, target: str) -> None:
    for _ in range(20):
        with edge.connect() as line:
            line.sendall(request(target))
            line.shutdown(socket.SHUT_WR)
            assert only(read_all(line)).status == (200 if target == "/x" else 400)


def test_nothing_is_read_after_a_last_request(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/x", "Connection: close\r\n") + request("/y"))
        assert only(read_all(line)).json["raw_path"] == "/x"


def test_a_broken_body_disconnects_the_app_and_is_refused(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/x", "Transfer-Encoding: chunked\r\n", "POST") + b"3\r\nabc\r\n")
        line.sendall(b"oops\r\n")
        assert only(read_all(line)).status == 400


def test_a_small_body_nobody_reads_leaves_the_connection_usable(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/unread", "Content-Length: 5\r\n", "POST"))
        assert b"401" in read_some(line, b'"unread": true}')
        line.sendall(b"hello" + request("/x", "Connection: close\r\n"))
        assert only(read_all(line)).json["raw_path"] == "/x"


def test_a_large_body_nobody_reads_does_not_cost_its_sender_the_answer(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/unread", "Content-Length: 50000000\r\n", "POST"))
        with contextlib.suppress(ConnectionError):
            for _ in range(50):
                line.sendall(b"x" * 1_000_000)
        line.shutdown(socket.SHUT_WR)
        assert only(read_all(line)).status == 401


def test_the_word_to_go_on_is_given_when_the_app_reads(edge: Edge) -> None:
    expecting = "Expect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n"
    with edge.connect() as line:
        line.sendall(request("/x", expecting, "POST"))
        assert read_some(line, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"abc")
        assert only(read_all(line)).json["body"] == "abc"


def test_an_answer_instead_of_the_word_to_go_on_ends_the_connection(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(
            request("/unread", "Expect: 100-continue\r\nContent-Length: 3\r\n", "POST")
            + request("/smuggled")
        )
        answer = only(read_all(line))
    assert (answer.status, answer.headers["connection"]) == (401, "close")


def test_http_1_0_gets_no_word_and_no_chunks(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/flood?1", "Expect: 100-continue\r\n").replace(b"1.1", b"1.0"))
        received = read_closed(line)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body == b"x" * 65536 + b"end"


def test_the_answer_to_head_announces_its_length_and_ends_there(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/x", method="HEAD") + request("/x", "Connection: close\r\n"))
        received = read_closed(line)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.count(b'"raw_path": "/x"') == 1


@pytest.mark.parametrize("way", ["raise", "silent"])
def test_an_app_that_fails_is_answered_for_in_the_envelope(edge: Edge, way: str) -> None:
    answer = edge.get(f"/{way}")
    assert answer.status == answer.json["error"]["code"] == 500
    assert "as asked" not in answer.body.decode()


@pytest.mark.parametrize("value", ["a%0D%0AX-B: b", "a%0Ab", "a%0Db", "%0D%0A", "a%0A%0Db"])
def test_a_header_with_a_line_break_in_it_is_not_sent(edge: Edge, value: str) -> None:
    answer = edge.get(f"/header?{value}".replace(" ", "%20"))
    assert answer.status == 500
    assert b"X-B" not in answer.body


def test_a_header_without_a_line_break_is_sent_as_it_is(edge: Edge) -> None:
    assert edge.get("/header?a%09%FFb").headers["X-A"] == "a\t\xffb"


def test_an_answer_that_the_app_leaves_unfinished_is_cut_off(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(request("/half"))
        received = read_closed(line)
    assert received.endswith(b"2\r\nha\r\n")


def test_the_app_finds_the_server_s_status_in_the_scope(edge: Edge) -> None:
    assert edge.get("/status").json["known"] is True
