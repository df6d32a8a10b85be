"""Every misdeed of the upstream, many times over, through a whole Farebox: state, answer, traces.

FAREBOX_FAULT_REPEATS=500 repeats each as often, those that must time out a tenth of it.
"""

import asyncio
import json
import os
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proxy.upstream import Upstream
from tests.hardening.counted import CountedFarebox
from tests.hardening.misdeeds import ACCEPTED, MISDEEDS, UNCERTAIN, Misdeed
from tests.relay.house import Farebox
from tests.standin.server import Standin
from tests.standin.wire import Reply

REPEATS = int(os.environ.get("FAREBOX_FAULT_REPEATS", "100"))
AT_ONCE = 16
SPARE_BYTES = 24 << 20
Seen = tuple[int, dict[bytes, bytes], bytes]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin(keep=100, idle_s=0.5) as standin:
        yield standin
    assert not standin.mistakes, standin.mistakes


@pytest.fixture(scope="module")
def farebox(
    upstream: Standin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CountedFarebox]:
    home = tmp_path_factory.mktemp("counted")
    started = CountedFarebox(home, upstream.url, upstream_timeout="2s")
    try:
        yield started.start()
    finally:
        started.close()


@pytest.fixture(scope="module")
def key(farebox: CountedFarebox) -> str:
    made = farebox.key("unlimited", daily_micros=-1)
    repeat(farebox, made, Misdeed("", "", (200,), ACCEPTED), 100)
    return made


def repeat(farebox: Farebox, key: str, misdeed: Misdeed, times: int) -> list[Seen]:
    """Submit so often, some at once; every answer with its headers and body."""
    return asyncio.run(_repeat(farebox, key, misdeed, times))


async def _repeat(farebox: Farebox, key: str, misdeed: Misdeed, times: int) -> list[Seen]:
    client = Upstream(farebox.url, timeout_s=60)
    headers = [(b"authorization", key.encode()), (b"content-type", b"application/json")]
    body = json.dumps({"prompt": misdeed.words}).encode()
    turns = asyncio.Semaphore(AT_ONCE)

    async def one() -> Seen:
        async with turns:
            answer = await client.send(
                b"POST", misdeed.target.encode(), headers, body, pool="", submit=False
            )
            data = b"".join([chunk async for chunk in answer.chunks()])
            return answer.status, {name.lower(): value for name, value in answer.headers}, data

    try:
        return await asyncio.gather(*(one() for _ in range(times)))
    finally:
        await client.aclose()


def times_of(misdeed: Misdeed) -> int:
    return max(AT_ONCE, REPEATS // 10) if misdeed.slow else REPEATS


def states_of(farebox: Farebox, seen: list[Seen]) -> Counter[str]:
    states = dict(farebox.rows("SELECT id,state FROM charges"))
    return Counter(states[headers[b"x-farebox-charge-id"].decode()] for _, headers, _ in seen)


def at_rest(farebox: CountedFarebox, before: dict[str, int]) -> None:
    """Nothing of what was held is left; the memory of the process is about what it was."""
    held: dict[str, int] = {}

    def rests() -> bool:
        held.update(farebox.held())
        counts = ("tasks", "upstream", "in_flight", "body_bytes", "strangers")
        spare = 2  # connections of our own client, which asks and makes keys
        return held["descriptors"] <= before["descriptors"] + spare and all(
            held[name] <= before[name] for name in counts
        )

    try:
        farebox.until(rests)
    except AssertionError:
        pytest.fail(f"{held} is left of {before}")
    assert held["memory"] - before["memory"] <= SPARE_BYTES


@pytest.fixture
def before(farebox: CountedFarebox, key: str) -> dict[str, int]:
    farebox.until(lambda: farebox.held()["upstream"] == 0)
    return farebox.held()


REUSED = ("standin:two", "standin:extra")  # answers that nobody asked for, on a kept connection


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=str)
def test_each_ends_in_its_state_and_leaves_nothing_behind(
    misdeed: Misdeed, farebox: CountedFarebox, key: str, before: dict[str, int]
) -> None:
    seen = repeat(farebox, key, misdeed, times_of(misdeed))
    assert {status for status, _, _ in seen} <= set(misdeed.statuses)
    states = states_of(farebox, seen)
    assert set(states) <= misdeed.states, states
    assert not any(b"stolen" in body for _, _, body in seen)
    if misdeed.states & ACCEPTED:
        assert states["accepted"] >= len(seen) * 0.9
    at_rest(farebox, before)


