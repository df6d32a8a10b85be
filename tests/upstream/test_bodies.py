"""Bodies in both directions: whole, in pieces, and never more in memory than is read."""

import asyncio

import pytest

from proxy.upstream import Broken, TimedOut
from proxy.upstream.exchange import BUFFERED_MAX
from tests.upstream.faults import (
    OK,
    RUNNERS,
    Line,
    Script,
    client,
    drained,
    on,
    paid,
    post,
    serving,
    until,
)

OK_HEAD = b"HTTP/1.1 200 OK\r\n"
LOOPS = pytest.mark.parametrize("loop", RUNNERS)
SIZE = 20_000_000
BODY = bytes(range(256)) * (SIZE // 256)


async def sends_much(line: Line) -> None:
    await line.request()
    await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY))
    await line.say(BODY)
    await line.gone()


async def chunks_much(line: Line) -> None:
    await line.request()
    await line.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for at in range(0, len(BODY), 1 << 17):
        piece = BODY[at : at + (1 << 17)]
        await line.say(b"%x\r\n%b\r\n" % (len(piece), piece))
    await line.say(b"0\r\n\r\n")
    await line.gone()


@LOOPS
@pytest.mark.parametrize("script", [sends_much, chunks_much], ids=["counted", "chunked"])
def test_a_large_answer_waits_in_the_socket_until_it_is_read(loop: str, script: Script) -> None:
    async def story() -> None:
        async with serving(script) as server, client(server, timeout_s=30) as upstream:
            answer = await post(upstream)
            for _ in range(200):
                await asyncio.sleep(0)
            waiting = answer._exchange.size  # noqa: SLF001 - what is held is the promise
            assert waiting <= 3 * BUFFERED_MAX
            assert await answer.read(65536) is None
            assert await drained(answer) == BODY
            assert upstream.pool.idle == 1

    on(loop, story())


@LOOPS
@pytest.mark.parametrize("script", [sends_much, chunks_much], ids=["counted", "chunked"])
def test_a_large_answer_can_be_read_whole(loop: str, script: Script) -> None:
    async def story() -> None:
        async with serving(script) as server, client(server, timeout_s=30) as upstream:
            answer = await post(upstream)
            assert await answer.read(len(BODY)) == BODY
            assert upstream.pool.idle == 1

    on(loop, story())


@LOOPS
@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("framing", [b"content-length: 65536", b"transfer-encoding: chunked"])
def test_read_gives_all_at_its_limit_and_keeps_all_above_it(
    loop: str, extra: int, framing: bytes
) -> None:
    body = BODY[:65536]
    wire = body if b"length" in framing else b"10000\r\n%b\r\n0\r\n\r\n" % body

    async def script(line: Line) -> None:
        await line.serve(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + wire)

    async def story() -> None:
        async with serving(script) as server, client(server) as upstream:
            answer = await post(upstream)
            read = await answer.read(len(body) - extra)
            assert read == (None if extra else body)
            assert await drained(answer) == (body if extra else b"")

    on(loop, story())


@LOOPS
@pytest.mark.parametrize(
    "wire",
    [b"content-length: 2\r\n\r\nok", b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ids=["counted", "chunked"],
)
@pytest.mark.parametrize("limit", [1, 2])
def test_a_body_that_came_with_its_head_is_at_hand(loop: str, wire: bytes, limit: int) -> None:
    async def script(line: Line) -> None:
        await line.serve(OK_HEAD + wire)

    async def story() -> None:
        async with serving(script) as server, client(server) as upstream:
            answer = await post(upstream)
            await until(lambda: upstream.pool.idle == 1)
            assert answer.at_hand(limit) == (b"ok" if limit == len(b"ok") else None)
            assert await drained(answer) == (b"" if limit == len(b"ok") else b"ok")

    on(loop, story())


@LOOPS
@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 300_000, SIZE])
def test_the_upstream_reads_the_body_that_was_given(loop: str, size: int) -> None:
    async def serves(line: Line) -> None:
        await line.serve(OK, OK)
        await line.gone()

    async def story() -> None:
        async with serving(serves) as server, client(server, timeout_s=30) as upstream:
            assert await paid(upstream, body=BODY[:size]) == b"ok"
            assert await paid(upstream) == b"ok"
            assert [seen.body for seen in server.seen] == [BODY[:size], b"pay"]
            assert server.connections == 1

    on(loop, story())


