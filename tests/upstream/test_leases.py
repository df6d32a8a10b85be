"""A connection belongs to one call at a time, and goes with a call that ends early."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from proxy.upstream import Broken, NotSent, Upstream
from tests.upstream.faults import (
    RUNNERS,
    Line,
    Script,
    client,
    drained,
    echoes,
    on,
    paid,
    post,
    serving,
    settle,
    until,
)

LOOPS = pytest.mark.parametrize("loop", RUNNERS)


@LOOPS
def test_closing_an_answer_after_its_end_leaves_the_next_call_alone(loop: str) -> None:
    async def story() -> None:
        async with serving(echoes) as server, client(server) as upstream:
            first = await post(upstream, b"/1")
            assert await first.read(100) == b"/1"
            second = asyncio.create_task(post(upstream, b"/2"))
            await settle()
            first.close()
            assert await drained(await second) == b"/2"
            first.close()
            assert (server.connections, upstream.pool.idle) == (1, 1)

    on(loop, story())


@LOOPS
def test_an_answer_closed_before_its_end_takes_its_connection_with_it(loop: str) -> None:
    async def slow(line: Line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
        await line.gone()

    async def story() -> None:
        async with serving(slow, echoes) as server, client(server) as upstream:
            answer = await post(upstream)
            answer.close()
            with pytest.raises(Broken):
                await drained(answer)
            assert await paid(upstream, b"/mine") == b"/mine"
            assert (server.connections, upstream.pool.connections) == (2, 1)

    on(loop, story())


async def silent(line: Line) -> None:
    await line.request()
    await line.gone()


async def half(line: Line) -> None:
    await line.request()
    await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
    await line.gone()


async def stuck(line: Line) -> None:
    await line.head()
    line.reader._transport.pause_reading()  # noqa: SLF001 - a server that reads no more
    await until(line.writer.is_closing)


async def reads(upstream: Upstream) -> None:
    await paid(upstream, b"/doomed")


async def reads_whole(upstream: Upstream) -> None:
    await (await post(upstream)).read(100)


async def writes_much(upstream: Upstream) -> None:
    await paid(upstream, body=bytes(40_000_000))


CANCELLED = [
    pytest.param(silent, reads, id="waiting for the head"),
    pytest.param(half, reads, id="in the body"),
    pytest.param(half, reads_whole, id="reading it whole"),
    pytest.param(stuck, writes_much, id="writing a large body"),
]


@LOOPS
@pytest.mark.parametrize(("script", "call"), CANCELLED)
def test_a_cancelled_call_drops_its_connection(
    loop: str, script: Script, call: Callable[[Upstream], Awaitable[None]]
) -> None:
    async def story() -> None:
        async with serving(script, echoes) as server, client(server) as upstream:
            task = asyncio.create_task(call(upstream))
            await until(lambda: server.raw_bytes > 0)
            for _ in range(5):
                await settle()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: not upstream.pool.connections)
            assert await paid(upstream, b"/mine") == b"/mine"

    on(loop, story())


@LOOPS
def test_closing_the_client_breaks_what_is_in_flight_and_leaves_no_connection(loop: str) -> None:
    async def story() -> None:
        async with serving(echoes, silent) as server, client(server) as upstream:
            await paid(upstream, key="idle")
            task = asyncio.create_task(paid(upstream))
            await until(lambda: server.posts == 2)
            await upstream.aclose()
            with pytest.raises(Broken):
                await task
            assert (upstream.pool.connections, upstream.pool.idle) == (0, 0)
            with pytest.raises(NotSent):
                await paid(upstream)

    on(loop, story())


@LOOPS
def test_in_a_storm_of_faults_and_cancellations_every_answer_is_its_callers_own(loop: str) -> None:
    async def story() -> None:
        chance = random.Random(20261123)  # noqa: S311 - a storm that can be sailed again
        async with serving(moody) as server, client(server) as upstream:
            calls = [asyncio.create_task(own(upstream, n, chance)) for n in range(600)]
            for _ in range(150):
                await asyncio.sleep(0)
                chance.choice(calls).cancel()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert outcomes.count("own") > 100
            assert {type(o) for o in outcomes} <= {str, Broken, asyncio.CancelledError}
            assert upstream.pool.connections == upstream.pool.idle

    on(loop, story())


async def own(upstream: Upstream, n: int, chance: random.Random) -> str:
    """A few calls in a row; each must get its own target back, or none."""
    for step in range(4):
        await asyncio.sleep(0)
        target = b"/%d-%d" % (n, step)
        answer = await post(upstream, target, key=f"{n % 5}")
        if chance.random() < 0.2:
            answer.close()
            continue
        assert await drained(answer) == target
        answer.close()
    return "own"


async def moody(line: Line) -> None:
    """Mostly right; at times it says too much, too little, or nothing more."""
    chance = random.Random(line.server.connections)  # noqa: S311 - as above
    while True:
        target = (await line.request()).split(b" ")[1]
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target)
        mood = chance.random()
        if mood < 0.05:
            return await line.say(answer[:-1])
        if mood < 0.1:
            return line.reset()
        await line.say(answer + answer if mood < 0.2 else answer)
