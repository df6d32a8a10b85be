"""The body of a request to Farebox itself: read whole, up to a cap."""

from starlette.requests import ClientDisconnect, Request

from proxy.errors import BadRequest, PayloadTooLarge


async def received(request: Request, bytes_max: int) -> bytes:
    """Read the body.

    Raises:
        PayloadTooLarge: it has more than `bytes_max` bytes; the rest is not read.
        BadRequest: the caller went away before its end.
    """
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise PayloadTooLarge(limit=bytes_max)
    except ClientDisconnect as error:
        raise BadRequest("The body ended early.") from error
    return body
