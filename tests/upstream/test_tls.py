"""A server we cannot name for sure gets no byte of the request."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from proxy.upstream import Broken, NotSent, TimedOut, Upstream
from tests.upstream.faults import OK, RUNNERS, Line, Server, on, paid, serving, until

LOOPS = pytest.mark.parametrize("loop", RUNNERS)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two self-signed certificates: `right` names 127.0.0.1, `wrong` names somebody else."""
    directory = tmp_path_factory.mktemp("tls")
    for name, alternative in (("right", "IP:127.0.0.1"), ("wrong", "DNS:elsewhere.example")):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=test",
             "-addext", f"subjectAltName={alternative}",
             "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
    return directory


def shown(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


def trusting(certificates: Path, name: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates / f"{name}.pem"))


async def serves(line: Line) -> None:
    while True:
        await line.serve(OK)


async def plainly_refused(server: Server, context: ssl.SSLContext | None) -> None:
    upstream = Upstream(server.origin, timeout_s=5, ssl_context=context)
    with pytest.raises(NotSent) as caught:
        await paid(upstream)
    assert not caught.value.sent
    assert (server.raw_bytes, server.posts) == (0, 0)
    await upstream.aclose()
    assert upstream.pool.connections == 0


@LOOPS
def test_a_certificate_nobody_vouches_for_gets_no_byte(loop: str, certificates: Path) -> None:
    async def story() -> None:
        async with serving(serves, tls=shown(certificates, "right")) as server:
            await plainly_refused(server, None)

    on(loop, story())


@LOOPS
def test_a_certificate_for_another_host_gets_no_byte(loop: str, certificates: Path) -> None:
    async def story() -> None:
        async with serving(serves, tls=shown(certificates, "wrong")) as server:
            await plainly_refused(server, trusting(certificates, "wrong"))

    on(loop, story())


@LOOPS
def test_a_server_without_tls_gets_no_request(loop: str) -> None:
    async def speaks_plainly(line: Line) -> None:
        await line.reader.read(1)
        await line.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def story() -> None:
        async with serving(speaks_plainly) as server:
            server.scheme = "https"
            await plainly_refused(server, None)

    on(loop, story())


@LOOPS
def test_a_handshake_that_stalls_ends_with_the_connect_timeout_and_sent_nothing(loop: str) -> None:
    async def story() -> None:
        async with serving(stalls) as server:
            origin = server.origin.replace("http:", "https:")
            upstream = Upstream(origin, timeout_s=5, connect_timeout_s=0.2)
            with pytest.raises(NotSent) as caught:
                await paid(upstream)
            assert isinstance(caught.value, TimedOut)
            assert not caught.value.sent
            await upstream.aclose()

    on(loop, story())


@LOOPS
def test_a_verified_server_is_used_again(loop: str, certificates: Path) -> None:
    async def story() -> None:
        async with serving(serves, tls=shown(certificates, "right")) as server:
            context = trusting(certificates, "right")
            upstream = Upstream(server.origin, timeout_s=5, ssl_context=context, rest_s=0)
            for _ in range(3):
                assert await paid(upstream) == b"ok"
            assert (server.posts, server.connections) == (3, 1)
            await upstream.aclose()

    on(loop, story())


@LOOPS
def test_large_bodies_cross_tls_both_ways(loop: str, certificates: Path) -> None:
    async def story() -> None:
        size = 5_000_000
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size)

        async def large(line: Line) -> None:
            await line.serve(answer)

        async with serving(large, tls=shown(certificates, "right")) as server:
            context = trusting(certificates, "right")
            upstream = Upstream(server.origin, timeout_s=20, ssl_context=context)
            assert await paid(upstream, body=bytes(size)) == bytes(size)
            assert server.seen[0].body == bytes(size)
            await upstream.aclose()

    on(loop, story())


@LOOPS
def test_a_line_broken_after_the_handshake_is_broken_not_unsent(
    loop: str, certificates: Path
) -> None:
    async def hangs_up(line: Line) -> None:
        await line.request()
        line.reset()

    async def story() -> None:
        async with serving(hangs_up, tls=shown(certificates, "right")) as server:
            context = trusting(certificates, "right")
            upstream = Upstream(server.origin, timeout_s=5, ssl_context=context)
            with pytest.raises(Broken):
                await paid(upstream)
            assert server.posts == 1
            await upstream.aclose()

    on(loop, story())


async def stalls(line: Line) -> None:
    await line.gone()


@LOOPS
def test_a_cancelled_handshake_leaves_no_connection(loop: str) -> None:
    async def story() -> None:
        async with serving(stalls) as server:
            upstream = Upstream(server.origin.replace("http:", "https:"), timeout_s=5)
            task = asyncio.create_task(paid(upstream))
            await until(lambda: server.connections > 0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await upstream.aclose()
            assert upstream.pool.connections == 0

    on(loop, story())


@LOOPS
def test_a_client_closed_during_a_handshake_sends_nothing_after_it(
    loop: str, certificates: Path
) -> None:
    async def story() -> None:
        async with serving(serves, tls=shown(certificates, "right")) as server:
            context = trusting(certificates, "right")
            upstream = Upstream(server.origin, timeout_s=5, ssl_context=context)
            task = asyncio.create_task(paid(upstream))
            await asyncio.sleep(0)
            await upstream.aclose()
            with pytest.raises(NotSent):
                await task
            await until(lambda: not upstream.pool.connections)
            assert server.raw_bytes == 0

    on(loop, story())
