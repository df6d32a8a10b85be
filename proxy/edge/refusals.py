"""A refusal on the wire: what the edge answers when a request never becomes a call.

The connection is always given up with it: after a request that could not be read nobody
knows where the next one starts.
"""

from http import HTTPStatus
from typing import Final

from proxy.errors import BadRequest, Overloaded, Refusal, RequestTimeout, envelope


class InternalError(Refusal):
    """The app failed before it answered: our fault, not the caller's."""

    type, code = "internal_error", 500
    words = "Something broke on our side; the call may or may not have been made."


def answer(refusal: Refusal) -> bytes:
    """Return the whole answer of a refusal, head and body."""
    body = envelope(refusal)
    own = [b"%b: %b\r\n" % pair for pair in refusal.headers]
    head = (
        f"HTTP/1.1 {refusal.code} {HTTPStatus(refusal.code).phrase}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    )
    return b"".join([head.encode(), *own, b"connection: close\r\n\r\n", body])


def bad_request(why: str) -> BadRequest:
    """Return the refusal of a request that can be read in two ways, or in none."""
    return BadRequest(f"Bad request: {why}.")


HEAD_TOO_SLOW: Final = RequestTimeout("The request headers were not complete in time.")
BODY_TOO_SLOW: Final = RequestTimeout("The request body was not complete in time.")
TOO_MANY_CONNECTIONS: Final = Overloaded("Too many connections; try again in a moment.")
