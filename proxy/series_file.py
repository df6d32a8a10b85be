"""The file in which one of several workers counts, given its place on the disk as it grows.

`prometheus_client` lets it grow by holes and writes it as memory is: on a full disk that is no
error but a signal, which ends the worker. Here a series for which there is no room counts in
memory only, where the worker keeps every figure anyway, until there is room again.
"""

import os

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

_ENTRY = 28  # bytes of an entry beside its name: a length, two figures, at most eight of padding


class SeriesFile(MmapedDict):
    """A file that is never written where it has no place on the disk."""

    def read_value(self, key: str) -> tuple[float, float]:
        """Return a figure and its instant; zero for a series that has no place yet."""
        found: tuple[float, float] = (0.0, 0.0)
        if self._takes(key):
            found = super().read_value(key)  # type: ignore[no-untyped-call]
        return found

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Write a figure, all that was counted so far, where the series has a place."""
        if self._takes(key):
            super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]

    def _takes(self, key: str) -> bool:
        if key in self._positions:
            return True
        return self._used + _ENTRY + len(key.encode()) <= self._capacity or self._grown()

    def _grown(self) -> bool:
        """Make the file twice as large, which is what it will be grown to; False if it cannot."""
        try:
            os.posix_fallocate(self._f.fileno(), self._capacity, self._capacity)
        except AttributeError:  # macOS
            return True
        except OSError:
            return False
        return True


def give_place() -> None:
    """Have every file of this process's metrics be one of these; before it counts anything."""
    values.MmapedDict = SeriesFile  # type: ignore[attr-defined]
