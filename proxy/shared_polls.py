"""Polls that share an answer: the same poll by the same caller, for half a second.

Off unless `FAREBOX_SHARE_POLLS` is set. Polls are 70 to 90 % of all calls; where a team's clients
ask for one prediction from many places, the upstream is then asked twice a second at most.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from proxy.upstream import Answer

WITHIN_S = 0.5
Poll = tuple[str, bytes, Sequence[tuple[bytes, bytes]]]  # the key's id, the target, the headers
Said = tuple[Answer, bytes | None]


class SharedPolls:
    """Answers a poll with what the upstream says to the same poll, asked at most 0.5 s ago."""

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._asked: dict[Poll, asyncio.Future[Said | None]] = {}

    async def ask(self, poll: Poll, ask: Callable[[], Awaitable[Said]]) -> Said:
        """Ask, or wait for the answer that another one is getting or has got.

        Only a 200 that was read whole is shared. A poll whose forerunner got anything else, or
        nothing, asks for itself.
        """
        forerunner = self._asked.get(poll)
        if forerunner is not None:
            said = await asyncio.shield(forerunner)
            return await ask() if said is None else said
        return await self._lead(poll, ask)

    async def _lead(self, poll: Poll, ask: Callable[[], Awaitable[Said]]) -> Said:
        loop = asyncio.get_running_loop()
        told = self._asked[poll] = loop.create_future()
        loop.call_later(self._within_s, self._forget, poll, told)
        said: Said | None = None
        try:
            said = await ask()
        finally:
            shared = said is not None and said[0].status == 200 and said[1] is not None  # noqa: PLR2004
            told.set_result(said if shared else None)
            if not shared:
                self._forget(poll, told)
        return said

    def _forget(self, poll: Poll, told: asyncio.Future[Said | None]) -> None:
        if self._asked.get(poll) is told:
            del self._asked[poll]
