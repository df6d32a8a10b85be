"""Passing an answer on: read in passing, its poll URLs pointed at us, its bytes untouched."""

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from proxy.answers import Outcome, submit_outcome, surely_running
from proxy.call import Call, Header
from proxy.headers import returned
from proxy.outline import TRUNCATED, UNREADABLE, Outline, read_document
from proxy.poll_urls import PollUrlSwap, Span, put_base, swap_poll_urls
from proxy.upstream import Answer, UpstreamError
from proxy.usual import usual_acceptance

READ_WHOLE_MAX = 64 * 1024
DECODED_MAX = 2 * 1024 * 1024
DECODED_TIMES_MAX = 16  # what may come out of a packed byte beyond that; of a picture's text 1.4
_PLAIN = frozenset({b"", b"identity"})
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")
Learn = Callable[[object], Awaitable[None]]  # takes in what an answer said, once it is known
STALLED_S = 60.0  # a caller that takes nothing for so long is gone; the answer is still read


class Decoder(Protocol):
    """What undoes a content encoding, a chunk at a time."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What of the last bytes has still to be undone."""
        ...

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """Undo it for some bytes."""
        ...


def _decoder(encoding: bytes) -> Decoder | None:
    if encoding in (b"gzip", b"x-gzip", b"deflate"):
        return zlib.decompressobj(wbits=47 if encoding != b"deflate" else 15)
    return None


class Watch:
    """Sees an answer go by, and says at the end what it said. A bomb is not unpacked."""

    def __init__(self, encoding: bytes) -> None:
        self._outline = Outline()
        self.plain = encoding in _PLAIN
        self._decoder = None if self.plain else _decoder(encoding)
        self._blind = not self.plain and self._decoder is None
        self._packed = self._decoded = 0

    def feed(self, chunk: bytes) -> None:
        """See the next bytes."""
        if self._decoder is None:
            if not self._blind:
                self._outline.feed(chunk)
            return
        self._packed += len(chunk)
        while not self._blind:
            piece = self._undone(self._decoder, chunk)
            self._outline.feed(piece)
            chunk = self._decoder.unconsumed_tail
            if not chunk and len(piece) < DECODED_MAX:
                return

    def _undone(self, decoder: Decoder, chunk: bytes) -> bytes:
        """Unpack some bytes; what grows like no picture is looked at no more."""
        try:
            piece = decoder.decompress(chunk, DECODED_MAX)
        except zlib.error:
            self._blind = True
            return b""
        self._decoded += len(piece)
        self._blind = self._decoded > max(DECODED_MAX, DECODED_TIMES_MAX * self._packed)
        return piece

    def document(self) -> object:
        """Say what the answer said; only a complete one says anything."""
        if self._blind or (self._decoder is not None and not getattr(self._decoder, "eof", True)):
            return UNREADABLE
        return self._outline.document()


def document_of(encoding: bytes, body: bytes) -> object:
    """Read a whole answer."""
    if encoding in _PLAIN:
        return read_document(body)
    watch = Watch(encoding)
    watch.feed(body)
    return watch.document()


def shows_running(encoding: bytes, body: bytes) -> bool:
    """Say whether a poll's whole answer surely tells of no outcome; cheaper than reading it."""
    return encoding in _PLAIN and surely_running(body)


class Submitted(NamedTuple):
    """What a submit's whole answer decides, and what it says; None if that need not be read."""

    outcome: Outcome
    document: object = None
    base: Span | None = None
    """Where the base of its only poll URL stands; None if that must be looked for."""


def submitted(status: int, encoding: bytes, body: bytes) -> Submitted:
    """Read a submit's whole answer."""
    usual = usual_acceptance(status, body) if encoding in _PLAIN else None
    if usual is not None:
        return Submitted(usual.outcome, None, usual.base)
    document = document_of(encoding, body)
    return Submitted(submit_outcome(status, document), document)


@dataclass(frozen=True, slots=True)
class Manner:
    """How answers go on to one caller.

    `base` is what poll URLs get, None where they stay. `secret` is a key of ours that paid for
    the call and must not reach its caller, None where the caller brought the key.
    """

    base: str | None = None
    secret: bytes | None = None

    def swaps(self, answer: Answer) -> str | None:
        """Name the base that this answer's poll URLs get; a large packed one passes as it is."""
        return None if answer.encoding not in _PLAIN else self.base

    def headers(self, answer: Answer, *, rewritten: bool) -> list[Header]:
        """List the headers that the caller sees."""
        kept = returned(answer.headers, rewritten=rewritten)
        secret = self.secret
        if secret is None or secret not in b"\n".join([value for _, value in kept]):
            return kept
        return [(name, starred(value, secret)) for name, value in kept]


def starred(data: bytes, secret: bytes) -> bytes:
    """Star out a secret that an answer repeats: as many bytes as it had, so lengths stay true."""
    if _rarest(secret) not in data:  # a single byte is found forty times as fast as several
        return data
    return data.replace(secret, b"*" * len(secret))


