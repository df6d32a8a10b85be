"""The upstream client: our own HTTP/1.1, so that every error says whether money can have moved.

    answer = await upstream.send(b"POST", b"/api/v3/…", headers, body, pool=key, submit=True)

A layer at a time, from the door to the socket: `client` finds a connection, `connection` carries
one exchange, `exchange` holds what came, `reader` (pure) makes an answer of bytes.
"""

from proxy.upstream.answer import Answer
from proxy.upstream.client import Upstream
from proxy.upstream.errors import Broken, ConnectTimedOut, NotSent, TimedOut, UpstreamError

__all__ = [
    "Answer",
    "Broken",
    "ConnectTimedOut",
    "NotSent",
    "TimedOut",
    "Upstream",
    "UpstreamError",
]
