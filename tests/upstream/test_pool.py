"""Which connection a call goes out on, and which bytes can never reach it."""

import asyncio

import pytest

from proxy.upstream.pool import POLL_IDLE_MAX_S, REST_S, SUBMIT_IDLE_MAX_S
from tests.upstream.faults import (
    OK,
    RUNNERS,
    Line,
    client,
    drained,
    echoes,
    on,
    paid,
    serving,
    until,
)

LOOPS = pytest.mark.parametrize("loop", RUNNERS)
EXTRA = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nEXTRA"
CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@LOOPS
def test_a_connection_is_used_again_by_the_same_key_only(loop: str) -> None:
    async def story() -> None:
        async with serving(echoes) as server, client(server) as upstream:
            for n, key in enumerate(["a", "a", "b", "a", "b"]):
                assert await paid(upstream, b"/%d" % n, key=key) == b"/%d" % n
            assert (server.connections, upstream.pool.idle, upstream.pool.keys) == (2, 2, 2)

    on(loop, story())


POISONED = [
    pytest.param(b"POST", OK + EXTRA, b"ok", id="a second answer in the same read"),
    pytest.param(b"POST", OK + b"\r\n", b"ok", id="an empty line after a counted body"),
    pytest.param(b"POST", OK + b"\x00", b"ok", id="one byte after a counted body"),
    pytest.param(b"POST", CHUNKS + EXTRA, b"ok", id="a second answer after chunks"),
    pytest.param(b"POST", CHUNKS + b"\r\n", b"ok", id="an empty line after chunks"),
    pytest.param(b"POST", CHUNKS + b"!", b"ok", id="one byte after chunks"),
    pytest.param(
        b"POST", b"HTTP/1.1 204 N\r\ncontent-length: 2\r\n\r\nhi", b"", id="a 204 with a body"
    ),
    pytest.param(b"HEAD", OK, b"", id="a HEAD with a body"),
    pytest.param(
        b"POST", OK.replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n"), b"ok", id="will close"
    ),
    pytest.param(
        b"POST",
        OK.replace(b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK\r\nconnection: keep-alive"),
        b"ok",
        id="HTTP/1.0",
    ),
]


@LOOPS
@pytest.mark.parametrize(("method", "answer", "body"), POISONED)
def test_a_connection_with_bytes_too_many_or_an_end_announced_serves_no_other_call(
    loop: str, method: bytes, answer: bytes, body: bytes
) -> None:
    async def poisons(line: Line) -> None:
        await line.serve(answer)
        await line.gone()

    async def story() -> None:
        async with serving(poisons, echoes) as server, client(server) as upstream:
            first = await upstream.send(method, b"/a", [], b"", pool="k", submit=True)
            assert await drained(first) == body
            assert upstream.pool.idle == 0
            assert await paid(upstream, b"/mine") == b"/mine"
            assert server.connections == 2

    on(loop, story())


@LOOPS
def test_a_second_answer_that_comes_while_idle_reaches_nobody(loop: str) -> None:
    idle = asyncio.Event()

    async def answers_twice(line: Line) -> None:
        await line.serve(OK)
        await idle.wait()
        await line.say(EXTRA)
        await line.gone()

    async def story() -> None:
        async with serving(answers_twice, echoes) as server, client(server) as upstream:
            assert await paid(upstream) == b"ok"
            assert upstream.pool.idle == 1
            idle.set()
            await until(lambda: not upstream.pool.connections)
            assert await paid(upstream, b"/mine") == b"/mine"
            assert server.connections == 2

    on(loop, story())


@LOOPS
def test_unasked_bytes_the_loop_has_not_read_yet_reach_nobody(loop: str) -> None:
    """The server runs in this loop: its bytes are in the socket, and no turn has passed."""
    lines: list[Line] = []

    async def keeps(line: Line) -> None:
        lines.append(line)
        await line.serve(OK)
        await line.gone()

    async def story() -> None:
        async with serving(keeps, echoes) as server, client(server) as upstream:
            assert await paid(upstream) == b"ok"
            raw = lines[0].writer.get_extra_info("socket").dup()
            raw.setblocking(True)  # noqa: FBT003 - the socket's own signature
            raw.send(EXTRA)
            raw.close()
            assert await paid(upstream, b"/mine") == b"/mine"
            assert server.connections == 2

    on(loop, story())


AGES = [
    pytest.param(True, SUBMIT_IDLE_MAX_S - 0.1, 1, id="a submit on a fresh one"),
    pytest.param(True, SUBMIT_IDLE_MAX_S, 2, id="a submit, 5 s idle"),
    pytest.param(False, SUBMIT_IDLE_MAX_S, 1, id="a poll, 5 s idle"),
    pytest.param(False, POLL_IDLE_MAX_S, 2, id="a poll, 30 s idle"),
]


@LOOPS
@pytest.mark.parametrize(("submit", "idle_s", "connections"), AGES)
def test_age_decides_whether_an_idle_connection_is_used(
    loop: str, submit: bool, idle_s: float, connections: int
) -> None:
    async def story() -> None:
        clock = Clock()
        async with serving(echoes) as server, client(server, clock=clock) as upstream:
            await paid(upstream)
            clock.now_s += idle_s
            await paid(upstream, submit=submit)
            assert server.connections == connections

    on(loop, story())


async def names_itself(line: Line) -> None:
    """Answer each request with the number of the connection it came on."""
    number = line.server.connections
    while True:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n%03d" % number)


@LOOPS
def test_a_poll_takes_the_connection_used_last_and_a_submit_the_one_that_rested_longest(
    loop: str,
) -> None:
    async def story() -> None:
        clock = Clock()
        async with serving(names_itself) as server, client(server, clock=clock) as upstream:
            await asyncio.gather(*(paid(upstream) for _ in range(3)))
            turns = [await paid(upstream) for _ in range(3)]
            assert sorted(turns) == [b"001", b"002", b"003"]
            assert [await paid(upstream, submit=False) for _ in range(4)] == turns[-1:] * 4
            assert [await paid(upstream) for _ in range(6)] == turns * 2
            assert server.connections == 3

    on(loop, story())


@LOOPS
def test_a_submit_leaves_a_connection_alone_until_it_has_rested(loop: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with (
            serving(echoes) as server,
            client(server, clock=clock, rest_s=REST_S) as upstream,
        ):
            await paid(upstream)
            clock.now_s += REST_S * 0.9
            await paid(upstream)
            assert (server.connections, upstream.pool.idle) == (2, 2)
            await paid(upstream, submit=False)
            assert server.connections == 2
            clock.now_s += REST_S * 1.1
            await paid(upstream)
            assert (server.connections, upstream.pool.idle) == (2, 2)

    on(loop, story())


@LOOPS
def test_with_enough_idle_connections_a_submit_does_not_wait_for_rest(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.upstream.pool.ENOUGH_PER_KEY", 4)

    async def story() -> None:
        async with serving(echoes) as server, client(server, clock=Clock(), rest_s=1) as upstream:
            for _ in range(20):
                await paid(upstream)
            assert (server.connections, upstream.pool.idle) == (4, 4)
            for _ in range(20):
                await asyncio.gather(paid(upstream), paid(upstream), paid(upstream))
            assert (server.connections, upstream.pool.idle) == (6, 6)

    on(loop, story())


@LOOPS
def test_an_answer_too_many_that_comes_late_reaches_no_submit_of_the_same_key(loop: str) -> None:
    late = asyncio.Event()

    async def answers_twice(line: Line) -> None:
        await line.serve(OK)
        await late.wait()
        await line.say(EXTRA)
        await line.gone()

    async def story() -> None:
        clock = Clock()
        async with (
            serving(answers_twice) as server,
            client(server, clock=clock, rest_s=REST_S) as upstream,
        ):
            assert [await paid(upstream) for _ in range(20)] == [b"ok"] * 20
            late.set()
            await until(lambda: not upstream.pool.connections)
            clock.now_s += REST_S
            assert await paid(upstream) == b"ok"

    on(loop, story())


@LOOPS
def test_what_is_too_old_for_a_submit_makes_room_when_one_is_sent(loop: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with serving(echoes) as server, client(server, clock=clock) as upstream:
            await asyncio.gather(*(paid(upstream) for _ in range(3)))
            clock.now_s += 4
            await paid(upstream)
            clock.now_s += 4
            await paid(upstream)
            assert (server.connections, upstream.pool.idle) == (3, 1)

    on(loop, story())


@LOOPS
def test_idle_connections_are_capped_per_key_and_in_all(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.upstream.pool.IDLE_PER_KEY_MAX", 4)
    monkeypatch.setattr("proxy.upstream.pool.IDLE_MAX", 10)

    async def story() -> None:
        async with serving(echoes) as server, client(server) as upstream:
            await asyncio.gather(*(paid(upstream, key="one") for _ in range(20)))
            assert upstream.pool.idle == 4
            await asyncio.gather(*(paid(upstream, key=f"{n}") for n in range(20)))
            assert (upstream.pool.idle, upstream.pool.keys) == (10, 10)
            await until(lambda: upstream.pool.connections == 10)

    on(loop, story())


def test_the_reaper_drops_what_is_too_old_and_stops_when_none_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.upstream.pool.POLL_IDLE_MAX_S", 0.05)

    async def story() -> None:
        async with serving(echoes) as server, client(server) as upstream:
            await asyncio.gather(*(paid(upstream, key=f"{n}") for n in range(20)))
            await until(lambda: not upstream.pool.connections)
            assert (upstream.pool.idle, upstream.pool.keys) == (0, 0)
            assert server.connections == 20

    asyncio.run(story())
