"""A caller's connection: its states, its deadlines, and how it ends.

- It reads one request at a time (`reading`), answers one at a time (`answering`), and queues
  what was pipelined; answers leave in the order of their requests.
- Each state has one deadline, a plain number; one sweep a second looks at all of them.
- Once anything was refused nothing more is parsed: the refusal goes out after the answers
  that are still owed, and the connection ends.
"""

import asyncio
import math
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from proxy.edge.exchange import Exchange
from proxy.edge.known import KnownHeads
from proxy.edge.limits import EdgeLimits
from proxy.edge.refusals import BODY_TOO_SLOW, HEAD_TOO_SLOW, TOO_MANY_CONNECTIONS, answer
from proxy.edge.status import ServerStatus
from proxy.errors import Refusal
from proxy.gathered import Gathered, Outbox

NEVER = math.inf


class Reading(Enum):
    """What the connection's next byte belongs to."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()
    REFUSED = auto()
    """The rest is not read: a refusal waits for earlier answers."""
    LEAVING = auto()
    """The rest is swallowed, so that the caller can read our last answer."""


NOTHING, HEAD, BODY, REFUSED, LEAVING = Reading


class Connection(HttpToolsProtocol):
    """One caller's connection; what its bytes mean is `EdgeProtocol`'s part."""

    cycle: Exchange
    transport: Gathered

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: EdgeLimits,
        status: ServerStatus,
        outbox: Outbox,
        known: KnownHeads,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits = limits
        self.status = status
        self.outbox = outbox
        self.known = known
        self.reading = NOTHING
        self.deadline = NEVER
        self.answering: Exchange | None = None
        self._stalled_s = 0.0  # how long the running answer has waited for its reader
        self._refusal: Refusal | None = None

    # The connection's two ends

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the newcomer its first deadline, or turn it away when there are too many."""
        super().connection_made(Gathered(transport, self.outbox))
        self._wait(NOTHING, self.limits.head_s)
        if len(self.connections) > self.limits.connections_max:
            self._say(TOO_MANY_CONNECTIONS)
            self._close()

    def eof_received(self) -> None:
        """Hand over the answer that waits: the loop closes the connection next."""
        self.transport.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """Tell every call of this connection that its caller has gone."""
        self.connections.discard(self)
        for exchange in self._open_exchanges():
            exchange.disconnected = True
            exchange.wake()
        self.pipeline.clear()
        self.flow.resume_writing()
        self.reading, self.deadline = LEAVING, NEVER
        self.parser = None  # type: ignore[assignment]  # breaks the cycle of references, as uvicorn does
        self.transport.close()

    def shutdown(self) -> None:
        """Drain: the answer being made is the last one, an idle caller has a moment left."""
        if self.answering is not None:
            self.cycle.keep_alive = self.cycle.keep_alive and self.cycle.response_started
        if self.reading is NOTHING and self.answering is None:
            self.deadline = min(self.deadline, self.loop.time() + self.limits.drain_s)

    def _open_exchanges(self) -> Iterable[Exchange]:
        if self.answering is not None:
            yield self.answering
        for exchange, _ in self.pipeline:
            yield exchange  # type: ignore[misc]  # only Exchanges are queued

    # Refusing and leaving

    def _refuse(self, refusal: Refusal) -> None:
        """Parse nothing more; refuse now, or after the answers that are owed."""
        broken = self.cycle if self.reading is BODY else None
        self.reading, self.deadline = REFUSED, NEVER
        if broken is not None and broken is self.answering:
            self._break_off(self.answering, refusal)
        elif broken is not None and broken.response_complete:
            self._leave()  # answered already: another answer would be taken for the next call's
        else:
            if broken is not None:
                self.pipeline.popleft()
            self._refuse_in_turn(refusal)

    def _refuse_in_turn(self, refusal: Refusal) -> None:
        if self.answering is None:
            self._say_last(refusal)
        else:
            self._refusal = refusal
            self.flow.pause_reading()

    def _break_off(self, exchange: Exchange, refusal: Refusal) -> None:
        """The body of the call being answered went wrong: its app sees a disconnect."""
        exchange.disconnected = True
        exchange.waiting_for_100_continue = False
        exchange.wake()
        self.answering = None
        if exchange.response_started:
            self.transport.abort()
        else:
            self._say_last(refusal, begun=True)

    def _say_last(self, refusal: Refusal, *, begun: bool = False) -> None:
        if not self.transport.is_closing():
            self._say(refusal, begun=begun)
            self._leave()

    def _say(self, refusal: Refusal, *, begun: bool = False) -> None:
        self.transport.write(answer(refusal))
        self.status.refused(refusal, begun=begun)

    def _leave(self) -> None:
        """End our side, and swallow the caller's for a while.

        Closing outright with bytes unread resets the connection, and the reset can
        overtake our last answer.
        """
        unread = self.reading is not NOTHING
        self._wait(LEAVING, self.limits.linger_s)
        if unread and self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self._close()

    def _close(self) -> None:
        self._wait(LEAVING, self.limits.linger_s)
        self.transport.close()

    # Deadlines

    def _wait(self, reading: Reading, span_s: float) -> None:
        self.reading = reading
        self.deadline = self.loop.time() + span_s

    def sweep(self, now: float, since_s: float) -> None:
        """Look at this connection's clocks; `since_s` is the time since the last look."""
        if self.transport.get_write_buffer_size():
            self._stalled_s += since_s
            if self._stalled_s > self.limits.send_s:
                self.transport.abort()
        elif now >= self.deadline:
            self._expire(now)

    def _expire(self, now: float) -> None:
        if self.reading is NOTHING:
            self._close()
        elif self.reading is LEAVING:
            self.transport.abort()
        elif self._we_hold_it_up():
            self.deadline = now + self.limits.body_s
        elif self.reading is HEAD:
            self._refuse(HEAD_TOO_SLOW)
        elif self.cycle.response_complete:
            self._leave()
        else:
            self._refuse(BODY_TOO_SLOW)

    def _we_hold_it_up(self) -> bool:
        """Whether the caller is waiting for us rather than we for the caller."""
        return self.flow.read_paused or (
            self.reading is BODY and self.cycle.waiting_for_100_continue
        )


def sweep(connections: Iterable[Connection], now: float, since_s: float) -> None:
    """Look at the clocks of all connections of this worker."""
    for connection in list(connections):
        connection.sweep(now, since_s)
