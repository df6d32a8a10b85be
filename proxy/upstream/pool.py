"""Idle connections, per calling key.

A poll takes the one used last. A submit takes the one that has rested longest: an answer too many
comes, if it comes, right behind the answer it doubles, and HTTP/1.1 has no way to tell it from the
answer to the next request. A connection at rest shows it, and is dropped before anything paid goes
out on it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from proxy.gathered import Outbox
from proxy.upstream.connection import Connection
from proxy.upstream.deadlines import Deadlines

SUBMIT_IDLE_MAX_S = 5.0
POLL_IDLE_MAX_S = 30.0
REST_S = 0.05
ENOUGH_PER_KEY = 256  # idle connections of a key: from here on submits open no more
IDLE_PER_KEY_MAX = 512
IDLE_MAX = 1024


class Pool:
    """Keeps what may be used again, and knows every connection that is open."""

    def __init__(self, clock: Callable[[], float], *, rest_s: float = REST_S) -> None:
        self.outbox = Outbox()
        self.deadlines = Deadlines()
        self._clock = clock
        self._rest_s = rest_s
        self._by_key: dict[str, dict[Connection, None]] = {}
        self._by_age: OrderedDict[Connection, None] = OrderedDict()
        self._open: set[Connection] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event | None = None

    @property
    def idle(self) -> int:
        """How many connections wait for a call."""
        return len(self._by_age)

    @property
    def keys(self) -> int:
        """How many calling keys have an idle connection."""
        return len(self._by_key)

    @property
    def connections(self) -> int:
        """How many connections are open, idle or not."""
        return len(self._open)

    def take(self, key: str, *, submit: bool) -> Connection | None:
        """A connection of `key` that is fresh, and rested where money hangs on it; or None."""
        while stack := self._by_key.get(key):
            connection = self._rested(stack) if submit else self._latest(stack)
            if connection is None:
                return None
            self._remove(connection)
            if connection.quiet():
                return connection
            connection.drop()
        return None

    def _latest(self, stack: dict[Connection, None]) -> Connection | None:
        connection = next(reversed(stack))
        fresh = connection.idle_since > self._clock() - POLL_IDLE_MAX_S
        return connection if fresh else None

    def _rested(self, stack: dict[Connection, None]) -> Connection | None:
        """Find the one that rested longest; one too old for a submit is one polls can spare.

        With enough of them none is opened for its rest: over 5,000 submits a second rest less.
        That is short of the cap by what may be in use, which is idle again in a moment: counted
        at the cap itself, every fourth of those submits opened a connection and closed one.
        """
        now = self._clock()
        while stack:
            connection = next(iter(stack))
            if connection.idle_since > now - SUBMIT_IDLE_MAX_S:
                rested = connection.idle_since <= now - self._rest_s
                return connection if rested or len(stack) >= ENOUGH_PER_KEY else None
            self._discard(connection)
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection; over a cap, the oldest makes room."""
        connection.idle_since = self._clock()
        stack = self._by_key.setdefault(connection.pool, {})
        stack[connection] = None
        self._by_age[connection] = None
        if len(stack) > IDLE_PER_KEY_MAX:
            self._discard(next(iter(stack)))
        elif len(self._by_age) > IDLE_MAX:
            self._discard(next(iter(self._by_age)))
        if self._reaper is None:
            self._reap_later()

    def opened(self, connection: Connection) -> None:
        """Count a connection, once it is ours.

        Not when it is made: uvloop closes one whose connecting was cancelled without telling it.
        """
        if not connection.closed:
            self._open.add(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a connection."""
        self._remove(connection)
        self._open.discard(connection)
        if self._emptied is not None and not self._open:
            self._emptied.set()

    async def aclose(self) -> None:
        """Break every connection and wait until their sockets are gone."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        self.deadlines.close()
        for connection in tuple(self._open):
            connection.drop()
        if self._open:
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    def _remove(self, connection: Connection) -> None:
        if self._by_age.pop(connection, self) is self:  # was not idle
            return
        stack = self._by_key[connection.pool]
        del stack[connection]
        if not stack:
            del self._by_key[connection.pool]

    def _discard(self, connection: Connection) -> None:
        self._remove(connection)
        connection.drop()

    def _reap_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = loop.call_later(POLL_IDLE_MAX_S, self._reap)

    def _reap(self) -> None:
        """Drop what is too old even for a poll: one timer for all, only while some are idle."""
        self._reaper = None
        oldest_at = self._clock() - POLL_IDLE_MAX_S
        while self._by_age:
            connection = next(iter(self._by_age))
            if connection.idle_since > oldest_at:
                self._reap_later()
                return
            self._discard(connection)
