"""A name with several addresses: one that is silent or refuses costs no call."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.upstream import NotSent, Upstream
from proxy.upstream.dial import first_of
from tests.upstream.faults import RUNNERS, echoes, on, paid, serving

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
LOOPS = pytest.mark.parametrize("loop", RUNNERS)


class Dialled:
    """Hosts that answer, refuse or stay silent, and what was asked of them."""

    def __init__(self, **ways: str) -> None:
        self.ways = ways
        self.begun: list[str] = []
        self.left: list[str] = []
        self.spared: list[str] = []

    async def __call__(self, host: str) -> str:
        self.begun.append(host)
        try:
            if self.ways[host] == "silent":
                await asyncio.Event().wait()
            if self.ways[host] == "refuses":
                raise ConnectionRefusedError(host)
        except asyncio.CancelledError:
            self.left.append(host)
            if self.ways.get(f"{host}_late"):
                return host
            raise
        return host

    async def first(self, head_start_s: float = 60) -> tuple[str, str]:
        hosts = [host for host in self.ways if not host.endswith("_late")]
        return await first_of(hosts, self, spare=self.spared.append, head_start_s=head_start_s)


async def test_only_the_first_is_dialled_where_it_answers() -> None:
    dialled = Dialled(a="answers", b="answers")
    assert await dialled.first() == ("a", "a")
    assert dialled.begun == ["a"]


async def test_one_that_refuses_hands_on_at_once() -> None:
    dialled = Dialled(a="refuses", b="refuses", c="answers", d="answers")
    assert await dialled.first() == ("c", "c")
    assert dialled.begun == ["a", "b", "c"]


async def test_one_that_is_silent_keeps_its_chance_and_is_left_when_another_answers() -> None:
    dialled = Dialled(a="silent", b="silent", c="answers")
    assert await dialled.first(head_start_s=0) == ("c", "c")
    assert dialled.begun == ["a", "b", "c"]
    assert dialled.left == ["a", "b"]
    assert dialled.spared == []


async def test_who_answers_beside_the_first_is_spared() -> None:
    dialled = Dialled(a="silent", a_late="yes", b="answers")
    assert await dialled.first(head_start_s=0) == ("b", "b")
    assert dialled.spared == ["a"]


async def test_where_all_refuse_the_last_one_says_why() -> None:
    with pytest.raises(ConnectionRefusedError, match="b"):
        await Dialled(a="refuses", b="refuses").first()


async def test_who_stops_waiting_leaves_nobody_dialling() -> None:
    dialled = Dialled(a="silent", b="silent")
    task = asyncio.create_task(dialled.first(head_start_s=0))
    while len(dialled.begun) < 2:  # noqa: ASYNC110 - each turn of the loop is the event
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert dialled.left == ["a", "b"]


@contextlib.contextmanager
def deaf(port: int) -> Iterator[None]:
    """An address that takes no more connections and says nothing: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((ELSEWHERE, port))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex((ELSEWHERE, port))
        yield


def named(*hosts: str) -> None:
    """Have every name mean these addresses, for this event loop."""

    async def found(_name: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    asyncio.get_running_loop().getaddrinfo = found  # type: ignore[method-assign, assignment]


@LOOPS
def test_a_silent_address_keeps_no_call_from_the_other(loop: str) -> None:
    async def story() -> None:
        async with serving(echoes) as server:
            named(ELSEWHERE, HERE)
            upstream = Upstream(f"http://two.test:{server.port}", timeout_s=5)
            with deaf(server.port):
                assert await paid(upstream) == b"/pay"
            assert b"\r\nhost: two.test:" in server.seen[0].head
            await upstream.aclose()

    on(loop, story())


@LOOPS
def test_an_address_that_another_answered_before_is_dialled_last(loop: str) -> None:
    async def story() -> None:
        async with serving(echoes) as server:
            named(ELSEWHERE, HERE)
            upstream = Upstream(f"http://two.test:{server.port}", timeout_s=5, rest_s=60)
            assert await paid(upstream) == b"/pay"
            with contextlib.closing(socket.create_server((ELSEWHERE, server.port))):
                assert await paid(upstream) == b"/pay"
            assert server.connections == 2
            await upstream.aclose()

    on(loop, story())


@LOOPS
def test_where_every_address_refuses_nothing_was_sent(loop: str) -> None:
    async def story() -> None:
        async with serving(echoes) as server:
            pass
        named(ELSEWHERE, HERE)
        upstream = Upstream(f"http://two.test:{server.port}", timeout_s=5)
        with pytest.raises(NotSent, match="no connection"):
            await paid(upstream)
        await upstream.aclose()

    on(loop, story())
