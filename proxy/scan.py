"""Cuts JSON into strings and what lies between them, as it streams by.

Bytes go in as chunks cut anywhere and come out as pieces that join to the same bytes. Only a
quote can end a string, and no UTF-8 sequence contains one, so a string's inside is crossed at the
speed of `bytes.find`: megabytes of base64 cost what a memchr costs.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final

STRING_MAX: Final = 2048  # bytes, quotes included, that a string may have to come out whole

_INSIDE: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BACKSLASH: Final = ord("\\")
_WINDOW: Final = 64  # bytes looked at in one step when counting backslashes


class Kind(Enum):
    """What a piece is."""

    BETWEEN = "between"  # brackets, commas, colons, numbers, words, blanks
    STRING = "string"  # one whole string with its quotes
    LONG = "long"  # the start of a string that is longer than `STRING_MAX`
    MORE = "more"  # and the rest of it


class Scanner:
    """An incremental scanner; holds back at most one short string."""

    def __init__(self) -> None:
        self.held = b""  # the string begun and not yet given out
        self.inside = False
        self._escaped = False  # the next byte stands behind a backslash

    def feed(self, chunk: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Yield the pieces that this chunk completes."""
        at = 0
        while at < len(chunk):
            if self.inside:
                end = self._end_of_string(chunk, at)
                yield from self._string(chunk[at:end])
            else:
                end = _or_end(chunk.find(b'"', at), chunk)
                if end > at:
                    yield Kind.BETWEEN, chunk[at:end]
                if end < len(chunk):
                    self.inside, self.held = True, b'"'
                    end += 1
            at = end

    def _string(self, part: bytes) -> Iterator[tuple[Kind, bytes]]:
        if not self.held:
            yield Kind.MORE, part
            return
        self.held += part
        if len(self.held) > STRING_MAX:
            yield Kind.LONG, self.held
        elif self.inside:
            return
        else:
            yield Kind.STRING, self.held
        self.held = b""

    def _end_of_string(self, chunk: bytes, at: int) -> int:
        """Return where the string's bytes in this chunk end, and notice its closing quote."""
        start = at + self._escaped
        self._escaped = False
        quote = chunk.find(b'"', start)
        if quote >= 0 and _odd_backslashes(chunk, start, quote):
            quote = _unescaped_quote(chunk, start)
        if quote < 0:
            self._escaped = _odd_backslashes(chunk, start, len(chunk))
            return len(chunk)
        self.inside = False
        return quote + 1


def _or_end(found: int, chunk: bytes) -> int:
    return len(chunk) if found < 0 else found


def _unescaped_quote(chunk: bytes, start: int) -> int:
    """Find a closing quote among escaped ones: slower by byte, but one pass."""
    inside = _INSIDE.match(chunk, start)
    end = inside.end() if inside else start  # it matches nothing at the least
    return end if chunk.startswith(b'"', end) else -1


def _odd_backslashes(chunk: bytes, start: int, end: int) -> bool:
    """Say whether an odd number of backslashes stands right before `end`."""
    if end <= start or chunk[end - 1] != _BACKSLASH:
        return False
    first = end
    while first > start:
        window = chunk[max(start, first - _WINDOW) : first]
        rest = len(window.rstrip(b"\\"))
        first -= len(window) - rest
        if rest:
            break
    return (end - first) % 2 == 1
