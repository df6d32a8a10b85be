"""An answer, as the caller of `Upstream.send` holds it."""

from collections.abc import AsyncIterator

from proxy.upstream.exchange import Exchange
from proxy.upstream.head import Head


class Answer:
    """Status and headers as received; the body is read once, by `read` or `chunks`."""

    __slots__ = ("_exchange", "content_length", "encoding", "framed", "headers", "status")

    def __init__(self, head: Head, exchange: Exchange) -> None:
        self.status = head.status
        self.headers = head.headers
        """Names and values in the upstream's order and case; trailers are not among them."""
        self.content_length = head.content_length
        """Body bytes to come; 0 where none can; None if the answer does not say."""
        self.encoding = head.encoding
        """The content encoding, in lower case; empty for none."""
        self.framed = head.framed
        """False if the body ends with the connection: it may be cut off unnoticed."""
        self._exchange = exchange

    def at_hand(self, limit: int) -> bytes | None:
        """The whole body if it came with the head and is at most `limit` bytes, else None."""
        return self._exchange.take_ended(limit)

    async def read(self, limit: int) -> bytes | None:
        """The whole body if it is at most `limit` bytes, else None with nothing lost.

        Raises:
            Broken, TimedOut: the body ended early.
        """
        if self.content_length is not None and self.content_length > limit:
            return None
        return await self._exchange.gather(limit)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises Broken or TimedOut where it ends early."""
        while (piece := await self._exchange.piece()) is not None:
            yield piece

    def close(self) -> None:
        """Drop the connection unless the answer came to its end; safe to repeat."""
        self._exchange.drop()
