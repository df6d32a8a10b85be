"""Small writes that wait for the end of the event loop's turn, to be made one after another.

A write to a socket of the same machine wakes the process behind it. Between writes that had the
Python of a whole call between them it fell asleep again, and to wake it twice a call was a quarter
of what a poll cost (`sched_waking`: 1.9 a call; `docs/performance.md`).
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

Data = bytes | bytearray | memoryview

HELD_MAX: Final = 64 * 1024
"""Bytes that one connection holds back at most: more goes out at once, behind what was held."""


class Outbox:
    """The connections of one event loop that have something to write at the end of its turn."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[Gathered] = deque()

    def add(self, transport: "Gathered") -> None:
        """Flush a transport at the end of the turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(transport)

    def _flush(self) -> None:
        waiting = self._waiting
        try:
            while waiting:
                waiting.popleft().flush()
        finally:
            if waiting:  # a write that raises is not to keep the others from theirs
                asyncio.get_running_loop().call_soon(self._flush)


class Gathered(asyncio.Transport):
    """A transport whose small writes wait; in order, and gone before anything ends it cleanly."""

    __slots__ = ("_held", "_outbox", "_size", "_transport", "handed")

    def __init__(self, transport: asyncio.Transport, outbox: Outbox) -> None:
        super().__init__()
        self.handed = 0
        """How often something went to the socket; what was written since it grew still waits."""
        self._transport = transport
        self._outbox = outbox
        self._held: list[Data] = []
        self._size = 0

    def write(self, data: Data) -> None:
        """Write at the end of the turn, or now if it is much."""
        size = self._size + len(data)
        if size > HELD_MAX:
            self.writelines((data,))
            return
        if not self._held:
            self._outbox.add(self)
        self._held.append(data)
        self._size = size

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        """Write pieces now, behind what was held: they are large, or they would be one."""
        self.flush()
        if not self._held:
            self.handed += 1
            self._transport.writelines(list_of_data)

    def flush(self) -> None:
        """Hand over what is held; nothing, if the transport is closing already."""
        held = self._held
        if held and not self._transport.is_closing():
            self._held, self._size = [], 0
            self.handed += 1
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))

    def close(self) -> None:
        """Write what is held, and close."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Write what is held, and end this side."""
        self.flush()
        self._transport.write_eof()

    def abort(self) -> None:
        """Close at once: what is held is never written."""
        self._transport.abort()

    def get_write_buffer_size(self) -> int:
        """Count the bytes that the socket has not taken yet."""
        return self._size + self._transport.get_write_buffer_size()

    # The rest is the transport's own.

    def can_write_eof(self) -> bool:
        """Say whether one side can be ended alone."""
        return self._transport.can_write_eof()

    def is_closing(self) -> bool:
        """Say whether the connection is closing or closed."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Stop reading."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Tell of the socket, the peer, or TLS."""
        return self._transport.get_extra_info(name, default)
