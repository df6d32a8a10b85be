"""One call, as it came: its head, its body, and what there is to say about it at the end."""

import json
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from starlette.types import Receive, Scope, Send

from pricing import Quote
from proxy.directory import Key
from proxy.edge.exchange import CUT, TARGET, WHOLE
from proxy.errors import Overloaded, PayloadTooLarge, Refusal, envelope
from proxy.routes import Routed, route

Header = tuple[bytes, bytes]


KNOWN_BYTES_MAX = 256  # longer paths are read each time: what is kept stays small
_known = lru_cache(maxsize=8192)(route)  # a prediction is polled again and again


class CallerGone(Exception):
    """The caller hung up before its request was complete: nothing was done."""


@dataclass(slots=True)
class Held:
    """How many bytes of bodies are held, and how many may be; `within`: of what they are a part."""

    max_bytes: int
    bytes: int = 0
    within: "Held | None" = None

    def take(self, count: int) -> None:
        """Hold more, or raise `Overloaded`."""
        if self.bytes + count > self.max_bytes:
            raise Overloaded
        if self.within is not None:
            self.within.take(count)
        self.bytes += count

    def give(self, count: int) -> None:
        """Hold less."""
        self.bytes -= count
        if self.within is not None:
            self.within.give(count)


@dataclass(slots=True)
class Call:
    """A request under /api/v3, and what the log and the metrics will say of it."""

    scope: Scope
    receive: Receive
    send: Send
    routed: Routed
    headers: Sequence[Header]
    started: float = field(default_factory=time.perf_counter)
    upstream_s: float = 0.0
    status: int = 0
    key: Key | None = None
    key_name: str = ""
    key_label: str = "other"  # the name of a Farebox key or an adopted one
    team: str = ""
    model: str = ""
    resolution: str = ""
    body_hash: str = ""
    charge_id: str = ""
    cost_micros: int | None = None  # of what has no price it stays unknown
    state: str = ""
    refused: str = ""
    whole: bool = False  # whether its body was read to its end
    begun: bool = False
    ours: list[Header] = field(default_factory=list)
    budget: list[Header] = field(default_factory=list)  # what the tightest one has left
    kept: bool = False  # whether its answer is kept, for an Idempotency-Key
    held_bytes: int = 0
    ahead: bytes | None = None
    """Its body, where it was read before anybody asked for it."""

    @classmethod
    def of(cls, scope: Scope, receive: Receive, send: Send) -> "Call":
        """Read what the request line says."""
        raw = scope.get("raw_path") or scope["path"].encode()
        read = _known if len(raw) <= KNOWN_BYTES_MAX else route
        return cls(scope, receive, send, read(scope["method"], raw), scope["headers"])

    @property
    def method(self) -> bytes:
        """The method, as sent."""
        return str(self.scope["method"]).encode()

    @property
    def target(self) -> bytes:
        """Path and query exactly as sent."""
        target: bytes = self.scope[TARGET]
        return target

    @property
    def label(self) -> str:
        """Name the route for the metrics."""
        return self.routed.label

    def comes_from(self, key: Key) -> None:
        """Note whose call it is; a label gets only what is on the list of keys."""
        self.key, self.key_name, self.team = key, key.name, key.team
        if not key.own or key.adopted:
            self.key_label = key.name

    def about(self, quote: Quote | None) -> None:
        """Note what is asked for; None is something without a price."""
        self.model = quote.model if quote else "other"
        self.resolution = quote.resolution if quote else "other"

    async def body(self, *, max_bytes: int, held: Held) -> bytes:
        """Read the whole body.

        Raises:
            PayloadTooLarge, Overloaded: before more than that is held.
            CallerGone: the caller hung up first.
        """
        if self.ahead is not None:
            return self.ahead
        if self._announced() > max_bytes:
            raise PayloadTooLarge(limit=max_bytes)
        message = await self.receive()
        chunk: bytes = message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise CallerGone
        if not message.get("more_body", False) and len(chunk) <= max_bytes:
            self._hold(len(chunk), held)
            self.whole = True
            return chunk
        chunks = [chunk]
        total = len(chunk)
        self._hold(total, held)
        while message.get("more_body", False):
            if total > max_bytes:
                raise PayloadTooLarge(limit=max_bytes)
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            chunks.append(message.get("body", b""))
            total += len(chunks[-1])
            self._hold(len(chunks[-1]), held)
        if total > max_bytes:
            raise PayloadTooLarge(limit=max_bytes)
        self.whole = True
        return b"".join(chunks)

    def _announced(self) -> int:
        """Say how many bytes the head promises; 0 where it does not say."""
        for name, value in self.headers:
            if name == b"content-length":
                return int(value)
        return 0

    def _hold(self, count: int, held: Held) -> None:
        held.take(count)
        self.held_bytes += count

    def release(self, held: Held) -> None:
        """Hold the body no longer."""
        held.give(self.held_bytes)
        self.held_bytes = 0

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """Send the head of the answer."""
        self.begun, self.status = True, status
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def more(self, chunk: bytes, *, last: bool = False) -> None:
        """Send a piece of the answer."""
        await self.send({"type": "http.response.body", "body": chunk, "more_body": not last})

    async def cut(self) -> None:
        """Break an answer off where it stands: a clean end would make half of it look whole."""
        await self.send({"type": CUT})

    def answer(self, status: int, headers: Sequence[Header], body: bytes) -> Awaitable[None]:
        """Send a whole answer: in one message, where the server is ours."""
        self.begun, self.status = True, status
        if TARGET not in self.scope:
            return self._answer_in_two(status, headers, body)
        return self.send({"type": WHOLE, "status": status, "headers": headers, "body": body})

    async def _answer_in_two(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        await self.start(status, headers)
        await self.more(body, last=True)

    async def refuse(
        self, refusal: Refusal, *, setting: str = "auto", headers: Sequence[Header] = ()
    ) -> None:
        """Send one of our own refusals in the envelope that every known client survives."""
        self.refused = refusal.type
        body = envelope(refusal)
        await self.answer(
            refusal.status(self.routed.surface, setting),
            [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
                *refusal.headers,
                *headers,
            ],
            body,
        )

    async def answer_json(self, status: int, content: object, headers: Sequence[Header]) -> None:
        """Send an answer of ours."""
        body = json.dumps(content, separators=(",", ":")).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await self.answer(status, [*head, *headers], body)
