"""Request heads that were read before: the same bytes are the same request.

A client sends the same head again and again; only the request line and the length of the body
differ. To have the parser call back for each header, and to check them again, was a tenth of a
poll. So what was read of a head is kept, by its bytes: line and fields each for themselves, and of
the fields those before and behind the length. Kept is only what the parser and our rules let pass
(HTTP/1.1, kept alive, no transfer coding, no Expect, no Upgrade) and the app answered with less
than 400, so nobody who was turned away fills the memory. What is not known is the parser's to read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from proxy.recent import Recent

Field = tuple[bytes, bytes]

LINES_MAX, FIELDS_MAX = 4096, 512  # of each generation
LINE_BYTES_MAX, FIELDS_BYTES_MAX = 512, 4096  # of one that is kept
BODY_BYTES_MAX: Final = 64 * 1024  # of a request that came whole
VERSION: Final = b" HTTP/1.1"
_LENGTHS: Final = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")  # as clients write it
_DIGITS_MAX: Final = 9


class Line(NamedTuple):
    """A request line: the method, the target as sent, and its parts as ASGI names them."""

    method: str
    target: bytes
    raw_path: bytes
    path: str
    query: bytes

    @classmethod
    def of(cls, method: str, target: bytes) -> "Line":
        """Take a target apart."""
        raw_path, _, query = target.partition(b"?")
        path = raw_path.decode("ascii")
        return cls(method, target, raw_path, unquote(path) if "%" in path else path, query)


@dataclass(slots=True)
class Fields:
    """Header fields around the length, names in lower case; `note` is the app's to use."""

    before: list[Field]
    behind: list[Field] | None
    """None where there is no body, and so no length."""
    note: Any = None

    def all(self, digits: bytes) -> list[Field]:
        """List them with a length."""
        if self.behind is None:
            return self.before.copy()
        return [*self.before, (b"content-length", digits), *self.behind]


class Known(NamedTuple):
    """A whole request, read by what is known."""

    line: Line
    fields: Fields
    headers: list[Field]
    body: bytes


class News(NamedTuple):
    """What may be known of a head: its line and the bytes around its length, and their meaning."""

    sent: bytes
    around: tuple[bytes, bytes]
    line: Line
    fields: Fields


class _Cut(NamedTuple):
    """A request cut where its parts end: the line, the fields before and behind the length."""

    line: bytes
    before: bytes
    digits: bytes
    behind: bytes
    body_at: int


class KnownHeads:
    """The heads that one worker has read."""

    def __init__(self) -> None:
        self._lines = Recent[bytes, Line](LINES_MAX)
        self._fields = Recent[tuple[bytes, bytes], Fields](FIELDS_MAX)

    def find(self, data: bytes) -> Known | None:
        """Read a request, if it is whole, alone and its head known."""
        cut = _cut(data)
        if cut is None:
            return None
        line = self._lines.get(cut.line)
        fields = self._fields.get((cut.before, cut.behind))
        if line is None or fields is None:
            return None
        return Known(line, fields, fields.all(cut.digits), data[cut.body_at :])

    def keep(self, news: News) -> None:
        """Know this head from now on."""
        self._lines.put(news.sent, news.line)
        if self._fields.get(news.around) is None:  # one that is kept may have a note
            self._fields.put(news.around, news.fields)


def news(data: bytes, line: Line, headers: Sequence[Field]) -> News | None:
    """Say what there is to know of a request; None unless it came whole, alone and small."""
    cut = _cut(data)
    if cut is None or not cut.line.endswith(VERSION):
        return None
    names = [name for name, _ in headers]
    if names.count(b"content-length") != bool(cut.digits) or b"transfer-encoding" in names:
        return None  # the body ends in a way that is not looked for
    at = names.index(b"content-length") if cut.digits else len(headers)
    fields = Fields(list(headers[:at]), list(headers[at + 1 :]) if cut.digits else None)
    return News(cut.line, (cut.before, cut.behind), line, fields)


def _cut(data: bytes) -> _Cut | None:
    """Cut a request into its parts; None unless it is whole, alone and small."""
    end = data.find(b"\r\n\r\n", 0, LINE_BYTES_MAX + FIELDS_BYTES_MAX)
    line_end = data.find(b"\r\n", 0, LINE_BYTES_MAX)
    if not 0 < line_end < end:
        return None
    length_at = _length_at(data, line_end, end)
    body_at = end + 4
    if length_at < 0:
        whole = _Cut(data[:line_end], data[line_end:end], b"", b"", body_at)
        return whole if body_at == len(data) else None
    length_end = data.find(b"\r\n", length_at)
    digits = data[length_at:length_end]
    if not digits.isdigit() or len(digits) > _DIGITS_MAX or int(digits) > BODY_BYTES_MAX:
        return None
    if body_at + int(digits) != len(data):
        return None
    before, behind = data[line_end:length_at], data[length_end:end]
    return _Cut(data[:line_end], before, digits, behind, body_at)


def _length_at(data: bytes, start: int, end: int) -> int:
    for name in _LENGTHS:
        found = data.find(name, start, end)
        if found >= 0:
            return found + len(name)
    return -1
