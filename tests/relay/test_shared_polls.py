"""Polls that share an answer, where that is asked for; and each its own, where it is not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.relay.gate import Gate
from tests.relay.house import Farebox, prediction_of, running
from tests.standin.server import Standin

AT_ONCE = 6
ROUNDS = 20


@contextmanager
def gate() -> Iterator[Gate]:
    with Gate() as upstream:
        serving = threading.Thread(target=upstream.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield upstream
        finally:
            upstream.let(1000)
            upstream.shutdown()
            serving.join()


def polled(farebox: Farebox, upstream: Gate) -> tuple[set[bytes], int]:
    """Poll one prediction from several callers at once; what they got, how often it was asked."""
    key = farebox.key(daily_micros=-1)
    upstream.let(1)
    bought = prediction_of(farebox.submit(key))
    before = upstream.arrivals
    with ThreadPoolExecutor(AT_ONCE) as callers:
        calls = [callers.submit(farebox.poll, key, bought) for _ in range(AT_ONCE)]
        upstream.let(AT_ONCE)
        answers = [call.result() for call in calls]
    upstream.let_none()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["x-farebox-charge-id"] for answer in answers}) == 1
    return {answer.content for answer in answers}, upstream.arrivals - before


def test_polls_share_an_answer_where_that_is_asked_for(tmp_path: Path) -> None:
    with gate() as upstream, running(tmp_path, upstream.url, share_polls="1") as farebox:
        for _ in range(ROUNDS):  # a slow machine may let half a second pass between them
            contents, asked = polled(farebox, upstream)
            assert len(contents) == 1
            if asked < AT_ONCE:
                return
    pytest.fail("no poll shared another one's answer")


def test_each_poll_is_asked_for_itself_by_default(tmp_path: Path) -> None:
    with gate() as upstream, running(tmp_path, upstream.url) as farebox:
        contents, asked = polled(farebox, upstream)
    assert (len(contents), asked) == (1, AT_ONCE)


def test_polls_that_ask_otherwise_share_nothing(tmp_path: Path) -> None:
    with Standin() as upstream, running(tmp_path, upstream.url, share_polls="1") as farebox:
        key = farebox.key(daily_micros=-1)
        place = f"/api/v3/predictions/{prediction_of(farebox.submit(key))}/result"
        before = len(upstream.calls)
        for method, body in (("HEAD", b""), ("GET", b""), ("GET", b"1"), ("GET", b"2")):
            answer = farebox.client.request(
                method, farebox.url + place, headers={"Authorization": key}, content=body
            )
            assert (answer.status_code, bool(answer.content)) == (200, method == "GET")
        assert len(upstream.calls) - before == 4