class Scrub:
    """Stars a secret out of a stream."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Star it out of a stream; an end that may be its beginning is held back."""
        data = starred(self._held + chunk, self._secret)
        longest = min(len(self._secret) - 1, len(data))
        held = next((n for n in range(longest, 0, -1) if self._secret.startswith(data[-n:])), 0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def rest(self) -> bytes:
        """Return what was held back when the stream ended."""
        held, self._held = self._held, b""
        return held


@lru_cache(maxsize=64)
def _rarest(secret: bytes) -> bytes:
    """Pick the byte of a secret to look for first: one that base64, so a picture, does not hold."""
    found = _NOT_BASE64.search(secret)
    return found[0] if found else secret[:1]


def as_passed(
    call: Call, answer: Answer, body: bytes, manner: Manner, at: Span | None = None
) -> tuple[list[Header], bytes]:
    """Say how an answer that was read whole goes on: its headers, its bytes.

    `at` is where the base of its only poll URL stands, if that is known.
    """
    if answer.encoding not in _PLAIN and (found := _unpacked(answer, body, manner)) is not None:
        return found
    passed = body if manner.secret is None else starred(body, manner.secret)
    base, is_head = manner.swaps(answer), call.method == b"HEAD"
    if base is None:
        swapped = passed
    elif at is not None and passed is body:
        swapped = put_base(passed, at, base)
    else:
        swapped = swap_poll_urls(passed, base)
    # What a HEAD would have got is not known, so its length is not promised.
    rewritten = swapped is not passed or (is_head and base is not None)
    headers = manner.headers(answer, rewritten=rewritten)
    sized = answer.content_length is not None and not rewritten
    if not sized and not is_head and answer.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(swapped)))
    return headers, swapped


def _unpacked(answer: Answer, body: bytes, manner: Manner) -> tuple[list[Header], bytes] | None:
    """Unpack an answer that holds what must not reach its caller as it is; else None.

    Nothing packed was asked for. Where it comes all the same, a poll URL that leads past us would
    have the caller show its key to the upstream.
    """
    decoder = _decoder(answer.encoding)
    if decoder is None or (manner.base is None and manner.secret is None):
        return None
    try:
        plain = decoder.decompress(body, DECODED_MAX)
    except zlib.error:
        return None
    passed = plain if manner.secret is None else starred(plain, manner.secret)
    if manner.base is not None:
        passed = swap_poll_urls(passed, manner.base)
    if passed == plain or not getattr(decoder, "eof", True):
        return None
    headers = manner.headers(answer, rewritten=True)
    kept = [header for header in headers if header[0].lower() != b"content-encoding"]
    return [*kept, (b"content-length", b"%d" % len(passed))], passed


async def pass_stream(
    call: Call, answer: Answer, manner: Manner, ours: Sequence[Header], learn: Learn | None = None
) -> None:
    """Pass on a large answer as it comes, and let `learn` know what it said, whoever listens.

    The caller has its end when that is noted: whoever has the whole answer may go by it, at any
    worker. A caller that is gone or takes nothing any more changes nothing: the rest is read for
    the fare's sake and dropped. An answer that is cut off is cut off for the caller too.
    """
    watch, base = Watch(answer.encoding), manner.swaps(answer)
    changes: list[Scrub | PollUrlSwap] = [Scrub(manner.secret)] if manner.secret else []
    changes += [PollUrlSwap(base)] if base is not None else []
    headers = [*manner.headers(answer, rewritten=base is not None), *ours]
    await call.start(answer.status, headers)
    listening, whole, last, left = True, True, b"", _announced(headers)
    try:
        async for chunk in answer.chunks():
            watch.feed(chunk)
            if listening:
                ready = _changed(changes, chunk)
                left -= len(ready)
                if left == 0:  # a caller that counts would take this for the end
                    ready, last = ready[:-1], ready[-1:]
                listening = await _sent(call, ready)
    except UpstreamError:
        whole = False
    if learn is not None:
        await learn(watch.document() if whole else TRUNCATED)
    if not (listening and whole and await _sent(call, last + _ended(changes), last=True)):
        await call.cut()


def _announced(headers: Sequence[Header]) -> int:
    """Return how many bytes a caller was told to wait for; -1 where it waits for an end."""
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), -1)


def _changed(changes: Sequence[Scrub | PollUrlSwap], chunk: bytes) -> bytes:
    for change in changes:
        chunk = change.feed(chunk)
    return chunk


def _ended(changes: Sequence[Scrub | PollUrlSwap]) -> bytes:
    """Take what each change held back through those behind it."""
    rest = b""
    for change in changes:
        rest = change.feed(rest) + change.rest()
    return rest


async def _sent(call: Call, chunk: bytes, *, last: bool = False) -> bool:
    if not (chunk or last):
        return True
    try:
        async with asyncio.timeout(STALLED_S):
            await call.more(chunk, last=last)
    except (TimeoutError, OSError):
        return False
    return True