@pytest.mark.parametrize("words", REUSED)
def test_an_answer_too_many_never_reaches_another_caller(
    words: str, farebox: CountedFarebox, before: dict[str, int]
) -> None:
    callers = [farebox.key(daily_micros=-1) for _ in range(25)]
    misdeed = Misdeed("B16", words, (200,), ACCEPTED)
    seen = [answer for caller in callers for answer in repeat(farebox, caller, misdeed, 1)]

    assert {status for status, _, _ in seen} == {200}
    assert set(states_of(farebox, seen)) == ACCEPTED
    assert not any(b"stolen" in body for _, _, body in seen)
    at_rest(farebox, before)


def bomb_of(size: int) -> bytes:
    """So many zero bytes, as gzip."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def test_what_the_upstream_says_is_relayed_to_the_byte(
    farebox: CountedFarebox, upstream: Standin, key: str, before: dict[str, int]
) -> None:
    """B7, B8, B9, B11: half a gzip, a bomb, an encoding nobody asked for, a Retry-After."""
    brotli = Reply(200, ((b"Content-Encoding", b"br"), (b"X-Odd", b"1")), (b"\x8b\x02\x80",))
    half = Reply(200, ((b"Content-Encoding", b"gzip"),), (bomb_of(1 << 20)[:500],))
    bomb = Reply(200, ((b"Content-Encoding", b"gzip"),), (bomb_of(200 << 20),))
    later = Reply(429, ((b"Retry-After", b"77"), (b"Content-Type", b"text/x")), (b"\xff\x00",))
    for reply, states in (
        (brotli, {"uncertain"}),
        (half, {"uncertain"}),
        (bomb, {"uncertain"}),
        (later, {"released"}),
    ):
        upstream.always(reply)
        try:
            seen = repeat(farebox, key, Misdeed("", "", (), ACCEPTED), AT_ONCE)
        finally:
            upstream.always(None)
        # What is streamed is decided a moment after its last byte.
        farebox.until(lambda seen=seen, states=states: set(states_of(farebox, seen)) == states)  # type: ignore[misc]
        for status, headers, body in seen:
            assert (status, body) == (reply.status, reply.body)
            assert all(headers[name.lower()] == value for name, value in reply.headers)
    at_rest(farebox, before)


def test_an_upstream_that_is_down_releases_the_fare(
    farebox: CountedFarebox, upstream: Standin, key: str, before: dict[str, int]
) -> None:
    upstream.down()
    try:
        seen = repeat(farebox, key, Misdeed("B1", "", (502,), ACCEPTED), REPEATS)
    finally:
        upstream.up()
    assert {headers[b"x-farebox-refused"] for _, headers, _ in seen} == {b"upstream_unreachable"}
    assert set(states_of(farebox, seen)) == {"released"}
    at_rest(farebox, before)


@pytest.fixture
def sink() -> Iterator[tuple[str, list[object]]]:
    """An address where nobody may call, and who did."""
    callers: list[object] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def listen() -> None:
            while True:
                try:
                    line, caller = listener.accept()
                except OSError:
                    return
                callers.append(caller)
                line.close()

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", callers
        listener.shutdown(socket.SHUT_RDWR)


def test_no_redirect_is_followed_and_no_foreign_poll_url_is_fetched(
    farebox: CountedFarebox, key: str, sink: tuple[str, list[object]], before: dict[str, int]
) -> None:
    where, callers = sink
    away = Misdeed("B13", f"standin:redirect={where}/api/v3/x", (307,), UNCERTAIN)
    seen = repeat(farebox, key, away, AT_ONCE)
    assert {headers[b"location"].decode() for _, headers, _ in seen} == {f"{where}/api/v3/x"}
    assert set(states_of(farebox, seen)) == {"uncertain"}
    other = Misdeed("B24", f"standin:elsewhere={where}", (200,), ACCEPTED)
    for _, _, body in repeat(farebox, key, other, AT_ONCE):
        assert json.loads(body)["data"]["urls"]["get"].startswith(f"{farebox.url}/api/v3/")
    assert callers == []
    at_rest(farebox, before)


def test_an_id_handed_out_again_leaves_the_first_fare_alone(
    farebox: CountedFarebox, key: str, before: dict[str, int]
) -> None:
    seen = repeat(farebox, key, Misdeed("B17", "standin:dup=again", (200,), ACCEPTED), REPEATS)
    assert states_of(farebox, seen) == {"accepted": 1, "uncertain": REPEATS - 1}
    at_rest(farebox, before)


def test_polls_that_go_wrong_leave_the_fare_held_and_nothing_else(
    farebox: CountedFarebox, key: str, before: dict[str, int]
) -> None:
    for word in ("poll-reset", "poll-truncated", "poll-500", "poll-unreadable", "poll-garbage"):
        taken = repeat(farebox, key, Misdeed("", f"standin:never standin:{word}", (), ACCEPTED), 4)
        for _, _, body in taken:
            for _ in range(REPEATS // 20):
                farebox.poll(key, json.loads(body)["data"]["id"])
        assert set(states_of(farebox, taken)) == {"accepted"}
    at_rest(farebox, before)


def test_slow_answers_hold_nobody_else_up(upstream: Standin, tmp_path: Path) -> None:
    """B26: while 200 calls wait for their pictures, 50 others are begun and ended."""
    patient = CountedFarebox(tmp_path, upstream.url, upstream_timeout="60s")
    try:
        patient.start()
        asyncio.run(_slow_and_quick(patient, patient.key("unlimited", daily_micros=-1)))
    finally:
        patient.close()


async def _slow_and_quick(farebox: CountedFarebox, key: str) -> None:
    slow = Misdeed("B26", "standin:slow=2", (200,), ACCEPTED)
    quick = Misdeed("B26", "", (200,), ACCEPTED)
    waiting = [asyncio.create_task(_repeat(farebox, key, slow, 1)) for _ in range(200)]
    await asyncio.to_thread(farebox.until, lambda: farebox.held()["in_flight"] > AT_ONCE)
    assert {status for status, _, _ in await _repeat(farebox, key, quick, 50)} == {200}
    answers = await asyncio.gather(*waiting)
    assert {status for each in answers for status, _, _ in each} == {200}


def test_calls_that_come_to_nothing_leave_no_python_object_behind(tmp_path: Path) -> None:
    """The heap alone: the database's page cache grows with the database, up to its cap."""
    words = ("standin:reset", "standin:429", "standin:unreadable", "standin:500 standin:html")
    with Standin(keep=10, idle_s=0.5) as upstream:
        farebox = CountedFarebox(tmp_path, upstream.url)
        try:
            farebox.start(environ={"PYTHONTRACEMALLOC": "1"})
            key = farebox.key("unlimited", daily_micros=-1)
            heap = []
            for _ in range(3):
                for each in words:
                    repeat(farebox, key, Misdeed("", each, (), UNCERTAIN), REPEATS // 2)
                farebox.until(lambda: farebox.held()["upstream"] == 0)
                heap.append(farebox.held()["heap"])
        finally:
            farebox.close()
    assert heap[2] - heap[1] < 2 * REPEATS * 64 + 100_000
