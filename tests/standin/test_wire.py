"""What goes wrong on the wire, seen through a bare socket."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.standin.server import Standin
from tests.standin.wire import Reply

PATH = "/api/v3/google/gemini-3.1-flash-image-preview/text-to-image"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


def request(words: str, path: str = PATH, head: str = "") -> bytes:
    body = json.dumps({"prompt": words}).encode()
    fields = f"Host: x\r\nAuthorization: sk-key\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    return f"POST {path} HTTP/1.1\r\n{fields}".encode() + body


def connect(upstream: Standin) -> socket.socket:
    return socket.create_connection((upstream.host, upstream.port), timeout=5)


def until_end(sock: socket.socket, quiet_s: float = 0.3) -> tuple[bytes, str]:
    """All that comes, and how it ends: fin, rst, or quiet."""
    sock.settimeout(quiet_s)
    got = b""
    while True:
        try:
            part = sock.recv(1 << 16)
        except ConnectionResetError:
            return got, "rst"
        except TimeoutError:
            return got, "quiet"
        if not part:
            return got, "fin"
        got += part


FAULTS = [
    ("reset", "rst", b"", 1),
    ("reset-before", "rst", b"", 0),
    ("hangup", "fin", b"", 1),
    ("silence", "quiet", b"", 1),
    ("silence=0.01", "fin", b"", 1),
    ("silence-before", "quiet", b"", 0),
    ("truncated", "fin", b"Content-Length: ", 1),
    ("cut-chunk", "fin", b"Transfer-Encoding: chunked", 1),
    ("no-last-chunk", "fin", b"Transfer-Encoding: chunked", 1),
    ("eof", "fin", b"Connection: close", 1),
    ("eof-cut", "fin", b"Connection: close", 1),
    ("chunked", "quiet", b"\r\n0\r\nX-Trailer: yes\r\n\r\n", 1),
    ("drip=0.0001", "quiet", b"success", 1),
    ("slow=0.01", "quiet", b"success", 1),
    ("stall", "quiet", b"HTTP/1.1 200 OK", 1),
    ("two", "quiet", b"stolen", 1),
    ("extra", "quiet", b"}!!!!", 1),
    ("1xx=3", "quiet", b"103 Early Hints", 1),
    ("garbage", "fin", b"this is not HTTP", 1),
    ("big-head=9999", "quiet", b"X-Big: " + b"x" * 9999, 1),
    ("two-lengths", "fin", b"Content-Length: ", 1),
    ("both-framings", "quiet", b"Transfer-Encoding: chunked", 1),
    ("close-after", "fin", b"success", 1),
    ("goodbye", "fin", b"Connection: close", 1),
]


@pytest.mark.parametrize(("word", "end", "shown", "jobs"), FAULTS, ids=[f[0] for f in FAULTS])
def test_an_answer_breaks_as_told(
    upstream: Standin, word: str, end: str, shown: bytes, jobs: int
) -> None:
    before = len(upstream.jobs)
    with closing(connect(upstream)) as sock:
        sock.sendall(request(f"standin:{word}"))
        got, ended = until_end(sock)
    assert (ended, shown in got) == (end, True), got[-200:]
    assert len(upstream.jobs) - before == jobs


@pytest.mark.parametrize("word", ["reset-middle", "cut-chunk", "eof-cut", "stall", "half-json"])
def test_half_an_answer_is_half(upstream: Standin, word: str) -> None:
    with closing(connect(upstream)) as sock:
        sock.sendall(request(f"standin:{word}"))
        got, _ = until_end(sock)
    assert b'"code": 200}' not in got


@pytest.mark.parametrize(
    ("word", "shown"), [("unread-reset", b""), ("unread-413", b"HTTP/1.1 413")]
)
def test_some_answers_do_not_wait_for_the_body(upstream: Standin, word: str, shown: bytes) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    upstream.next(word)
    with closing(connect(upstream)) as sock:
        sock.sendall(head.encode())
        got, ended = until_end(sock)
    assert ended in {"rst", "fin"}
    assert got.startswith(shown)


def test_a_call_is_kept_to_the_byte(upstream: Standin) -> None:
    raw = b"PATCH /api/v3/a//b%3Ac/?q=%20&q HTTP/1.1\r\nhOsT: x\r\nX-A: 1\r\nx-a:  2 \r\n"
    with closing(connect(upstream)) as sock:
        sock.sendall(
            raw + b"Transfer-Encoding: chunked\r\n\r\n2\r\n\x00\xff\r\n1;e\r\n!\r\n0\r\n\r\n"
        )
        until_end(sock)
    call = upstream.last()
    assert (call.method, call.target, call.body) == (
        "PATCH",
        b"/api/v3/a//b%3Ac/?q=%20&q",
        b"\x00\xff!",
    )
    assert call.headers[:3] == ((b"hOsT", b"x"), (b"X-A", b"1"), (b"x-a", b"2"))


def test_a_scripted_reply_goes_out_to_the_byte(upstream: Standin) -> None:
    headers = ((b"X-Odd", b"\xff"), (b"x-odd", b""))
    upstream.reply(Reply(299, headers, (b"one", b"two"), framing="chunked", reason="So So"))
    with closing(connect(upstream)) as sock:
        sock.sendall(b"GET /api/v3/whatever HTTP/1.1\r\nHost: x\r\n\r\n")
        got, _ = until_end(sock)
    assert got == (
        b"HTTP/1.1 299 So So\r\nX-Odd: \xff\r\nx-odd: \r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    )


def test_a_connection_carries_many_calls_and_they_are_numbered(upstream: Standin) -> None:
    with closing(connect(upstream)) as sock:
        for _ in range(2):
            sock.sendall(request("a cat"))
            until_end(sock, 0.1)
        first, second = upstream.calls[-2:]
    assert first.connection == second.connection == upstream.connections


def test_a_head_request_gets_a_head_only(upstream: Standin) -> None:
    with closing(connect(upstream)) as sock:
        sock.sendall(b"HEAD /api/v3/echo HTTP/1.1\r\nHost: x\r\n\r\n")
        got, _ = until_end(sock)
    assert got.endswith(b"\r\n\r\n")
    assert b"Content-Length: " in got


def test_a_host_that_went_down_refuses_and_comes_back_on_its_port(upstream: Standin) -> None:
    upstream.down()
    with pytest.raises(ConnectionRefusedError):
        connect(upstream)
    upstream.up()
    with closing(connect(upstream)) as sock:
        sock.sendall(request("a cat"))
        assert until_end(sock)[0].startswith(b"HTTP/1.1 200")
    assert urlsplit(upstream.url).port == upstream.port


def test_an_idle_connection_is_closed_if_asked_for() -> None:
    with Standin(idle_s=0.05) as upstream, closing(connect(upstream)) as sock:
        sock.sendall(request("a cat"))
        assert until_end(sock, 5)[1] == "fin"
