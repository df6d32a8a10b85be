"""The one place that reads the host's clock."""

import time


def now_us() -> int:
    """Read the host's clock: microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000
