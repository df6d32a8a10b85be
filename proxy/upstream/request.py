"""The request's head on the wire: every byte is checked before any byte leaves (pure)."""

import re
from collections.abc import Sequence

from proxy.upstream.errors import NotSent

Header = tuple[bytes, bytes]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"/[^\x00-\x20\x7f]*")
_SPLITS_LINES = re.compile(rb"[\x00\r\n]")
_OURS = frozenset({b"content-length", b"transfer-encoding"})
_TELLS_EMPTY = frozenset({b"POST", b"PUT", b"PATCH"})


def write_head(
    method: bytes, target: bytes, headers: Sequence[Header], *, host: bytes, body_bytes: int
) -> bytes:
    """The head of a request, framed by our own Content-Length (RFC 9112, section 6).

    Raises:
        NotSent: the method, the target or a header would not survive the wire as given.
    """
    if not (_TOKEN.fullmatch(method) and _TARGET.fullmatch(target)):
        raise NotSent("the method or the target is not valid HTTP")
    fields = [field for field in headers if field[0].lower() not in _OURS]
    _check(fields)
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    if not any(name.lower() == b"host" for name, _ in fields):
        lines.append(b"host: " + host)
    lines += [name + b": " + value for name, value in fields]
    if body_bytes or method in _TELLS_EMPTY:
        lines.append(b"content-length: %d" % body_bytes)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def _check(fields: Sequence[Header]) -> None:
    """Two scans for all fields: a join is a token, or free of line ends, if each part is."""
    if not fields:
        return
    names = [name for name, _ in fields]
    if b"" in names or not _TOKEN.fullmatch(b"".join(names)):
        raise NotSent("a header name is not valid HTTP")
    if _SPLITS_LINES.search(b"".join([value for _, value in fields])):
        raise NotSent("a header value holds CR, LF or NUL")
