"""Passing an answer on: read in passing, its poll URLs pointed at us, its bytes untouched."""

import asyncio
import zlib
from collections.abc import Sequence
from typing import Protocol

from proxy.call import Call, Header
from proxy.headers import returned
from proxy.outline import TRUNCATED, UNREADABLE, Outline, read_document
from proxy.poll_urls import PollUrlSwap, swap_poll_urls
from proxy.upstream import Answer, UpstreamError

READ_WHOLE_MAX = 64 * 1024
DECODED_MAX = 2 * 1024 * 1024
STALLED_S = 60.0  # a caller that takes nothing for so long is gone; the answer is still read


class Decoder(Protocol):
    """What undoes a content encoding, a chunk at a time."""

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """Undo it for some bytes."""
        ...


def encoding_of(headers: Sequence[Header]) -> bytes:
    """Name the content encoding of an answer; empty for none."""
    for name, value in headers:
        if name.lower() == b"content-encoding":
            return value.strip().lower()
    return b""


def _decoder(encoding: bytes) -> Decoder | None:
    if encoding in (b"gzip", b"x-gzip", b"deflate"):
        return zlib.decompressobj(wbits=47 if encoding != b"deflate" else 15)
    return None


class Watch:
    """Sees an answer go by, and says at the end what it said. A bomb is not unpacked."""

    def __init__(self, headers: Sequence[Header]) -> None:
        self._outline = Outline()
        encoding = encoding_of(headers)
        self.plain = encoding in (b"", b"identity")
        self._decoder = None if self.plain else _decoder(encoding)
        self._blind = not self.plain and self._decoder is None
        self._decoded = 0

    def feed(self, chunk: bytes) -> None:
        """See the next bytes."""
        if self._blind:
            return
        if self._decoder is not None:
            try:
                chunk = self._decoder.decompress(chunk, DECODED_MAX)
            except zlib.error:
                self._blind = True
                return
            self._decoded += len(chunk)
            if self._decoded >= DECODED_MAX:
                self._blind = True
                return
        self._outline.feed(chunk)

    def document(self) -> object:
        """Say what the answer said; only a complete one says anything."""
        if self._blind or (self._decoder is not None and not getattr(self._decoder, "eof", True)):
            return UNREADABLE
        return self._outline.document()


def document_of(headers: Sequence[Header], body: bytes) -> object:
    """Read a whole answer."""
    if not encoding_of(headers):
        return read_document(body)
    watch = Watch(headers)
    watch.feed(body)
    return watch.document()


def as_passed(
    call: Call, answer: Answer, body: bytes, *, base: str | None
) -> tuple[list[Header], bytes]:
    """Say how an answer that was read whole goes on: its headers, its bytes."""
    swapped = body
    if base is not None and not encoding_of(answer.headers):
        swapped = swap_poll_urls(body, base)
    headers = returned(answer.headers, rewritten=swapped is not body)
    sized = any(name.lower() == b"content-length" for name, _ in headers)
    if not sized and call.method != b"HEAD" and answer.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(swapped)))
    return headers, swapped


async def pass_stream(
    call: Call, answer: Answer, *, base: str | None, ours: Sequence[Header]
) -> object:
    """Pass on a large answer as it comes; what it said, read to its end whoever listens.

    A caller that is gone or takes nothing any more changes nothing: the rest is read for the
    fare's sake and dropped.
    """
    watch = Watch(answer.headers)
    swap = PollUrlSwap(base) if base is not None and watch.plain else None
    await call.start(answer.status, [*returned(answer.headers, rewritten=swap is not None), *ours])
    listening = True
    try:
        async for chunk in answer.chunks():
            watch.feed(chunk)
            if listening:
                listening = await _sent(call, swap.feed(chunk) if swap else chunk)
    except UpstreamError:
        return TRUNCATED
    if listening:
        await call.more(swap.rest() if swap else b"", last=True)
    return watch.document()


async def _sent(call: Call, chunk: bytes) -> bool:
    try:
        async with asyncio.timeout(STALLED_S):
            await call.more(chunk)
    except (TimeoutError, OSError):
        return False
    return True
