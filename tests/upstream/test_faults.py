"""What the upstream does to a paid call, and what the caller of `Upstream` is told."""

import asyncio

import pytest

from proxy.upstream import Broken, NotSent, TimedOut, Upstream, UpstreamError
from tests.upstream.faults import (
    OK,
    RUNNERS,
    Line,
    Script,
    after_a_good_one,
    client,
    drained,
    on,
    paid,
    post,
    serving,
    sockets,
    until,
)

LOOPS = pytest.mark.parametrize("loop", RUNNERS)
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


def says(*answers: bytes) -> Script:
    """Answer each request in turn, then hang up."""

    async def script(line: Line) -> None:
        await line.serve(*answers)

    return script


def says_then_resets(answer: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.request()
        await line.say(answer)
        line.reset()

    return script


async def serves(line: Line) -> None:
    """Be a good upstream for as long as the client likes."""
    while True:
        await line.serve(OK)


async def silent(line: Line) -> None:
    await line.request()
    await line.gone()


async def drips(line: Line) -> None:
    """A byte now and then: each read is in time, the answer never is."""
    await line.request()
    await line.say(HEAD + b"content-length: 100000\r\n\r\n")
    while not line.reader.at_eof():
        await line.say(b"x")
        await asyncio.sleep(0.01)


async def endless_head(line: Line) -> None:
    await line.request()
    await line.say(HEAD + b"x: " + b"y" * 70_000)
    await line.gone()


async def endless_trailer(line: Line) -> None:
    await line.request()
    await line.say(CHUNKED + b"0\r\nx: " + b"y" * 140_000)
    await line.gone()


FAULTS = [
    pytest.param(says(b""), Broken, id="closes without an answer"),
    pytest.param(says_then_resets(b""), Broken, id="resets without an answer"),
    pytest.param(says(HEAD), Broken, id="closes within the head"),
    pytest.param(says(HEAD + b"content-length: 9\r\n\r\nok"), Broken, id="half a counted body"),
    pytest.param(
        says_then_resets(HEAD + b"content-length: 9\r\n\r\nok"), Broken, id="half a body, reset"
    ),
    pytest.param(says(CHUNKED + b"5\r\nhe"), Broken, id="half a chunk"),
    pytest.param(says(CHUNKED + b"2\r\nok\r\n"), Broken, id="no last chunk"),
    pytest.param(says(CHUNKED + b"2\r\nok\r\n0\r\n"), Broken, id="last chunk without its end"),
    pytest.param(says(CHUNKED + b"zz\r\nok\r\n0\r\n\r\n"), Broken, id="a chunk size in no base"),
    pytest.param(says_then_resets(HEAD + b"\r\nok"), Broken, id="no length, then a reset"),
    pytest.param(silent, TimedOut, id="never answers"),
    pytest.param(drips, TimedOut, id="a byte at a time"),
    pytest.param(endless_head, Broken, id="a head without end"),
    pytest.param(endless_trailer, Broken, id="a trailer without end"),
    pytest.param(
        says(b"HTTP/1.1 100 C\r\n\r\n" * 50 + OK), Broken, id="a flood of interim answers"
    ),
    pytest.param(
        says(b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        Broken,
        id="another protocol",
    ),
    pytest.param(says(HEAD + b"a: b\r\n" * 201 + b"\r\n"), Broken, id="too many fields"),
    pytest.param(
        says(HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok!"), Broken, id="two lengths"
    ),
    pytest.param(
        says(HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        Broken,
        id="a length and chunks",
    ),
    pytest.param(
        says(HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), Broken, id="coded chunks"
    ),
    pytest.param(says(HEAD + b"content-length: -2\r\n\r\nok"), Broken, id="a negative length"),
    pytest.param(says(HEAD + b"a: b\nc: d\r\n\r\n"), Broken, id="bare line feeds"),
    pytest.param(says(HEAD + b"a: b\r\n c\r\n\r\n"), Broken, id="a folded header"),
    pytest.param(says(b"<html>no</html>\r\n\r\n"), Broken, id="not HTTP"),
    pytest.param(says(b"RTSP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"), Broken, id="not our HTTP"),
]


def patience_s(error: type[Exception]) -> float:
    """Short only where the deadline itself is awaited: a busy machine is not a fault."""
    return 0.3 if error is TimedOut else 30


@LOOPS
@pytest.mark.parametrize("reused", [False, True], ids=["fresh", "reused"])
@pytest.mark.parametrize(("fault", "error"), FAULTS)
def test_a_submit_that_left_is_never_called_unsent_and_never_repeated(
    loop: str, fault: Script, error: type[Exception], reused: bool
) -> None:
    async def story() -> None:
        async with (
            serving(after_a_good_one(fault) if reused else fault) as server,
            client(server, timeout_s=patience_s(error)) as upstream,
        ):
            if reused:
                assert await paid(upstream) == b"ok"
            with pytest.raises(error) as caught:
                await paid(upstream)
            assert caught.value.sent
            assert not isinstance(caught.value, NotSent)
            assert (server.posts, server.connections) == (1 + reused, 1)
            assert upstream.pool.idle == 0

    on(loop, story())


@pytest.mark.parametrize("loop", RUNNERS)
@pytest.mark.parametrize(("fault", "error"), FAULTS)
def test_two_hundred_of_each_fault_leave_nothing_behind(
    loop: str, fault: Script, error: type[Exception]
) -> None:
    async def story() -> None:
        async with (
            serving(fault) as server,
            client(server, timeout_s=10 * patience_s(error)) as upstream,
        ):
            before = sockets(), len(asyncio.all_tasks())
            outcomes = await asyncio.gather(
                *(paid(upstream, key=f"key {n % 20}") for n in range(200)), return_exceptions=True
            )
            assert all(isinstance(outcome, error) for outcome in outcomes), outcomes
            assert server.posts == 200
            await nothing_left(upstream, before)

    on(loop, story())


async def nothing_left(upstream: Upstream, before: tuple[int, int]) -> None:
    """Both sides let go of everything."""
    await until(lambda: (sockets(), len(asyncio.all_tasks())) == before)
    assert (upstream.pool.connections, upstream.pool.idle, upstream.pool.keys) == (0, 0, 0)


@LOOPS
def test_a_refused_connection_sent_nothing(loop: str) -> None:
    async def story() -> None:
        async with serving(serves) as server:
            pass
        async with client(server) as upstream:
            with pytest.raises(NotSent) as caught:
                await paid(upstream)
            assert not caught.value.sent
            assert upstream.pool.connections == 0

    on(loop, story())


@LOOPS
def test_a_name_that_nobody_knows_sent_nothing(loop: str) -> None:
    async def story() -> None:
        upstream = Upstream("http://nobody.invalid", timeout_s=5, connect_timeout_s=5)
        with pytest.raises(NotSent):
            await paid(upstream)
        await upstream.aclose()

    on(loop, story())


@LOOPS
def test_a_connection_reset_at_once_is_unsent_only_if_no_byte_arrived(loop: str) -> None:
    async def resets(line: Line) -> None:
        line.reset()

    async def story() -> None:
        async with serving(resets) as server, client(server) as upstream:
            for _ in range(50):
                with pytest.raises((NotSent, Broken)):
                    await paid(upstream)
            assert server.posts == 0

    on(loop, story())


@LOOPS
def test_a_connection_closed_while_idle_is_replaced_and_the_submit_sent_once(loop: str) -> None:
    async def story() -> None:
        async with serving(says(OK)) as server, client(server) as upstream:
            assert await paid(upstream) == b"ok"
            assert await paid(upstream) == b"ok"
            assert (server.posts, server.connections) == (2, 2)

    on(loop, story())


@LOOPS
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_passed_on_not_followed(loop: str, status: int) -> None:
    async def story() -> None:
        async with serving(serves) as elsewhere:
            location = elsewhere.origin.encode()
            moved = b"HTTP/1.1 %d M\r\nlocation: %b/\r\ncontent-length: 0\r\n\r\n"
            script = says(moved % (status, location))
            async with serving(script) as server, client(server) as upstream:
                answer = await post(upstream)
                assert answer.status == status
                assert (server.posts, elsewhere.connections) == (1, 0)

    on(loop, story())


@LOOPS
def test_an_answer_without_a_length_is_whole_but_not_framed(loop: str) -> None:
    async def story() -> None:
        async with serving(says(HEAD + b"\r\nhal")) as server, client(server) as upstream:
            answer = await post(upstream)
            assert (answer.framed, answer.content_length) == (False, None)
            assert await drained(answer) == b"hal"
            assert upstream.pool.idle == 0

    on(loop, story())


@LOOPS
def test_a_compressed_body_comes_as_it_was_sent(loop: str) -> None:
    bomb = HEAD + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00"

    async def story() -> None:
        async with serving(says(bomb)) as server, client(server) as upstream:
            assert await paid(upstream) == b"\x1f\x8b\x08\x00"

    on(loop, story())


def test_the_environments_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def story() -> None:
        async with serving(serves) as server, client(server) as upstream:
            assert await paid(upstream) == b"ok"

    asyncio.run(story())


def test_every_error_is_an_upstream_error_and_says_whether_bytes_left() -> None:
    assert [NotSent("").sent, Broken("").sent, TimedOut("").sent] == [False, True, True]
    assert all(issubclass(kind, UpstreamError) for kind in (NotSent, Broken, TimedOut))
