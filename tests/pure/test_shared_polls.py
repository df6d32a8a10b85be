import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.shared_polls import Poll, Said, SharedPolls
from proxy.upstream import Answer
from proxy.upstream.exchange import Exchange
from proxy.upstream.head import read_head

POLL: Poll = ("key", b"/api/v3/predictions/a/result", ((b"accept", b"*/*"),))
FOREVER_S = 3600.0


class Upstream:
    """Answers when told to, and counts who asked."""

    def __init__(self, *, status: int = 200, body: bytes | None = b"running") -> None:
        self.asked = 0
        self.go = asyncio.Event()
        head, _ = read_head(b"HTTP/1.1 %d X\r\ncontent-length: 7\r\n\r\n" % status, method=b"GET")
        exchange = Exchange(None, asyncio.get_running_loop())  # type: ignore[arg-type]  # it is over
        self.said = Answer(head, exchange), body

    async def __call__(self) -> Said:
        self.asked += 1
        await self.go.wait()
        return self.said


async def begun(*calls: Awaitable[Said]) -> list[asyncio.Task[Said]]:
    """Start calls and let each come to where it waits."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks  # type: ignore[return-value]  # coroutines become tasks


async def test_the_same_poll_under_way_and_just_answered_is_asked_once() -> None:
    upstream, polls = Upstream(), SharedPolls(FOREVER_S)
    tasks = await begun(*(polls.ask(POLL, upstream) for _ in range(5)))
    upstream.go.set()

    assert await asyncio.gather(*tasks) == [upstream.said] * 5
    assert await polls.ask(POLL, upstream) == upstream.said
    assert upstream.asked == 1


OTHERS: list[Poll] = [
    ("another key", POLL[1], POLL[2]),
    (POLL[0], b"/api/v3/predictions/b/result", POLL[2]),
    (POLL[0], POLL[1] + b"?x", POLL[2]),
    (POLL[0], POLL[1], ((b"accept", b"text/html"),)),
]


@pytest.mark.parametrize("other", OTHERS)
async def test_another_callers_or_another_poll_is_asked_for_itself(other: Poll) -> None:
    upstream, polls = Upstream(), SharedPolls(FOREVER_S)
    upstream.go.set()

    await polls.ask(POLL, upstream)
    await polls.ask(other, upstream)

    assert upstream.asked == 2


async def test_after_its_time_an_answer_is_asked_for_anew() -> None:
    upstream, polls = Upstream(), SharedPolls(0)
    upstream.go.set()

    await polls.ask(POLL, upstream)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await polls.ask(POLL, upstream)

    assert upstream.asked == 2


@pytest.mark.parametrize(("status", "body"), [(500, b"running"), (404, b"running"), (200, None)])
async def test_what_is_no_plain_answer_is_not_shared(status: int, body: bytes | None) -> None:
    upstream, polls = Upstream(status=status, body=body), SharedPolls(FOREVER_S)
    tasks = await begun(*(polls.ask(POLL, upstream) for _ in range(3)))
    upstream.go.set()

    assert await asyncio.gather(*tasks) == [upstream.said] * 3
    assert upstream.asked == 3


def broken(upstream: Upstream) -> Callable[[], Awaitable[Said]]:
    async def ask() -> Said:
        await upstream()
        raise ConnectionError

    return ask


async def test_a_poll_that_breaks_takes_nobody_with_it() -> None:
    upstream, polls = Upstream(), SharedPolls(FOREVER_S)
    first, second = await begun(polls.ask(POLL, broken(upstream)), polls.ask(POLL, upstream))
    upstream.go.set()

    with pytest.raises(ConnectionError):
        await first
    assert await second == upstream.said
    assert upstream.asked == 2


async def test_a_caller_who_leaves_takes_nobody_with_it() -> None:
    upstream, polls = Upstream(), SharedPolls(FOREVER_S)
    first, second, third = await begun(*(polls.ask(POLL, upstream) for _ in range(3)))
    second.cancel()
    await asyncio.wait([second])
    first.cancel()
    await asyncio.wait([first])
    upstream.go.set()

    assert await third == upstream.said
    assert upstream.asked == 2
