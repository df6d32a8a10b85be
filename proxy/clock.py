"""The one place that reads the host's clock."""

import time
from datetime import UTC, datetime


def now_us() -> int:
    """Read the host's clock: microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def instant(at_us: int) -> datetime:
    """Turn microseconds since 1970 into an aware instant."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)
