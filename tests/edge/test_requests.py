"""Each raw request has one outcome, however it is cut up, and desynchronises nobody."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.edge.corpus import CASES, Case
from tests.edge.wire import Answer, Edge, read_all, request, running

HONEST = request("/honest")


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with running() as edge:
        yield edge


def talk(line: socket.socket, case: Case, piece: int) -> list[Answer]:
    """Send the case, then an honest request (or the end), and read what comes."""
    with contextlib.suppress(ConnectionError):
        for at in range(0, len(case.sent), piece):
            line.sendall(case.sent[at : at + piece])
        if case.ends:
            line.shutdown(socket.SHUT_WR)
        else:
            line.sendall(HONEST)
    return read_all(line, until=b'"raw_path": "/honest"')


@pytest.mark.parametrize("cut", ["whole", "in pieces", "known"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_request_reaches_the_app_as_sent_or_is_refused(edge: Edge, case: Case, cut: str) -> None:
    piece = max(1, len(case.sent)) if cut == "whole" else max(7, len(case.sent) // 40)
    if cut == "known":  # if such a head can be
        piece = max(1, len(case.sent))
        with edge.connect() as line:
            talk(line, case, piece)
    with edge.connect() as line:
        found = talk(line, case, piece)
    if case.status is None:
        assert found == []
    elif case.status == 200:
        reached(found[0], case)
        assert [one.json["raw_path"] for one in found[1:]] in (["/honest"], [])
        assert len(found) == 2 or found[0].headers["connection"] == "close"
    else:
        turned_away(found, case.status)


def reached(answer: Answer, case: Case) -> None:
    path, _, query = case.target.decode().partition("?")
    assert answer.status == 200, answer
    seen = answer.json
    assert seen["method"] == case.method
    assert (seen["raw_path"], seen["query"]) == (path, query) if case.target != b"/x" else True
    assert seen["body"] == case.body.decode()
    if case.headers is not None:
        assert [tuple(pair) for pair in seen["headers"][1:]] == list(case.headers)


def turned_away(found: list[Answer], status: int) -> None:
    assert [one.status for one in found] == [status]
    error = found[0].json["error"]
    assert error["code"] == found[0].json["code"] == status
    assert found[0].headers["x-farebox-refused"] == error["type"]
    assert found[0].headers["connection"] == "close"


def test_the_table_is_long_and_says_everything_once() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) > 250


def test_nothing_is_added_to_an_answer_and_its_names_keep_their_case(edge: Edge) -> None:
    with edge.connect() as line:
        line.sendall(HONEST)
        answer = read_all(line, until=b'"raw_path": "/honest"')[0]
    assert list(answer.headers) == ["X-Echo-Case", "content-length"]
