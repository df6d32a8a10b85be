"""Which request targets cross: origin-form, byte for byte, without a way out of its path.

Pure. The rule is section 9 of the interface: nothing is ever normalised, so whatever two
readers could resolve differently is refused, and all else passes exactly as sent.
"""

import re
from urllib.parse import unquote_to_bytes

PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~:@!$&'()*+,=-"
VISIBLE = re.compile(rb"[!-~]+")
BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
SEPARATOR = re.compile(rb"[/\\]")


def objection(target: bytes) -> str | None:
    """Say why a request target is refused, or None where it passes.

    A broken %-escape in the query passes: it cannot lead anywhere, and callers do send
    a bare `%` there.
    """
    if target[:1] == b"/" and b"/." not in target and not target.translate(None, PLAIN):
        return None  # nearly every target, in a few tenths of a microsecond
    path, _, query = target.partition(b"?")
    return _form(target) or _escapes(path, query) or _dots(path)


def _form(target: bytes) -> str | None:
    if not target.startswith(b"/"):
        return "the request target must be a path on this host, like /api/v3/…"
    if not VISIBLE.fullmatch(target):
        return "the request target holds bytes that must be %-escaped"
    if b"\\" in target or b"#" in target:
        return "the request target holds a backslash or a fragment"
    return None


def _escapes(path: bytes, query: bytes) -> str | None:
    if b"%00" in path or b"%00" in query:
        return "the request target holds %00"
    if BROKEN_ESCAPE.search(path):
        return "the path holds a broken %-escape"
    return None


def _dots(path: bytes) -> str | None:
    """Dot segments, also those that only appear after decoding or before a `;`."""
    for segment in SEPARATOR.split(unquote_to_bytes(path)):
        if segment.partition(b";")[0] in (b".", b".."):
            return "the path holds a dot segment"
    return None
