"""Writes wait for the end of the loop's turn: in order, whole, and never after an abort."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.gathered import HELD_MAX, Gathered, Outbox
from proxy.upstream import Broken, NotSent
from proxy.upstream.connection import PIECE_BYTES
from tests.upstream.faults import OK, RUNNERS, Line, client, echoes, on, paid, serving, until

LOOPS = pytest.mark.parametrize("loop", RUNNERS)
Writes = Callable[[Gathered], Awaitable[None]]


class Receiver(asyncio.Protocol):
    """Gathers what comes, until the other side has ended."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended.set()


async def received(*writes: Writes) -> list[bytes]:
    """Make writes, each on a connection of its own but in one outbox; what came of each."""
    loop, outbox, pairs = asyncio.get_running_loop(), Outbox(), []
    for _ in writes:
        near, far = socket.socketpair()
        sending, _ = await loop.create_connection(asyncio.Protocol, sock=near)
        _, receiver = await loop.create_connection(Receiver, sock=far)
        pairs.append((Gathered(sending, outbox), receiver))
    for write, (transport, _) in zip(writes, pairs, strict=True):
        await write(transport)
    for transport, receiver in pairs:
        transport.close()
        await receiver.ended.wait()
    return [bytes(receiver.data) for _, receiver in pairs]


@pytest.mark.parametrize("loop", RUNNERS)
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 700, HELD_MAX - 1, HELD_MAX, HELD_MAX + 1]), max_size=6),
    at_once=st.sets(st.integers(0, 5)),
    turns=st.sets(st.integers(0, 5)),
)
def test_every_byte_comes_in_the_order_in_which_it_was_written(
    loop: str, sizes: list[int], at_once: set[int], turns: set[int]
) -> None:
    pieces = [bytes([65 + n]) * size for n, size in enumerate(sizes)]

    async def write(transport: Gathered) -> None:
        for n, piece in enumerate(pieces):
            if n in at_once:
                transport.writelines([piece, b"!"])
            else:
                transport.write(piece)
            if n in turns:
                await asyncio.sleep(0)

    async def story() -> None:
        wanted = b"".join(piece + (b"!" if n in at_once else b"") for n, piece in enumerate(pieces))
        assert await received(write, write) == [wanted, wanted]

    on(loop, story())


@LOOPS
def test_nothing_leaves_before_the_turn_ends_and_then_it_leaves_in_one_piece(loop: str) -> None:
    async def write(transport: Gathered) -> None:
        transport.write(b"one")
        transport.write(b"two")
        assert (transport.handed, transport.get_write_buffer_size()) == (0, 6)
        await until(lambda: transport.handed == 1)
        assert transport.get_write_buffer_size() == 0

    async def story() -> None:
        assert await received(write) == [b"onetwo"]

    on(loop, story())


@LOOPS
def test_an_abort_takes_back_what_waits_and_leaves_the_others_alone(loop: str) -> None:
    async def aborted(transport: Gathered) -> None:
        transport.write(b"never")
        transport.abort()
        transport.flush()
        transport.write(b"x" * (HELD_MAX + 1))
        transport.writelines([b"nor this"])
        assert transport.handed == 0

    async def ended(transport: Gathered) -> None:
        transport.write(b"before the end")
        transport.write_eof()

    async def story() -> None:
        assert await received(aborted, ended) == [b"", b"before the end"]

    on(loop, story())


@LOOPS
def test_a_write_that_raises_does_not_keep_the_others_from_theirs(loop: str) -> None:
    class Broken(Gathered):
        def flush(self) -> None:
            raise RuntimeError("no")

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        outbox = Outbox()
        near, far = socket.socketpair()
        sending, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=near)
        broken, good = Broken(sending, outbox), Gathered(sending, outbox)
        broken.write(b"lost")
        good.write(b"kept")
        await until(lambda: good.handed == 1)
        assert far.recv(100) == b"kept"
        far.close()
        sending.close()

    on(loop, story())


@LOOPS
@pytest.mark.parametrize("ends", ["dropped", "answered too early", "line lost"])
def test_a_request_that_still_waits_when_its_connection_ends_was_provably_not_sent(
    loop: str, ends: str
) -> None:
    seen: list[bytes] = []

    async def once(line: Line) -> None:
        await line.serve(OK)
        seen.append(await line.reader.read(1000))

    async def story() -> None:
        async with serving(once, echoes) as server, client(server) as upstream:
            assert await paid(upstream, b"/1") == b"ok"
            connection = upstream.pool.take("k", submit=False)
            assert connection is not None
            request = b"POST /2 HTTP/1.1\r\n\r\n"
            exchange = connection.start(b"POST", request, timeout_s=5, whole=True)
            if ends == "dropped":
                connection.drop()
            elif ends == "answered too early":
                connection.data_received(OK)
            else:
                connection.connection_lost(ConnectionResetError())
            with pytest.raises(NotSent, match="nothing had been sent"):
                await exchange.begun()
            await until(lambda: bool(seen))
            assert seen == [b""]

    on(loop, story())


@LOOPS
@pytest.mark.parametrize("ends", ["dropped", "line lost", "answered early"])
def test_a_large_request_of_which_only_the_end_still_waits_was_sent(loop: str, ends: str) -> None:
    async def reads(line: Line) -> None:
        await line.serve(OK)
        await line.gone()

    async def story() -> None:
        async with serving(reads) as server, client(server) as upstream:
            assert await paid(upstream, b"/1") == b"ok"
            connection = upstream.pool.take("k", submit=False)
            assert connection is not None
            exchange = connection.start(b"POST", b"POST /2 HTTP/1.1\r\n", timeout_s=5, whole=False)
            await connection.write_body(b"x" * (PIECE_BYTES + 1))
            if ends == "answered early":
                connection.data_received(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno")
                assert (await exchange.begun()).status == 413
                return
            if ends == "dropped":
                connection.drop()
            else:
                connection.connection_lost(ConnectionResetError())
            with pytest.raises(Broken):
                await exchange.begun()

    on(loop, story())
