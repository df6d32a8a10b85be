"""The raw requests of tests/edge through a whole Farebox: sent on as they came, or not at all.

Each is made twice. Once as a caller's own call that costs nothing: what the edge lets through
arrives at the upstream to the byte. Once as a submit with a price: what the edge refuses was
refused before anything was reserved or sent.
"""

import contextlib
import re
import select
import socket

import pytest

from tests.edge.corpus import CASES, Case
from tests.edge.wire import Answer, read_all
from tests.relay.house import PATH, Farebox
from tests.standin.server import Standin
from tests.standin.wire import Call

OWN = "sk-own-of-the-corpus"
START = re.compile(rb"\A((?:\r\n)*)([A-Za-z]+) (/[^ ]*)")
VERSION = re.compile(rb"(HTTP/1\.[01]\r\n)")
MAX_BODY = 32 << 20
UNDERWAY = 16 << 20  # what the sockets on both sides hold
HUNDRED = "a hundred fields"  # with a key it would be one too many


def placed(sent: bytes, key: str, *, priced: bool) -> bytes:
    """A request of the corpus below a path of v3, with a key: as PUT, or as a submit."""

    def below(found: re.Match[bytes]) -> bytes:
        blank, method, target = found.groups()
        if priced:
            method = b"POST" if method == b"GET" else method
            return blank + method + b" " + PATH.encode() + (b"" if target == b"/x" else target)
        return blank + (b"PUT" if method == b"POST" else method) + b" /api/v3" + target

    with_key = rb"\1Authorization: " + key.encode() + b"\r\n"
    return VERSION.sub(with_key, START.sub(below, sent, count=1), count=1)


def honest(key: str) -> bytes:
    return (
        f"GET /api/v3/honest HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()


def talk(farebox: Farebox, sent: bytes, key: str, *, ends: bool) -> list[Answer]:
    with socket.create_connection(("127.0.0.1", farebox.port), timeout=20) as line:
        with contextlib.suppress(ConnectionError):
            line.sendall(sent)
            if ends:
                line.shutdown(socket.SHUT_WR)
            else:
                line.sendall(honest(key))
        return read_all(line)


@pytest.fixture(scope="module")
def own(farebox: Farebox) -> str:
    assert farebox.submit(OWN).status_code == 200  # seen, so that it may do several things at once
    return OWN


@pytest.mark.parametrize("case", [c for c in CASES if c.name != HUNDRED], ids=lambda c: c.name)
def test_it_arrives_as_sent_or_not_at_all(
    case: Case, farebox: Farebox, upstream: Standin, own: str
) -> None:
    before = len(upstream.calls)
    sent = placed(case.sent, own, priced=False)
    found = talk(farebox, sent, own, ends=case.ends)
    calls = upstream.calls[before:]
    if case.status == 200:
        arrived(calls[0], case)
        assert [call.target for call in calls[1:]] in ([b"/api/v3/honest"], [])
        assert len(found) == len(calls)
    else:
        assert not calls
        refused(found, case)


def arrived(call: Call, case: Case) -> None:
    method = "PUT" if case.method == "POST" else case.method
    assert (call.method, call.target) == (method, b"/api/v3" + case.target)
    if len(case.body) < 100:  # the corpus tells the beginning of a longer one
        assert call.body == case.body
    assert [v for n, v in call.headers if n.lower() == b"authorization"] == [OWN.encode()]
    if case.headers is not None:
        stopped = {"connection", "transfer-encoding", "x-a"} if "Connection" in case.name else set()
        wanted = {pair for pair in case.headers if pair[0] not in {*stopped, "expect"}}
        seen = {(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in call.headers}
        assert wanted - seen <= {("transfer-encoding", "chunked")}


def refused(found: list[Answer], case: Case) -> None:
    assert [one.status for one in found] == ([] if case.status is None else [case.status])
    assert all(one.headers["x-farebox-refused"] for one in found)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.status != 200], ids=lambda case: case.name
)
def test_what_is_refused_had_reserved_nothing(
    case: Case, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    before = len(upstream.calls), charges(farebox)
    refused(talk(farebox, placed(case.sent, rich, priced=True), rich, ends=case.ends), case)
    assert (len(upstream.calls), charges(farebox)) == before


def charges(farebox: Farebox) -> int:
    ((count,),) = farebox.rows("SELECT count(*) FROM charges")
    return int(count)


@pytest.fixture(scope="module")
def rich(farebox: Farebox) -> str:
    return farebox.key("rich", daily_micros=-1)


def submit(key: str, prompt: str, more: str = "") -> bytes:
    body = f'{{"prompt":"{prompt}"}}'
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def test_pipelined_submits_are_answered_in_order_each_with_a_fare_of_its_own(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    before = charges(farebox)
    with socket.create_connection(("127.0.0.1", farebox.port), timeout=20) as line:
        line.sendall(
            b"".join(submit(rich, f"standin:id=piped-{number}") for number in range(5))
            + submit(rich, "standin:id=piped-5", "Connection: close\r\n")
        )
        found = read_all(line)
    assert [one.json["data"]["id"] for one in found] == [f"piped-{number}" for number in range(6)]
    names = {name.lower(): name for name in found[0].headers}
    bought = {one.headers[names["x-farebox-charge-id"]] for one in found}
    assert len(bought) == 6 == charges(farebox) - before


def test_a_caller_is_judged_before_it_is_told_to_go_on(farebox: Farebox) -> None:
    with socket.create_connection(("127.0.0.1", farebox.port), timeout=20) as line:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: sk-fb-nobody\r\n"
        line.sendall(f"{head}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n".encode())
        (answer,) = read_all(line)
    assert (answer.status, answer.json["error"]["type"]) == (401, "invalid_key")


def spoken_to(line: socket.socket) -> bool:
    return bool(select.select([line], [], [], 0)[0])


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 40000000000\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_a_body_too_large_is_refused_long_before_its_end(
    framing: bytes, farebox: Farebox, rich: str
) -> None:
    """Of one that says its length nothing is read; of one that does not, hardly more than fits."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {rich}\r\n".encode()
    piece = b"%x\r\n%b\r\n" % (65536, bytes(65536)) if framing.startswith(b"T") else b""
    sent = 0
    with socket.create_connection(("127.0.0.1", farebox.port), timeout=20) as line:
        line.sendall(head + framing + b"\r\n")
        while piece and sent < 200 << 20 and not spoken_to(line):
            line.sendall(piece)
            sent += 65536
        line.shutdown(socket.SHUT_WR)
        (answer,) = read_all(line)
    assert (answer.status, answer.json["error"]["type"]) == (413, "payload_too_large")
    assert sent < MAX_BODY + UNDERWAY
