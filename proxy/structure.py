"""How much a JSON body is made of, counted on its bytes before anything is made of them. Pure.

Tens of megabytes of `[],` come to a gigabyte of lists and seconds of one core. An honest body as
large is pictures in base64: long strings, and few parts.
"""

import re
from typing import Final

from pricing import NotUnderstood

SMALL: Final = 64 * 1024  # bytes of a body whose parts need no counting
PARTS_MAX: Final = 250_000  # lists, objects, and commas between what stands in them

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PART: Final = rb'[^"\[{,]*+(?:%b[^"\[{,]*+)*+[\[{,]' % _STRING
# Possessive throughout, so it is one pass and remembers nothing on its way.
_TOO_MANY: Final = re.compile(rb"(?:%b){%d}+" % (_PART, PARTS_MAX + 1), re.DOTALL)


def check_parts(body: bytes) -> None:
    """Raise `NotUnderstood` if a body is made of more than `PARTS_MAX` parts.

    Each value of a JSON text but the first has a part of its own before it. What stands inside
    strings is none; where even with that there are few, nothing is looked at twice.
    """
    if len(body) <= SMALL or sum(map(body.count, (b"[", b"{", b","))) <= PARTS_MAX:
        return
    if _TOO_MANY.match(body):
        raise NotUnderstood("body", f"is made of more than {PARTS_MAX} values")
