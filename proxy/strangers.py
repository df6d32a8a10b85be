"""Own keys never seen before: one call each until the upstream does not turn them away.

Otherwise made-up keys would grow the database, and each would get a budget of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from proxy.errors import Overloaded

AT_ONCE_MAX = 64


@dataclass
class Strangers:
    """The unseen own keys with a call in flight in this worker."""

    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)

    @asynccontextmanager
    async def turn(self, fingerprint: str) -> AsyncIterator[None]:
        """Wait for the calls of this key before ours; raise `Overloaded` for a key too many."""
        if fingerprint not in self.locks and len(self.locks) >= AT_ONCE_MAX:
            raise Overloaded
        lock = self.locks.setdefault(fingerprint, asyncio.Lock())
        self.waiting[fingerprint] = self.waiting.get(fingerprint, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self.waiting[fingerprint] -= 1
            if not self.waiting[fingerprint]:
                del self.waiting[fingerprint], self.locks[fingerprint]
