"""The body of a request to Farebox itself: read whole, up to a cap."""

from starlette.requests import ClientDisconnect, Request

from proxy.call import Held
from proxy.errors import BadRequest, PayloadTooLarge


async def received(request: Request, bytes_max: int, held: Held | None = None) -> bytes:
    """Read the body; what it takes of `held` is the caller's to give back.

    Raises:
        PayloadTooLarge: it has more than `bytes_max` bytes; the rest is not read.
        Overloaded: `held` has no room for it.
        BadRequest: the caller went away before its end.
    """
    if int(request.headers.get("content-length", "0")) > bytes_max:
        raise PayloadTooLarge(limit=bytes_max)
    chunks, total = [], 0
    try:
        async for chunk in request.stream():
            total += len(chunk)
            if total > bytes_max:
                raise PayloadTooLarge(limit=bytes_max)
            if held is not None:
                held.take(len(chunk))
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise BadRequest("The body ended early.") from error
    return b"".join(chunks)
