"""The request's head on the wire: every byte is checked before any byte leaves (pure)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from proxy.upstream.errors import NotSent

Header = tuple[bytes, bytes]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"/[^\x00-\x20\x7f]*")
_SPLITS_LINES = re.compile(rb"[\x00\r\n]")
_OURS = frozenset({b"content-length", b"transfer-encoding"})
_KNOWN_BYTES_MAX = 256  # of a target; longer ones are looked at each time
_TELLS_EMPTY = frozenset({b"POST", b"PUT", b"PATCH"})


def write_fields(headers: Sequence[Header], *, host: bytes) -> bytes:
    """The fields of a head but those that frame its body, each with its line's end.

    Raises:
        NotSent: a header would not survive the wire as given.
    """
    fields = [field for field in headers if field[0].lower() not in _OURS]
    _check(fields)
    if not any(name.lower() == b"host" for name, _ in fields):
        fields.insert(0, (b"host", host))
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def write_head(method: bytes, target: bytes, fields: bytes, *, body_bytes: int) -> bytes:
    """The head of a request, framed by our own Content-Length (RFC 9112, section 6).

    Raises:
        NotSent: the method or the target would not survive the wire as given.
    """
    framed = body_bytes or method in _TELLS_EMPTY
    length = b"content-length: %d\r\n" % body_bytes if framed else b""
    write = _known_line if len(target) <= _KNOWN_BYTES_MAX else _line
    return b"%b%b%b\r\n" % (write(method, target), fields, length)


def _line(method: bytes, target: bytes) -> bytes:
    if not (_TOKEN.fullmatch(method) and _TARGET.fullmatch(target)):
        raise NotSent("the method or the target is not valid HTTP")
    return b"%b %b HTTP/1.1\r\n" % (method, target)


_known_line = lru_cache(maxsize=4096)(_line)  # a prediction is polled again and again


def _check(fields: Sequence[Header]) -> None:
    """Two scans for all fields: a join is a token, or free of line ends, if each part is."""
    if not fields:
        return
    names = [name for name, _ in fields]
    if b"" in names or not _TOKEN.fullmatch(b"".join(names)):
        raise NotSent("a header name is not valid HTTP")
    if _SPLITS_LINES.search(b"".join([value for _, value in fields])):
        raise NotSent("a header value holds CR, LF or NUL")
