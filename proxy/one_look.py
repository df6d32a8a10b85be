"""A look that many may want at once: one at a time, and it serves all who asked before it began."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass
class OneLook(Generic[T]):
    """Takes a look for whoever waits; one that is cancelled or fails is taken by the next."""

    take: Callable[[], Awaitable[T]]
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: int = 0
    _answered: int = 0
    _found: Any = None

    async def __call__(self) -> T:
        """Return what a look found that began after this was asked."""
        self._asked += 1
        mine = self._asked
        async with self._one:
            if self._answered < mine:
                asked = self._asked
                self._found = await self.take()
                self._answered = asked
            found: T = self._found
            return found
