"""What httpx's caller is told when a paid POST goes wrong: the table the transports are held to."""

import httpx
import pytest

from proxy.upstream.transport import FareboxTransport
from tests.upstream.faults import OK, RUNNERS, Line, Script, after_a_good_one, on, serving

HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok"


async def closes(line: Line) -> None:
    await line.request()


async def resets(line: Line) -> None:
    await line.request()
    line.reset()


async def answers_half(line: Line) -> None:
    await line.serve(HALF)


async def hangs(line: Line) -> None:
    await line.request()
    await line.gone()


async def serves(line: Line) -> None:
    await line.serve(OK)
    await line.gone()


TABLE = [
    pytest.param(closes, False, httpx.RemoteProtocolError, id="closes"),
    pytest.param(closes, True, httpx.RemoteProtocolError, id="closes a reused connection"),
    pytest.param(resets, False, httpx.RemoteProtocolError, id="resets"),
    pytest.param(resets, True, httpx.RemoteProtocolError, id="resets a reused connection"),
    pytest.param(answers_half, False, httpx.RemoteProtocolError, id="half an answer"),
    pytest.param(hangs, False, httpx.ReadTimeout, id="hangs"),
    pytest.param(hangs, True, httpx.ReadTimeout, id="hangs on a reused connection"),
]


def tool(**options: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=FareboxTransport(rest_s=0, **options), timeout=httpx.Timeout(0.3)
    )


@pytest.mark.parametrize("loop", RUNNERS)
@pytest.mark.parametrize(("fault", "reused", "error"), TABLE)
def test_a_post_that_left_is_never_a_connect_error(
    loop: str, fault: Script, reused: bool, error: type[Exception]
) -> None:
    script = after_a_good_one(fault) if reused else fault

    async def story() -> None:
        async with serving(script) as server, tool() as http:
            if reused:
                await http.post(f"{server.origin}/a", content=b"x")
            with pytest.raises(error) as caught:
                await http.post(f"{server.origin}/b", content=b"pay")
            assert not isinstance(caught.value, (httpx.ConnectError, httpx.ConnectTimeout))
            assert (server.posts, server.connections) == (1 + reused, 1)

    on(loop, story())


@pytest.mark.parametrize("loop", RUNNERS)
def test_a_refused_connection_is_a_connect_error(loop: str) -> None:
    async def story() -> None:
        async with serving(serves) as server:
            pass
        async with tool() as http:
            with pytest.raises(httpx.ConnectError):
                await http.post(f"{server.origin}/b", content=b"pay")

    on(loop, story())


@pytest.mark.parametrize("loop", RUNNERS)
def test_a_handshake_that_stalls_is_a_connect_timeout(loop: str) -> None:
    async def stalls(line: Line) -> None:
        await line.gone()

    async def story() -> None:
        async with serving(stalls) as server, tool(connect_timeout_s=0.2) as http:
            with pytest.raises(httpx.ConnectTimeout):
                await http.post(f"https://127.0.0.1:{server.port}/b", content=b"pay")

    on(loop, story())


@pytest.mark.parametrize("loop", RUNNERS)
def test_httpx_gets_the_answer_and_its_connection_is_used_again(loop: str) -> None:
    async def echoes(line: Line) -> None:
        while True:
            head = await line.request()
            body = line.server.seen[-1].body
            await line.say(b"HTTP/1.1 201 C\r\nX-A: 1\r\ncontent-length: %d\r\n\r\n" % len(body))
            await line.say(body)
            assert head.count(b"content-length") == 1

    async def story() -> None:
        async with serving(echoes) as server, tool() as http:
            for body in (b"", b"pay", bytes(1_000_000)):
                response = await http.post(f"{server.origin}/b?c=%2F", content=body)
                assert (response.status_code, response.headers["x-a"]) == (201, "1")
                assert response.content == body
            assert server.connections == 1
            assert server.seen[0].head.startswith(b"POST /b?c=%2F HTTP/1.1\r\n")

    on(loop, story())
