"""When calls have had their time: one timer for all of them.

A timer for each cost a fiftieth of a call, and hardly one of them ever goes off. Calls that may
take equally long end in the order in which they began, so only the first of them is looked at.
"""

import asyncio
import math
from collections import OrderedDict
from typing import Protocol


class Timed(Protocol):
    """What has a deadline."""

    def expire(self) -> None:
        """Its time is over; it has no deadline any more."""


class Deadlines:
    """Deadlines of one event loop, by how long each call may take (seconds)."""

    def __init__(self) -> None:
        self._ends_s: dict[float, OrderedDict[Timed, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._looks_s = math.inf

    def begin(self, timed: Timed, span_s: float) -> None:
        """Give it `span_s` from now on; it has no deadline yet."""
        ends_s = asyncio.get_running_loop().time() + span_s
        alike = self._ends_s.get(span_s)
        if alike is None:
            alike = self._ends_s[span_s] = OrderedDict()
        alike[timed] = ends_s
        if ends_s < self._looks_s:
            self._look_at(ends_s)

    def end(self, timed: Timed, span_s: float) -> None:
        """It is over in time."""
        if (alike := self._ends_s.get(span_s)) is not None:
            alike.pop(timed, None)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._looks_s = None, math.inf

    def _look_at(self, at_s: float) -> None:
        self.close()
        self._looks_s = at_s
        self._timer = asyncio.get_running_loop().call_at(at_s, self._look)

    def _look(self) -> None:
        """Tell those whose time is over; look again when the next one's is."""
        self._timer, self._looks_s = None, math.inf
        now_s = asyncio.get_running_loop().time()
        for alike in list(self._ends_s.values()):
            while alike and next(iter(alike.values())) <= now_s:
                alike.popitem(last=False)[0].expire()
        self._ends_s = {span_s: alike for span_s, alike in self._ends_s.items() if alike}
        firsts = [next(iter(alike.values())) for alike in self._ends_s.values()]
        if firsts:
            self._look_at(min(firsts))
