"""The head of an answer, and how its body is framed (pure; RFC 9112, section 6.3)."""

from dataclasses import dataclass

from proxy.upstream.body import Body, Chunked, Counted, UntilClose
from proxy.upstream.errors import Broken
from proxy.upstream.parser import Parser

Headers = list[tuple[bytes, bytes]]

_FIRST_STATUS = 100
_FIRST_FINAL = 200
_TELLING = (b"content-length", b"transfer-encoding", b"connection", b"content-encoding")
_TELLING_BYTES = frozenset(map(len, _TELLING))
_BODYLESS = frozenset({204, 304})


@dataclass(slots=True)
class Head:
    """What an answer says before its body."""

    status: int
    headers: Headers
    content_length: int | None
    """Body bytes to come; None if the answer does not say."""
    framed: bool
    """Whether the end of the body can be told from a broken line."""
    keep_alive: bool
    encoding: bytes = b""
    """The content encoding, in lower case; empty for none."""

    @property
    def interim(self) -> bool:
        """Whether another head follows."""
        return self.status < _FIRST_FINAL


def read_head(raw: bytes, *, method: bytes) -> tuple[Head, Body]:
    """Read `raw`, which ends with the first empty line; raises Broken."""
    parser = Parser()
    parser.feed(raw)
    heard, status = parser.heard, parser.status
    valid = raw.startswith(b"HTTP/1.") and heard.complete and not heard.pieces
    if not valid or status < _FIRST_STATUS:
        raise Broken("the answer's head is not valid HTTP/1")
    length, codings, closes, encoding = _read_fields(heard.headers)
    if method == b"HEAD" or status in _BODYLESS or status < _FIRST_FINAL:
        length, codings = 0, []
    body = _body(parser, length, codings)
    framed = not isinstance(body, UntilClose)
    keep_alive = framed and not closes and raw.startswith(b"HTTP/1.1 ")
    return Head(status, heard.headers, length, framed, keep_alive, encoding), body


def _read_fields(headers: Headers) -> tuple[int | None, list[bytes], bool, bytes]:
    """Content-Length, transfer codings, whether the server will close, the content encoding."""
    length: int | None = None
    encoding = b""
    codings: list[bytes] = []
    closes = False
    for name, value in headers:
        if len(name) not in _TELLING_BYTES:  # most: one look less than in lower case
            continue
        lowered = name.lower()
        if lowered == b"content-length":  # at most one, of digits only: the parser saw to that
            length = int(value)
        elif lowered == b"transfer-encoding":
            codings.append(value.lower())
        elif lowered == b"connection":
            closes = closes or b"close" in value.lower()
        elif lowered == b"content-encoding":
            encoding = encoding or value.strip().lower()
    return length, codings, closes, encoding


def _body(parser: Parser, length: int | None, codings: list[bytes]) -> Body:
    """Of the codings, chunks only: any other would reach the caller undecoded and unnamed."""
    if codings:
        if codings != [b"chunked"]:
            raise Broken("the answer has an unknown transfer coding")
        return Chunked(parser)
    return UntilClose() if length is None else Counted(length)
