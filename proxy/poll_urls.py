"""Points the poll URLs in an answer at us: only their base changes, byte for byte.

A client that follows the upstream's own URL would take its key there and hide the outcome from
us. What changes is the part before `/api/v3/` of the strings in `PLACES`; nothing is re-encoded.
"""

import json
import re
from functools import lru_cache
from typing import Final

from proxy.scan import STRING_MAX, Kind, Scanner

# Where a poll URL stands; None is a place in an array.
PLACES: Final[frozenset[tuple[str | None, ...]]] = frozenset(
    {
        ("data", "urls", "get"),
        ("data", "urls", None, "get"),
        ("data", None, "urls", "get"),
        ("data", None, "urls", None, "get"),
        ("polling_url",),
    }
)
DEPTH_MAX: Final = 64  # deeper documents pass as they are

Span = tuple[int, int]
"""Where something starts in a body, and where it ends."""

V3: Final = b"/api/v3/"
_MARKS: Final = re.compile(rb"[][{},:]")
_ALONE: Final = frozenset({b":", b","})  # most pieces are one of these
_OPENED: Final[dict[bytes, str | None]] = {b"{": "", b"[": None}
_BASE: Final = re.compile(r"https?://(?:(?![/?#\\])[!-~])+(?=/api/v3/)", re.IGNORECASE)
# The answer that nearly every one is, up to the URL in `data.urls.get`: members before it hold
# strings, numbers, words and flat lists. There is no escape in it (possessive: nothing is retried).
_STRING: Final = rb'"[^"]*+"'
_FLAT: Final = rb"(?:%b|[-+.\w]++|\[\s*+(?:%b\s*+,?\s*+)*+\]|\{\s*+\})" % (_STRING, _STRING)
_BEFORE: Final = rb"\{(?:\s*+%b\s*+:\s*+%b\s*+,)*+\s*+" % (_STRING, _FLAT)
_USUAL: Final = re.compile(
    rb'\s*+%b"data"\s*+:\s*+%b"urls"\s*+:\s*+\{\s*+"get"\s*+:\s*+"'
    rb'((?i:https?)://[^/?#"\x00- \x7f-\xff]++)/api/v3/[^"]{0,1024}+"' % (_BEFORE, _BEFORE)
)
_CHARACTER: Final = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)


def swap_poll_urls(body: bytes, base: str) -> bytes:
    """Return a whole body with its poll URLs under `base`; the same object if it holds none."""
    if b"\\" not in body:
        mentions = body.count(V3)
        if not mentions:
            return body
        if mentions == 1 and (place := _usual_place(body) or _only_place(body)):
            return put_base(body, place, base)
    swap = PollUrlSwap(base)
    swapped = swap.feed(body) + swap.rest()
    return swapped if swapped != body else body


def put_base(body: bytes, place: Span, base: str) -> bytes:
    """Return a body with another base where one stands."""
    return body[: place[0]] + _literal(base) + body[place[1] :]


def _usual_place(body: bytes) -> Span | None:
    """Find where the base starts and ends, if the body begins as the upstream writes it.

    A pattern follows the structure as far as the one `/api/v3/` there is, at a third of what a
    parser of the whole body costs.
    """
    found = _USUAL.match(body)
    return found.span(1) if found else None


def _only_place(body: bytes) -> Span | None:
    """Find where the base starts and ends, in a body whose members come in another order.

    It holds one `/api/v3/` and no escape: if the value in a place of ours has it, that is it. A
    C parser says so at a third of what following the structure costs. None: it must be followed.
    """
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX:
        return None
    try:
        document = json.loads(body.decode())
    except ValueError:
        return None
    url = _value(document)
    found = _BASE.match(url)
    if not found or len(url) > STRING_MAX // 2:  # a very long one is the scanner's to judge
        return None
    start = body.rfind(b'"', 0, body.find(V3)) + 1
    return start, start + found.end()


def _value(document: object) -> str:
    """Return the string in one of the two plainest places, "" if there is none."""
    if not isinstance(document, dict):
        return ""
    data = document.get("data")
    urls = data.get("urls") if isinstance(data, dict) else None
    found = urls.get("get") if isinstance(urls, dict) else document.get("polling_url")
    return found if isinstance(found, str) else ""


class PollUrlSwap:
    """The same for a body that streams: `feed` chunks cut anywhere, then take the `rest`."""

    def __init__(self, base: str) -> None:
        self._base = _literal(base)
        self._scanner = Scanner()
        self._place: list[str | None] = []  # the member we are in, per level; None in an array
        self._at_name = False  # the next string names a member

    def feed(self, chunk: bytes) -> bytes:
        """Return the bytes to send now; a string begun may be held back (2 KiB at most)."""
        return b"".join([self._pass(*piece) for piece in self._scanner.feed(chunk)])

    def rest(self) -> bytes:
        """Return what was held back when the body ended."""
        return self._scanner.held

    def _pass(self, kind: Kind, piece: bytes) -> bytes:
        if len(self._place) > DEPTH_MAX:
            return piece
        if kind is Kind.BETWEEN:
            for mark in (piece,) if piece in _ALONE else _MARKS.findall(piece):
                self._step(mark)
        elif kind is Kind.STRING:
            return self._string(piece)
        elif self._at_name:  # a long name: none of ours
            self._place[-1] = ""
        return piece

    def _step(self, mark: bytes) -> None:
        """Follow one mark of structure."""
        if mark in _OPENED:
            self._place.append(_OPENED[mark])
            self._at_name = mark == b"{"
        elif mark == b",":
            self._at_name = bool(self._place) and self._place[-1] is not None
        else:
            self._at_name = False
            if mark != b":" and self._place:
                self._place.pop()

    def _string(self, raw: bytes) -> bytes:
        if self._at_name:
            self._place[-1] = _text(raw)
        elif tuple(self._place) in PLACES:
            return self._swapped(raw)
        return raw

    def _swapped(self, raw: bytes) -> bytes:
        """Return a string literal with its base exchanged, if it is an absolute v3 URL."""
        found = _BASE.match(_text(raw))
        if not found:
            return raw
        return b'"' + self._base + raw[_offset(raw, found.end()) :]


@lru_cache(maxsize=64)
def _literal(base: str) -> bytes:
    """Return a base as it stands in a string literal."""
    return json.dumps(base.rstrip("/"))[1:-1].encode()


def _text(raw: bytes) -> str:
    """Return what a string literal says, "" if it is none."""
    if b"\\" not in raw:
        return raw[1:-1].decode(errors="replace")
    try:
        return str(json.loads(raw))
    except ValueError:
        return ""


def _offset(raw: bytes, characters: int) -> int:
    """Return where in a literal the text behind its first characters starts.

    Those are a URL's base in ASCII, so each is one byte or one escape.
    """
    if b"\\" not in raw:
        return 1 + characters
    ends = [found.end() for found in _CHARACTER.finditer(raw, 1)]
    return ends[characters - 1]
