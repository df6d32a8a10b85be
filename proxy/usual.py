"""The answer that nearly every submit gets, read by one pattern: a job that runs, and no more.

To parse it and to weigh each of its members took a tenth of a submit. The pattern is a strict
subset of JSON (ASCII, no escapes, nothing nested deeper than it is) and of what `answers` takes for
an acceptance: whatever it says, `submit_outcome` would have said of the same bytes. What it does
not match is read there. In passing it sees where the poll URL stands, as `poll_urls` would.
"""

import re
from typing import Final, NamedTuple

from proxy.answers import ACCEPTING, ID_CHARS_MAX, Outcome
from proxy.poll_urls import V3, Span
from proxy.words import RUNNING

# Possessive throughout, so nothing is tried again but a member, by the next of its alternatives.
_W: Final = rb"[ \t\n\r]*+"
_INNER: Final = rb"[ !#-\[\]-~]*+"
_TEXT: Final = rb'"%b"' % _INNER
_NUMBER: Final = rb"-?(?:0|[1-9]\d{0,17}+)(?:\.\d{1,18}+)?(?:[eE][-+]?\d{1,3}+)?"
_PLAIN: Final = rb"(?:%b|%b|true|false|null)" % (_TEXT, _NUMBER)
_PAIR: Final = rb"%b%b:%b%b" % (_TEXT, _W, _W, _PLAIN)


def _several(each: bytes) -> bytes:
    return rb"%b(?:%b%b(?:,%b%b%b)*+)?" % (_W, each, _W, _W, each, _W)


_FLAT: Final = rb"(?:%b|\[%b\]|\{%b\})" % (_PLAIN, _several(_PLAIN), _several(_PAIR))
# Members that say something of a job, or of an error, only with the value that says nothing.
_WEIGHED: Final = b"id|status|outputs|unsigned_urls|data|code|error|message|type"
_OTHER: Final = rb'"(?!(?:%b)")%b"%b:%b%b' % (_WEIGHED, _INNER, _W, _W, _FLAT)
_SILENT: Final = (
    rb'"outputs"%b:%b\[%b\]|"error"%b:%b(?:null|"")|"code"%b:%b200(?![\d.eE])'
    rb'|"message"%b:%b"success"'
) % ((_W,) * 9)
_MEMBER: Final = rb"%b|%b" % (_OTHER, _SILENT)
_HOST: Final = rb'(?i:https?)://[^/?#"\\\x00- \x7f-\xff]++'
_POLLED: Final = rb'"urls"%b:%b\{%b"get"%b:%b"(%b)%b%b"%b\}|%b' % (
    _W, _W, _W, _W, _W, _HOST, V3, _INNER, _W, _MEMBER,
)  # fmt: skip


def _before(member: bytes) -> bytes:
    return rb"%b(?:(?:%b)%b,%b)*+" % (_W, member, _W, _W)


def _after(member: bytes) -> bytes:
    return rb"%b(?:,%b(?:%b)%b)*+" % (_W, _W, member, _W)


def _job(member: bytes) -> bytes:
    words = b"|".join(word.encode() for word in sorted(RUNNING))
    named = rb'"id"%b:%b"([ !#-\[\]-~]{1,%d}+)"' % (_W, _W, ID_CHARS_MAX)
    says = rb'"status"%b:%b"(%b)"' % (_W, _W, words)
    around = _before(member), named, _W, _before(member), says, _after(member)
    return rb"\{%b%b%b,%b%b%b\}" % around


_ENVELOPE: Final = rb'\{%b"data"%b:%b%b%b\}' % (
    _before(_MEMBER), _W, _W, _job(_POLLED), _after(_MEMBER),
)  # fmt: skip
_ALONE: Final = re.compile(rb"%b%b%b" % (_W, _job(_MEMBER), _W))
_INSIDE: Final = re.compile(rb"%b%b%b" % (_W, _ENVELOPE, _W))
_HOSTS: Final = (3, 1, 5)  # the groups of _INSIDE around the id's and the word's, the usual first


class Acceptance(NamedTuple):
    """What a usual acceptance says."""

    outcome: Outcome
    base: Span | None = None
    """Where the base of its poll URL stands, if there is one `/api/v3/` and it is that one's."""


def usual_acceptance(status: int, body: bytes) -> Acceptance | None:
    """Read a submit's whole answer, if it is a usual acceptance; None says nothing."""
    if status not in ACCEPTING:
        return None
    if (found := _INSIDE.fullmatch(body)) is not None:
        named, word = found.group(2, 4)
        return Acceptance(_accepted(named, word), _base(found, body))
    if (found := _ALONE.fullmatch(body)) is not None:
        return Acceptance(_accepted(*found.groups()))
    return None


def _accepted(named: bytes, word: bytes) -> Outcome:
    return Outcome("accepted", named.decode(), word=word.decode())


def _base(found: re.Match[bytes], body: bytes) -> Span | None:
    for group in _HOSTS:
        if found.group(group) is not None:
            return found.span(group) if body.count(V3) == 1 else None
    return None