@LOOPS
def test_an_early_refusal_is_delivered_though_the_body_was_not_read(loop: str) -> None:
    async def refuses(line: Line) -> None:
        await line.head()
        await line.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!")
        await dropped.wait()

    dropped = asyncio.Event()

    async def story() -> None:
        async with serving(refuses) as server, client(server) as upstream:
            answer = await post(upstream, body=bytes(40_000_000))
            assert answer.status == 413
            assert await answer.read(100) == b"no!"
            await until(lambda: not upstream.pool.connections)
            dropped.set()

    on(loop, story())


@LOOPS
def test_an_early_acceptance_does_not_stop_the_body(loop: str) -> None:
    async def accepts(line: Line) -> None:
        head = await line.head()
        await line.say(OK_HEAD + b"content-length: 4\r\n\r\nok")
        assert b"content-length: 40000000" in head
        await line.reader.readexactly(40_000_000)
        await line.say(b"!!")
        await line.gone()

    async def story() -> None:
        async with serving(accepts) as server, client(server) as upstream:
            assert await paid(upstream, body=bytes(40_000_000)) == b"ok!!"
            assert upstream.pool.idle == 1

    on(loop, story())


@LOOPS
def test_a_line_that_breaks_within_a_large_body_is_broken(loop: str) -> None:
    async def hangs_up(line: Line) -> None:
        await line.reader.readexactly(1_000_000)
        line.reset()

    async def story() -> None:
        async with serving(hangs_up) as server, client(server) as upstream:
            with pytest.raises(Broken):
                await paid(upstream, body=bytes(40_000_000))

    on(loop, story())


@LOOPS
def test_a_server_that_never_reads_a_large_body_runs_out_of_time(loop: str) -> None:
    async def never_reads(line: Line) -> None:
        line.reader._transport.pause_reading()  # noqa: SLF001 - a server that is stuck
        await until(line.writer.is_closing)

    async def story() -> None:
        async with serving(never_reads) as server, client(server, timeout_s=0.4) as upstream:
            with pytest.raises(TimedOut):
                await paid(upstream, body=bytes(40_000_000))
            await until(lambda: not upstream.pool.connections)

    on(loop, story())


@LOOPS
def test_time_in_which_nobody_reads_is_not_the_upstreams(loop: str) -> None:
    async def story() -> None:
        async with serving(sends_much) as server, client(server, timeout_s=0.3) as upstream:
            answer = await post(upstream)
            await asyncio.sleep(0.6)  # a caller who takes longer than the upstream may
            assert await drained(answer) == BODY

    on(loop, story())


@LOOPS
def test_but_an_upstream_that_stops_is_timed_from_when_somebody_reads(loop: str) -> None:
    async def stops(line: Line) -> None:
        await line.request()
        await line.say(OK_HEAD + b"content-length: 2000000\r\n\r\n" + bytes(1_000_000))
        await line.gone()

    async def story() -> None:
        async with serving(stops) as server, client(server, timeout_s=0.3) as upstream:
            answer = await post(upstream)
            with pytest.raises(TimedOut):
                await drained(answer)

    on(loop, story())


@LOOPS
def test_a_body_cut_off_is_not_read_whole(loop: str) -> None:
    async def cuts_off(line: Line) -> None:
        await line.serve(OK_HEAD + b"content-length: 9\r\n\r\nok")

    async def story() -> None:
        async with serving(cuts_off) as server, client(server) as upstream:
            answer = await post(upstream)
            assert answer.at_hand(100) is None  # not yet
            with pytest.raises(Broken):
                await answer.read(100)
            assert answer.at_hand(100) is None  # nor ever

    on(loop, story())
