"""The clock of a run: how far it is ahead lies in a file, so that all processes move together."""

import mmap
import struct
import time
from pathlib import Path

DAY_US = 86_400_000_000
NOON_US = DAY_US // 2
_AHEAD = struct.Struct("q")


class Clock:
    """Microseconds that every process of a run is ahead of the host; 0 in a new file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_AHEAD.size))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _AHEAD.size)

    @property
    def ahead_us(self) -> int:
        """How far it is ahead now."""
        return int(_AHEAD.unpack_from(self._page)[0])

    def at_noon(self) -> None:
        """Make it noon of today, UTC: no midnight comes before it is asked for."""
        self._set(NOON_US - time.time_ns() // 1000 % DAY_US)

    def until_midnight(self, seconds: float) -> None:
        """Make it so many seconds to midnight."""
        self._set(DAY_US - time.time_ns() // 1000 % DAY_US - int(seconds * 1e6))

    def _set(self, ahead_us: int) -> None:
        _AHEAD.pack_into(self._page, 0, ahead_us)
