"""The answer that nearly every submit gets, read by one pattern: a job that runs, and no more.

To parse it and to weigh each of its members took a tenth of a submit. The pattern is a strict
subset of JSON (ASCII, no escapes, nothing nested deeper than it is) and of what `answers` takes for
an acceptance: whatever it says, `submit_outcome` would have said of the same bytes. What it does
not match is read there.
"""

import re
from typing import Final

from proxy.answers import ACCEPTING, ID_CHARS_MAX, Outcome
from proxy.words import RUNNING

# Possessive throughout, and no two alternatives begin alike: nothing is tried twice.
_W: Final = rb"[ \t\n\r]*+"
_TEXT: Final = rb'"[ !#-\[\]-~]*+"'
_NUMBER: Final = rb"-?(?:0|[1-9]\d{0,17}+)(?:\.\d{1,18}+)?(?:[eE][-+]?\d{1,3}+)?"
_PLAIN: Final = rb"(?:%b|%b|true|false|null)" % (_TEXT, _NUMBER)
_PAIR: Final = rb"%b%b:%b%b" % (_TEXT, _W, _W, _PLAIN)


def _several(each: bytes) -> bytes:
    return rb"%b(?:%b%b(?:,%b%b%b)*+)?" % (_W, each, _W, _W, each, _W)


_FLAT: Final = rb"(?:%b|\[%b\]|\{%b\})" % (_PLAIN, _several(_PLAIN), _several(_PAIR))
# Members that say something of a job, or of an error, only with the value that says nothing.
_WEIGHED: Final = b"id|status|outputs|unsigned_urls|data|code|error|message|type"
_SILENT: Final = (
    rb'"outputs"%b:%b\[%b\]|"error"%b:%b(?:null|"")|"code"%b:%b200(?![\d.eE])'
    rb'|"message"%b:%b"success"'
) % ((_W,) * 9)
_OTHER: Final = rb'(?!"(?:%b)")%b%b:%b%b' % (_WEIGHED, _TEXT, _W, _W, _FLAT)
_MEMBER: Final = rb"(?:%b|%b)" % (_SILENT, _OTHER)
_BEFORE: Final = rb"%b(?:%b%b,%b)*+" % (_W, _MEMBER, _W, _W)
_AFTER: Final = rb"%b(?:,%b%b%b)*+" % (_W, _W, _MEMBER, _W)
_JOB: Final = rb'\{%b"id"%b:%b("[ !#-\[\]-~]{1,%d}+")%b,%b"status"%b:%b"(%b)"%b\}' % (
    _BEFORE, _W, _W, ID_CHARS_MAX, _AFTER, _W, _W, _W, b"|".join(
        word.encode() for word in sorted(RUNNING)
    ), _AFTER,
)  # fmt: skip
_ENVELOPE: Final = rb'\{%b"data"%b:%b%b%b\}' % (_BEFORE, _W, _W, _JOB, _AFTER)
_ALONE: Final = re.compile(rb"%b%b%b" % (_W, _JOB, _W))
_INSIDE: Final = re.compile(rb"%b%b%b" % (_W, _ENVELOPE, _W))


def usual_outcome(status: int, body: bytes) -> Outcome | None:
    """Say what a submit's whole answer decides, if it is a usual acceptance; None says nothing."""
    if status not in ACCEPTING:
        return None
    found = _INSIDE.fullmatch(body) or _ALONE.fullmatch(body)
    if found is None:
        return None
    named, word = found.groups()
    return Outcome("accepted", named[1:-1].decode(), word=word.decode())
