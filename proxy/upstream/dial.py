"""Several addresses of one name, dialled so that a silent one keeps nobody from the others."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

HEAD_START_S = 2.0
"""What an address has to itself: more than nearly every handshake takes, so one is dialled."""

T = TypeVar("T")


async def first_of(
    hosts: Sequence[str],
    dial: Callable[[str], Coroutine[Any, Any, T]],
    *,
    spare: Callable[[T], None],
    head_start_s: float = HEAD_START_S,
) -> tuple[str, T]:
    """Dial the hosts, each a head start behind the one before, and take what answers first.

    One that fails hands on at once. What answers beside the first goes to `spare`.

    Raises:
        OSError: the last host's, where each has failed; at least one host is given.
    """
    waiting, running = list(hosts), dict[asyncio.Task[T], str]()
    while True:
        if waiting:
            host = waiting.pop(0)
            running[asyncio.create_task(dial(host))] = host
        try:
            done, _ = await asyncio.wait(
                running,
                timeout=head_start_s if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
        except BaseException:
            await _leave(running, spare)
            raise
        for task in done:
            host, failed = running.pop(task), task.exception()
            if failed is None:
                await _leave(running, spare)
                return host, task.result()
            if not (waiting or running):
                raise failed


async def _leave(running: "dict[asyncio.Task[T], str]", spare: Callable[[T], None]) -> None:
    """Stop dialling; whoever answered meanwhile is not kept."""
    for task in running:
        task.cancel()
    for left in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(left, BaseException):
            spare(left)
