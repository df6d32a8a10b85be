"""Callers whom nobody knows: whatever they leave undone, those who are known do not notice."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from proxy.strangers import AT_ONCE_MAX
from tests.edge.wire import Answer, read_all
from tests.hardening.counted import CountedFarebox
from tests.relay.house import PATH, Farebox
from tests.standin.server import Standin

ROOM = 4
BODY_MAX = 1 << 20
BODY = b'{"prompt":"x"}'


@pytest.fixture(scope="module")
def farebox(
    upstream: Standin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CountedFarebox]:
    home = tmp_path_factory.mktemp("nobody")
    sizes = {"max_body": str(BODY_MAX), "max_buffered": str(2 * BODY_MAX)}
    started = CountedFarebox(home, upstream.url, max_in_flight=str(ROOM), **sizes)
    try:
        yield started.start()
    finally:
        started.close()


@pytest.fixture
def lines(farebox: CountedFarebox) -> Iterator[contextlib.ExitStack]:
    """Connections that are closed at the end, and then forgotten."""
    with contextlib.ExitStack() as held:
        yield held
    farebox.until(lambda: farebox.held()["in_flight"] == 0)
    assert farebox.held()["body_bytes"] == farebox.held()["strangers"] == 0


def begun(
    farebox: Farebox,
    lines: contextlib.ExitStack,
    method: str,
    length: int,
    key: str = "",
    path: str = PATH,
) -> socket.socket:
    """Send the head of a call, and leave its body for later."""
    line = lines.enter_context(socket.create_connection(("127.0.0.1", farebox.port), timeout=20))
    shown = f"Authorization: {key}\r\n" if key else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{shown}"
    line.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
    return line


def answered(line: socket.socket, body: bytes) -> Answer:
    with contextlib.suppress(ConnectionError):
        line.sendall(body)
    (answer,) = read_all(line)
    return answer


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_bodies_that_do_not_come_take_nobodys_place(
    method: str, farebox: CountedFarebox, lines: contextlib.ExitStack
) -> None:
    known, count = farebox.key(daily_micros=-1), AT_ONCE_MAX + 2 * ROOM
    keys = [f"sk-made-up-{method}-{number}" for number in range(count)]
    waiting = [begun(farebox, lines, method, len(BODY), key) for key in keys]
    farebox.until(lambda: farebox.held()["in_flight"] == count)
    assert farebox.submit(known).status_code == 200
    assert farebox.submit("sk-honest-and-new-to-" + method).status_code == 200
    assert answered(waiting[0], BODY).status < 300


@pytest.mark.parametrize(("method", "key"), [("OPTIONS", ""), ("POST", "sk-made-up")])
def test_bodies_of_strangers_leave_room_for_those_of_others(
    method: str, key: str, farebox: CountedFarebox, lines: contextlib.ExitStack
) -> None:
    known, half = farebox.key(daily_micros=-1), BODY_MAX // 2
    for number in range(4):
        shown = f"{key}-of-{number}" if key else ""
        line = begun(farebox, lines, method, half + 1, shown)
        with contextlib.suppress(ConnectionError):
            line.sendall(bytes(half))
    farebox.until(lambda: farebox.held()["body_bytes"] == 2 * half)
    assert farebox.submit(known, "x" * half).status_code == 200
    assert farebox.submit("sk-new-beside-" + method, "x" * half).status_code == 503


def test_an_options_brings_what_any_call_may(
    farebox: CountedFarebox, upstream: Standin, lines: contextlib.ExitStack
) -> None:
    size = 300_000
    answered(begun(farebox, lines, "OPTIONS", size), bytes(size))
    assert upstream.calls[-1].body == bytes(size)


@pytest.mark.parametrize("known", [False, True])
def test_what_is_asked_for_a_price_holds_bytes_as_any_other_body_does(
    known: bool, farebox: CountedFarebox, lines: contextlib.ExitStack
) -> None:
    key, half = farebox.key(daily_micros=-1), BODY_MAX // 2
    room = 4 if known else 2
    keys = [key if known else f"sk-asking-{number}" for number in range(room + 2)]
    asking = [begun(farebox, lines, "POST", half, each, "/quote") for each in keys]
    for line in asking[:room]:
        line.sendall(bytes(half - 1))
    farebox.until(lambda: farebox.held()["body_bytes"] == room * (half - 1))
    for line in asking[room:]:
        answer = answered(line, bytes(half))
        assert (answer.status, answer.json["error"]["type"]) == (503, "overloaded")
    assert farebox.submit(key, "x" * half).status_code == (503 if known else 200)
    for line in asking[:room]:
        assert answered(line, b" ").status == 400
    assert farebox.held()["body_bytes"] == 0
    assert farebox.submit(key, "x" * half).status_code == 200


def test_a_question_that_says_that_it_is_too_large_is_not_read(
    farebox: CountedFarebox, lines: contextlib.ExitStack
) -> None:
    key = farebox.key(daily_micros=-1)
    answer = answered(begun(farebox, lines, "POST", BODY_MAX + 1, key, "/quote"), b"")
    assert (answer.status, answer.json["error"]["type"]) == (413, "payload_too_large")
