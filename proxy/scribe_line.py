"""The line between a worker and its scribe: a message is a line of JSON, a page its bytes.

A worker tells the terms and a dialect, once, and hears "ready". For each page it tells the
dialect, and hears null if the ledger cannot be read, else how many series found no room; it tells
what it counts itself, some lines at a time, then null; and hears the size of the page, and the
page.
"""

import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from proxy.exposition import SLICE, Measured, Sampled

PIECE = 32 * 1024  # of a page, in bytes: what is passed on at once
MESSAGE_MAX = 1 << 20  # bytes
PAGE_MAX = 1 << 30  # bytes


class Terms(NamedTuple):
    """What a scribe has to know; told, and not on a command line: a URL may hold a password."""

    database_url: str
    timezone: str
    default_daily_micros: int | None
    series_max: int
    counts: str  # the folder where several workers count; with one it is empty


class Line:
    """One end of it; whatever is wrong with the other end is an OSError or a ValueError."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._coming = end.makefile("rb", buffering=PIECE)
        self._give_up_s: float | None = None

    def within(self, seconds: float) -> None:
        """Wait no longer than this in all, for whatever is said from now on."""
        self._give_up_s = time.monotonic() + seconds

    def _hurry(self) -> None:
        if self._give_up_s is not None:
            self._socket.settimeout(max(0.001, self._give_up_s - time.monotonic()))

    def tell(self, message: Any) -> None:
        """Send a message."""
        self.send(_spelled(message))

    def send(self, spelled: bytes) -> None:
        """Send what was spelled before, or a page."""
        self._hurry()
        self._socket.sendall(spelled)

    def hear(self) -> Any:
        """Wait for a message."""
        self._hurry()
        found = self._coming.readline(MESSAGE_MAX)
        if not found.endswith(b"\n"):
            raise ConnectionError("the other end of the line is gone")
        return json.loads(found)

    def send_page(self, pieces: Iterable[bytes]) -> None:
        """Send a page: its size, then all of it."""
        page = b"".join(pieces)
        self.tell(len(page))
        self.send(page)

    def pieces(self) -> Iterator[bytes]:
        """Wait for a page, piece by piece."""
        left = self.hear()
        if not isinstance(left, int) or not 0 < left < PAGE_MAX:
            raise ValueError("a page has a size")
        while left:
            self._hurry()
            piece = self._coming.read(min(PIECE, left))
            if not piece:
                raise ConnectionError("the page breaks off")
            left -= len(piece)
            yield piece

    def close(self) -> None:
        """Hang up."""
        self._coming.close()
        self._socket.close()


def told(families: Iterable[Measured], pause: Callable[[], None]) -> list[bytes]:
    """Spell figures as messages; `pause` is called after each."""
    messages = []
    for part in chain.from_iterable(map(_parts, families)):
        messages.append(_spelled(part))
        pause()
    return messages


def _parts(family: Measured) -> Iterator[list[Any]]:
    """Yield a family some lines at a time; one without any is told of, too."""
    lines = list(family.figures.items())
    for at in range(0, max(1, len(lines)), SLICE):
        yield [family.name, family.type, family.documentation, lines[at : at + SLICE]]


def _spelled(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


def heard(messages: Iterable[list[Any]]) -> list[Sampled]:
    """Take figures out of messages."""
    found: dict[str, Sampled] = {}
    for name, kind, words, figures in messages:
        family = found.setdefault(name, Sampled(name, kind, words))
        for (sample, *labels), figure in figures:
            family.figures[sample, *map(tuple, labels)] = figure
    return list(found.values())
