"""The one place that reads the host's clock."""

import time
from collections.abc import Callable

STEP_MAX_US = 300_000_000  # as in the faults' catalogue, E11; NTP slews what is less
_RUNNING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while a host sleeps


def now_us() -> int:
    """Read the host's clock: microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def running_us() -> int:
    """Read a clock that nobody can set: microseconds since the host started."""
    return time.clock_gettime_ns(_RUNNING) // 1000


class Steps:
    """Notices when the host's clock was set: a step opens days, and so budgets, too early.

    A key's day never goes back, so each step forward over midnight grants one day's budget once.
    """

    def __init__(
        self, clock: Callable[[], int] = now_us, running: Callable[[], int] = running_us
    ) -> None:
        self._clock, self._running = clock, running
        self._apart = clock() - running()

    def look(self) -> int:
        """Say by how much it was set since the last look, in microseconds; 0 for small steps."""
        apart = self._clock() - self._running()
        step = apart - self._apart
        if abs(step) <= STEP_MAX_US:
            return 0
        self._apart = apart
        return step
