"""Slow callers cost a place, never the service; every deadline here is a short one."""

import contextlib
import select
import socket
from collections.abc import Iterator

import pytest

from proxy.edge import raise_descriptor_limit
from tests.edge.wire import Edge, answers, only, read_all, read_closed, read_some, request, running

HALF_A_HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nX-A: "
HALF_A_BODY = request("/x", "Content-Length: 100000\r\n", "POST") + b"abc"
HALF_A_CHUNK = request("/x", "Transfer-Encoding: chunked\r\n", "POST") + b"ffff\r\nabc"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Edge]:
    spans = {"head_s": 0.3, "body_s": 0.3, "idle_s": 0.3, "linger_s": 0.3, "send_s": 0.3}
    with running(sweep_s=0.05, **spans) as edge:
        yield edge


def trickle(line: socket.socket) -> None:
    """Send a byte at a time until the other side says or does something."""
    with contextlib.suppress(ConnectionError):
        while not spoken_to(line, within_ms=10):
            line.sendall(b"a")


def outlast(edge: Edge) -> None:
    """Return when a silent connection has met its deadline."""
    with edge.connect() as silent:
        assert read_closed(silent) == b""


def test_a_connection_that_says_nothing_is_closed_without_a_word(hasty: Edge) -> None:
    outlast(hasty)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"P", id="one byte"),
        pytest.param(HALF_A_HEAD, id="half a head"),
        pytest.param(HALF_A_BODY, id="half a body"),
        pytest.param(HALF_A_CHUNK, id="half a chunk"),
        pytest.param(request("/x") + HALF_A_HEAD, id="half a second head"),
    ],
)
@pytest.mark.parametrize("goes_on", [False, True], ids=["stalls", "trickles"])
def test_an_unfinished_request_is_answered_408(hasty: Edge, start: bytes, goes_on: bool) -> None:
    start = start if not goes_on or start != b"P" else HALF_A_HEAD
    with hasty.connect() as line:
        line.sendall(start)
        if b"/x HTTP/1.1\r\nHost: farebox.test\r\n\r\n" in start:
            read_some(line, b'"length": 0}')
        if goes_on:
            trickle(line)
        answer = only(read_all(line))
    assert (answer.status, answer.headers["x-farebox-refused"]) == (408, "request_timeout")


def test_an_idle_kept_connection_is_closed_without_a_word(hasty: Edge) -> None:
    with hasty.connect() as line:
        line.sendall(request("/x"))
        assert only(read_all(line)).status == 200


def test_blank_lines_do_not_keep_a_connection(hasty: Edge) -> None:
    with hasty.connect() as line, contextlib.suppress(ConnectionError):
        while not spoken_to(line, within_ms=10):
            line.sendall(b"\r\n")
        assert read_closed(line) == b""


def test_no_deadline_of_a_caller_runs_while_its_call_is_being_answered(hasty: Edge) -> None:
    with hasty.connect() as line:
        line.sendall(request("/wait?go", "Connection: close\r\n"))
        outlast(hasty)
        outlast(hasty)
        assert hasty.get("/go").status == 200
        assert only(read_all(line)).json == {"waited": True}


def test_a_pipelined_request_held_up_by_us_is_not_timed_out(hasty: Edge) -> None:
    with hasty.connect() as line:
        line.sendall(request("/wait?go") + HALF_A_BODY)
        outlast(hasty)
        outlast(hasty)
        assert hasty.get("/go").status == 200
        assert [one.status for one in read_all(line)] == [200, 408]


def test_a_caller_who_does_not_read_is_dropped_and_its_call_ends(hasty: Edge) -> None:
    with hasty.connect() as line:
        line.sendall(request("/flood?2000"))
        assert hasty.get("/wait?flooded").status == 200
        assert not read_closed(line).endswith(b"end\r\n0\r\n\r\n")


def test_a_caller_who_reads_gets_all_of_a_large_answer(hasty: Edge) -> None:
    with hasty.connect() as line:
        line.sendall(request("/flood?500"))
        received = read_closed(line)
    assert received.endswith(b"3\r\nend\r\n0\r\n\r\n")
    assert received.count(b"x" * 65536) == 500


def test_a_thousand_silent_and_fifty_trickling_callers_do_not_stop_an_honest_one() -> None:
    assert raise_descriptor_limit() > 1200
    with running() as edge, contextlib.ExitStack() as held:
        silent = [held.enter_context(edge.connect()) for _ in range(1000)]
        slow = [held.enter_context(edge.connect()) for _ in range(50)]
        for number, line in enumerate(slow):
            line.sendall((HALF_A_HEAD, HALF_A_BODY)[number % 2])
        for _ in range(20):
            assert edge.get("/honest").status == 200
            for line in slow:
                line.sendall(b"a")
        assert not any(spoken_to(line) for line in silent + slow)


def spoken_to(line: socket.socket, within_ms: int = 0) -> bool:
    """Whether the other side said something or hung up."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(within_ms))


def test_one_connection_too_many_is_told_so_and_the_next_finds_a_place() -> None:
    with running(connections_max=3) as edge:
        with contextlib.ExitStack() as held:
            for _ in range(3):
                line = held.enter_context(edge.connect())
                line.sendall(request("/x"))
                read_some(line, b'"length": 0}')
            with edge.connect() as fourth:
                answer = only(answers(read_closed(fourth)))
        assert (answer.status, answer.headers["x-farebox-refused"]) == (503, "overloaded")
        assert answer.headers["retry-after"]
        assert settled(edge) == 200


def settled(edge: Edge) -> int:
    """The status of a call as soon as the edge has noticed who left."""
    for _ in range(1000):
        status = edge.get("/x").status
        if status != 503:
            return status
    return 503
