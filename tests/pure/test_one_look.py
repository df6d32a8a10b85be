"""One look at a time: who asks while one is taken gets the next, and a bad end serves nobody."""

import asyncio
from dataclasses import dataclass, field

import pytest

from proxy.one_look import OneLook

End = asyncio.Future[int]


@dataclass
class Looks:
    """Looks that a test lets end, one after the other."""

    begun: asyncio.Queue[End] = field(default_factory=asyncio.Queue)

    async def take(self) -> int:
        end: End = asyncio.get_running_loop().create_future()
        self.begun.put_nowait(end)
        return await end


async def test_who_asks_during_a_look_shares_the_next_one() -> None:
    looks = Looks()
    one = OneLook(looks.take)
    first = asyncio.create_task(one())
    end = await looks.begun.get()
    later = [asyncio.create_task(one()) for _ in range(3)]
    await asyncio.sleep(0)  # they have asked
    end.set_result(1)
    (await looks.begun.get()).set_result(2)
    assert await asyncio.gather(first, *later) == [1, 2, 2, 2]
    assert looks.begun.empty()


@pytest.mark.parametrize("fails", [False, True])
async def test_who_waits_behind_a_look_that_ended_badly_looks_itself(*, fails: bool) -> None:
    looks = Looks()
    one = OneLook(looks.take)
    first = asyncio.create_task(one())
    end = await looks.begun.get()
    hurt, waiting = asyncio.create_task(one()), asyncio.create_task(one())
    await asyncio.sleep(0)  # they have asked
    end.set_result(0)
    bad = await looks.begun.get()
    bad.set_exception(OSError()) if fails else hurt.cancel()
    async with asyncio.timeout(10):
        (await looks.begun.get()).set_result(7)
    assert (await first, await waiting) == (0, 7)
    with pytest.raises((OSError, asyncio.CancelledError)):
        await hurt
