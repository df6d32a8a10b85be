"""How many calls may be in flight in this worker, and how many bytes of bodies it may hold.

Whoever can connect can send an OPTIONS, which needs no key, and can make up own keys. So these
calls are counted apart: they take no place from callers who are known, no more than a part of the
bytes, and no place at all while their body is still coming, as a silent connection takes none.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from proxy.call import Call, Held
from proxy.errors import Overloaded
from proxy.routes import Route
from proxy.settings import Settings

POLLS_OVER: Final = 1.25  # polls are shed last: their image is paid for already
NOBODYS_PART: Final = 4  # one of so many parts of the bytes, and room for one body at the least


@dataclass(slots=True)
class Room:
    """What is in flight, and what is held."""

    calls_max: int
    held: Held
    nobodys_held: Held
    """Of what is held, what callers hold whom nobody knows."""
    in_flight: int = 0
    nobodys: int = 0
    """Of the calls in flight, those of callers whom nobody knows."""
    beside: int = 0
    """Of these, the ones whose body has come; and the questions for a price."""

    @classmethod
    def of(cls, settings: Settings, calls_max: int) -> "Room":
        """Lay it out as the settings say."""
        held = Held(settings.max_buffered)
        part = max(settings.max_buffered // NOBODYS_PART, settings.max_body)
        return cls(calls_max, held, Held(part, within=held))

    def check(self, call: Call) -> None:
        """Raise `Overloaded` where a call, already counted, is one too many.

        Of an OPTIONS that is said once its body has come.
        """
        route = call.routed.route
        most = self.calls_max * POLLS_OVER if route is Route.POLL else self.calls_max
        if self.in_flight - self.nobodys > most and route is not Route.OPTIONS:
            raise Overloaded

    @asynccontextmanager
    async def apart(self, call: Call, *, bytes_max: int) -> AsyncIterator[bytes]:
        """Count a call apart while it lasts, and read its body.

        Raises:
            PayloadTooLarge, CallerGone: as `Call.body` does.
            Overloaded: there are as many of these as there may be, or their part is full.
        """
        self.nobodys += 1
        try:
            call.ahead = await call.body(max_bytes=bytes_max, held=self.nobodys_held)
            with self.place():
                yield call.ahead
        finally:
            self.nobodys -= 1
            call.release(self.nobodys_held)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place beside the known callers' ones, or raise `Overloaded`."""
        if self.beside >= self.calls_max:
            raise Overloaded
        self.beside += 1
        try:
            yield
        finally:
            self.beside -= 1

    @contextmanager
    def holding(self, bytes_max: int, *, known: bool) -> Iterator[Held]:
        """Account for what one request to Farebox itself holds, until it is answered."""
        mine = Held(bytes_max, within=self.held if known else self.nobodys_held)
        try:
            yield mine
        finally:
            mine.give(mine.bytes)
