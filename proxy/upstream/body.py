"""The three ways a body ends, each noticing the first byte too many (pure).

Counted bodies never pass through the parser: pieces go on uncopied.
"""

from typing import Protocol

from proxy.upstream.errors import Broken
from proxy.upstream.parser import Parser

BARREN_BYTES_MAX = 64 * 1024


class Body(Protocol):
    """Reads body bytes until the message ends."""

    ended: bool
    surplus: bool
    """Whether bytes came after the end: the connection is poisoned."""

    def feed(self, data: bytes) -> bytes:
        """Return the body bytes in `data`."""

    def close(self) -> None:
        """The line was closed cleanly; raises Broken if the body was not whole."""


class Counted:
    """A body of as many bytes as Content-Length said, or of none."""

    __slots__ = ("_left", "ended", "surplus")

    def __init__(self, length: int) -> None:
        self._left = length
        self.ended = length == 0
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        """Return `data` up to the announced length."""
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return data
        self.ended, self.surplus = True, left < 0
        piece = data[: self._left]
        self._left = 0
        return piece

    def close(self) -> None:
        """Raises Broken: the announced length was not reached."""
        raise Broken(f"the answer was cut off {self._left} bytes before its end")


class Chunked:
    """A body in chunks; trailers are dropped."""

    __slots__ = ("_barren", "_parser", "ended", "surplus")

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._barren = 0
        self.ended = self.surplus = False

    def feed(self, data: bytes) -> bytes:
        """Return the chunks' contents.

        The last byte goes in by itself: if the message had ended before it, or did not
        end with it, what came after the end is seen. The parser alone would skip a CRLF.
        """
        view = memoryview(data)
        self._advance(view[:-1])
        self.surplus = self.ended
        if not self.ended:
            self._advance(view[-1:])
        return self._contents(len(data))

    def _advance(self, view: memoryview) -> None:
        try:
            self._parser.feed(view)
        except Broken:
            if not self._parser.heard.ended:  # else the garbage came after a whole answer
                raise
        self.ended = self._parser.heard.ended

    def _contents(self, bytes_fed: int) -> bytes:
        heard = self._parser.heard
        pieces, heard.pieces = heard.pieces, []
        self._barren = 0 if pieces else self._barren + bytes_fed
        if self._barren > BARREN_BYTES_MAX:
            raise Broken("the chunks or trailers carry no body")
        return b"".join(pieces)

    def close(self) -> None:
        """Raises Broken: the last chunk did not come."""
        raise Broken("the answer was cut off between its chunks")


class UntilClose:
    """A body that ends when the server closes: nobody can tell whether it is whole."""

    __slots__ = ("ended", "surplus")

    def __init__(self) -> None:
        self.ended = self.surplus = False

    def feed(self, data: bytes) -> bytes:
        """Return `data`."""
        return data

    def close(self) -> None:
        """Take the close as the end."""
        self.ended = True
