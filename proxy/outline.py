"""What an answer says, without what it carries: JSON read strictly, long strings left out.

Strict in believing: only one complete JSON value in UTF-8 is a document, and a member that stands
twice with two values has neither. What cannot be read is relayed all the same.
"""

import json
from enum import Enum
from typing import Final

from proxy.scan import Kind, Scanner

OUTLINE_MAX: Final = 256 * 1024  # bytes of outline; what needs more is not an answer of this API

# Stands for a string over `scan.STRING_MAX`: not empty, and longer than any id.
SHORTENED: Final = "~" * 513
_SHORTENED_JSON: Final = f'"{SHORTENED}"'.encode()


class Unread(Enum):
    """In the place of a document or a member that cannot be believed."""

    UNREADABLE = "unreadable"  # not one complete JSON value
    TRUNCATED = "truncated"  # the line broke before the answer's end
    AMBIGUOUS = "ambiguous"  # a member that stands twice in one object, with two values


UNREADABLE: Final = Unread.UNREADABLE
TRUNCATED: Final = Unread.TRUNCATED
AMBIGUOUS: Final = Unread.AMBIGUOUS


def read_document(body: bytes) -> object:
    """Return the document in a whole body, or `UNREADABLE`."""
    try:
        document: object = _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        return UNREADABLE
    return document


class Outline:
    """Reads an answer in passing, in at most `limit` bytes of memory besides one short string."""

    def __init__(self, limit: int = OUTLINE_MAX) -> None:
        self._limit = limit
        self._scanner = Scanner()
        self._kept = bytearray()
        self._over = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        if self._over:
            return
        for kind, piece in self._scanner.feed(chunk):
            if kind is not Kind.MORE:
                self._kept += _SHORTENED_JSON if kind is Kind.LONG else piece
        if len(self._kept) > self._limit:
            self._over = True
            self._kept.clear()

    def document(self) -> object:
        """Return the document with long strings shortened, or `UNREADABLE`.

        The inside of a long string is not checked; all else is as strict as `read_document`.
        """
        if self._scanner.inside:
            return UNREADABLE
        return read_document(bytes(self._kept))  # of nothing, where it was over the limit


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        for name, value in pairs:
            if members[name] != value:
                members[name] = AMBIGUOUS
    return members


def _not_json(word: str) -> object:
    raise ValueError(word)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_not_json)
