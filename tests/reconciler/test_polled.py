"""Which polls of a client put ours off: those that told it something."""

import contextlib
from collections.abc import Iterator

import httpx
import pytest

from tests.relay.house import Farebox, charge_of, prediction_of, running
from tests.standin.refusals import json_reply
from tests.standin.server import Standin

LARGE = "standin:polls=1 standin:big=400000"
TOLD_NOTHING = [
    pytest.param("standin:gone", id="polls say 404"),
    pytest.param("standin:poll-401", id="polls are not allowed"),
    pytest.param("standin:poll-500", id="polls fail"),
    pytest.param("standin:poll-reset", id="polls are reset"),
    pytest.param(f"{LARGE} standin:poll-truncated", id="large polls are cut off"),
]


def due_us(farebox: Farebox, answer: httpx.Response) -> int:
    found: int = farebox.charge(charge_of(answer))["due_us"]
    return found


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture(scope="module")
def served(
    upstream: Standin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Farebox, str]]:
    """A Farebox with a long pause before its own polls, and a key of it."""
    home = tmp_path_factory.mktemp("farebox")
    with running(home, upstream.url, poll_after="10m") as farebox:
        yield farebox, farebox.key(daily_micros=-1)


@pytest.mark.parametrize("words", TOLD_NOTHING)
def test_a_poll_that_tells_a_client_nothing_does_not_put_ours_off(
    words: str, served: tuple[Farebox, str]
) -> None:
    farebox, key = served
    asked, other = farebox.submit(key, words), farebox.submit(key, "standin:never")
    dues = due_us(farebox, asked), due_us(farebox, other)
    with contextlib.suppress(httpx.HTTPError):
        farebox.poll(key, prediction_of(asked))
    farebox.poll(key, prediction_of(other))
    farebox.until(lambda: due_us(farebox, other) > dues[1])  # what was seen is written together
    assert due_us(farebox, asked) == dues[0]


@pytest.mark.parametrize("chars", [0, 400_000])
@pytest.mark.parametrize("code", [404, 500])
def test_neither_does_an_envelope_that_says_no_in_a_200(
    code: int, chars: int, upstream: Standin, served: tuple[Farebox, str]
) -> None:
    farebox, key = served
    asked, other = farebox.submit(key, "standin:never"), farebox.submit(key, "standin:never")
    dues = due_us(farebox, asked), due_us(farebox, other)
    upstream.reply(json_reply(200, {"code": code, "message": "x" * chars, "data": None}))
    farebox.poll(key, prediction_of(asked))
    farebox.poll(key, prediction_of(other))
    farebox.until(lambda: due_us(farebox, other) > dues[1])
    assert due_us(farebox, asked) == dues[0]


@pytest.mark.parametrize("words", ["standin:never", "standin:never standin:poll-gzip"])
def test_a_poll_that_is_answered_puts_ours_off(words: str, served: tuple[Farebox, str]) -> None:
    farebox, key = served
    asked = farebox.submit(key, words)
    due = due_us(farebox, asked)
    farebox.poll(key, prediction_of(asked))
    farebox.until(lambda: due_us(farebox, asked) > due)
