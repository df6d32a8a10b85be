"""One request's answer between the line that brings it and the caller that reads it."""

import asyncio
from collections import deque
from typing import Protocol

from proxy.upstream.errors import UpstreamError
from proxy.upstream.head import Head

BUFFERED_MAX = 256 * 1024


class Line(Protocol):
    """The connection, as an exchange sees it."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""

    def drop(self) -> None:
        """Break the connection."""


class Exchange:
    """Holds what came and wakes the reader.

    It lets go of its line when the answer ends or fails: from then on the line may serve
    another call, and nothing done here can touch it.
    """

    __slots__ = ("_failed", "_line", "_loop", "_pieces", "_waiter", "buffered_max", "head", "size")

    def __init__(self, line: Line, loop: asyncio.AbstractEventLoop) -> None:
        self._line: Line | None = line
        self._loop = loop
        self._pieces: deque[bytes] = deque()
        self._failed: tuple[type[UpstreamError], str] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.head: Head | None = None
        self.size = 0
        self.buffered_max = BUFFERED_MAX

    # called by the line

    def begin(self, head: Head) -> None:
        """The head came."""
        self.head = head
        self._wake()

    def put(self, piece: bytes) -> None:
        """Body bytes came; more than `buffered_max` of them unread stop the line."""
        self._pieces.append(piece)
        self.size += len(piece)
        if self.size > self.buffered_max and self._line is not None:
            self._line.pause()
        self._wake()

    def end(self) -> None:
        """The last byte came."""
        self._line = None
        self._wake()

    def fail(self, error: UpstreamError) -> None:
        """No more will come.

        The error itself is not kept: its traceback holds the frames that hold us, and with them
        the body of the request, until the garbage collector looks.
        """
        self._line = None
        self._failed = type(error), str(error)
        self._wake()

    # called by the reader

    async def begun(self) -> Head:
        """Wait for the head."""
        while self.head is None:
            self._be_whole()
            await self._wait()
        return self.head

    async def piece(self) -> bytes | None:
        """The next body bytes; None at the end; raises what ended the answer early."""
        while not self._pieces:
            self._be_whole()
            if self._line is None:
                return None
            await self._wait()
        piece = self._pieces.popleft()
        self.size -= len(piece)
        self._flow()
        return piece

    async def gather(self, limit: int) -> bytes | None:
        """All of the body; None, with nothing taken, once it is more than `limit` bytes."""
        self.buffered_max = max(limit, BUFFERED_MAX)
        self._flow()
        while self.size <= limit and self._line is not None:
            await self._wait()
        self.buffered_max = BUFFERED_MAX
        if self.size > limit:
            return None
        self._be_whole()
        return self._take_all()

    def take_ended(self, limit: int) -> bytes | None:
        """All of a body that has ended well; None, with nothing taken, if there is none to take."""
        if self._line is not None or self._failed is not None or self.size > limit:
            return None
        return self._take_all()

    def drop(self) -> None:
        """Break the line unless the answer is over."""
        if self._line is not None:
            self._line.drop()

    def _be_whole(self) -> None:
        """Raise what ended the answer early, if something did."""
        if self._failed is not None:
            kind, why = self._failed
            raise kind(why)

    def _take_all(self) -> bytes:
        pieces = self._pieces
        self.size = 0
        if len(pieces) == 1:
            return pieces.popleft()
        whole = b"".join(pieces)
        pieces.clear()
        return whole

    def _flow(self) -> None:
        if self._line is not None and self.size <= self.buffered_max:
            self._line.resume()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except BaseException:  # the reader was cancelled: half an answer is nobody's
            self.drop()
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
