"""Farebox on a host whose clock is set: `python -m tests.relay.stepped serve --port 0`.

When the file `set-the-clock` appears where it runs, the clock that nobody can set stays an hour
behind: as seen from inside, that is a clock set forwards by an hour.
"""

import time
from pathlib import Path

BEHIND_NS = 3_600_000_000_000
FLAG = "set-the-clock"
_real = time.clock_gettime_ns


def _behind(clock: int) -> int:
    late = BEHIND_NS if clock != time.CLOCK_REALTIME and Path(FLAG).exists() else 0
    return _real(clock) - late


if __name__ == "__main__":
    time.clock_gettime_ns = _behind
    from proxy.__main__ import main

    raise SystemExit(main())
