"""One answer, read from whatever pieces the line brings it in (pure)."""

from proxy.upstream.body import Body
from proxy.upstream.errors import Broken
from proxy.upstream.head import Head, read_head

HEAD_BYTES_MAX = 64 * 1024
INTERIM_MAX = 8

_SWITCHING = 101


class Reader:
    """Takes bytes as they come; `head`, `ended` and `reusable` say where it stands."""

    __slots__ = ("_body", "_interim", "_method", "_pending", "head")

    def __init__(self, method: bytes) -> None:
        self.head: Head | None = None
        self._method = method
        self._body: Body | None = None
        self._pending = b""
        self._interim = 0

    @property
    def ended(self) -> bool:
        """Whether the answer is whole."""
        return self._body is not None and self._body.ended

    @property
    def reusable(self) -> bool:
        """Whether, as far as the answer says, its connection may serve another call."""
        if self.head is None or self._body is None:
            return False
        return self.head.keep_alive and self._body.ended and not self._body.surplus

    def feed(self, data: bytes) -> bytes:
        """Return the body bytes in `data`; raises Broken for anything malformed."""
        if self._body is None:
            data = self._read_heads(self._pending + data if self._pending else data)
        if self._body is None or not data:
            return b""
        return self._body.feed(data)

    def close(self) -> None:
        """The server closed the line cleanly; raises Broken unless that ends the answer."""
        if self._body is None:
            raise Broken("the upstream closed the connection without an answer")
        self._body.close()

    def _read_heads(self, data: bytes) -> bytes:
        """Skip interim answers and read the final head; returns what follows it."""
        while self._body is None:
            end = data.find(b"\r\n\r\n")
            if (len(data) if end < 0 else end) > HEAD_BYTES_MAX:
                raise Broken("the answer's head is too large")
            if end < 0:
                self._pending = data
                return b""
            self._read_head(data[: end + 4])
            data = data[end + 4 :]
        self._pending = b""
        return data

    def _read_head(self, raw: bytes) -> None:
        head, body = read_head(raw, method=self._method)
        if not head.interim:
            self.head, self._body = head, body
            return
        self._interim += 1
        if head.status == _SWITCHING or self._interim > INTERIM_MAX:
            raise Broken(f"the answer is {head.status}, which was not asked for")
