"""Which headers cross, and which stop here (interface, section 4).

Names are compared in lower case and kept as sent, in their order. Host and Content-Length of a
request are the upstream client's to write, so they stop here too.

What crosses depends on the names and on what Connection says, and nearly every call of a client
has the same: it is planned once for each set of names.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from proxy import keys
from proxy.errors import BadRequest, shown

Header = tuple[bytes, bytes]
Spelling = Literal["mirror", "raw", "bearer"]

SESSION_COOKIE: Final = b"farebox_session"

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Expect stops because its 100 was given when we read the body.
_STOPPED: Final = HOP_BY_HOP | {b"host", b"content-length", b"idempotency-key", b"expect"}
_KEYS: Final = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key"})
# What describes a body byte by byte is wrong once a poll URL in it was swapped.
_OF_THE_BYTES: Final = frozenset(
    {b"content-length", b"content-md5", b"digest", b"content-digest", b"repr-digest", b"etag"}
)
_ENCODING: Final = b"accept-encoding"
_OURS: Final = b"x-farebox-"
_TAG: Final = b"x-farebox-tag-"
_FAREBOX_KEY: Final = keys.PREFIX.encode()
_SCHEME: Final = re.compile(rb"bearer[ \t]+", re.IGNORECASE)

TAG_CHARS_MAX: Final = 128
TAGS_NAMED_MAX: Final = 10  # in a refusal
IDEMPOTENCY_CHARS_MAX: Final = 255


def forwarded(
    headers: Sequence[Header],
    *,
    drop_key: bool,
    upstream_key: str | None = None,
    spelling: Spelling = "mirror",
    identity: bool = True,
) -> list[Header]:
    """Return the request headers that the upstream sees.

    With `drop_key` (a Farebox key) every spelling of a key stops, and `upstream_key` goes out in
    the place of the first: spelled as `FAREBOX_UPSTREAM_AUTH` says, raw if it came as x-api-key.
    Without it a caller's own key goes as sent, and a Farebox key still stops. `identity` asks
    for an answer that can be read.
    """
    credential = _credential(headers, upstream_key, spelling) if drop_key else []
    kept: list[Header] = []
    for at, kind in _going(*_outline(headers)):
        header = headers[at]
        if kind is _PLAIN:
            kept.append(header)
        elif kind is _KEY:
            kept += credential if drop_key else _own_key(header)
            credential = []
        elif kind is _COOKIE:
            kept += _without_session(header)
        elif not identity:
            kept.append(header)
    kept += credential
    return [*kept, (_ENCODING, b"identity")] if identity else kept


def returned(headers: Sequence[Header], *, rewritten: bool = False) -> list[Header]:
    """Return the upstream's response headers that the caller sees.

    `x-farebox-*` and our session cookie are ours alone to set. `rewritten`: a poll URL in the
    body was or may be swapped, so its length and digests no longer hold.
    """
    kept = []
    for at, kind in _coming(*_outline(headers)):
        header = headers[at]
        if (
            kind is _PLAIN
            or (kind is _COOKIE and not _is_session(header[1]))
            or (kind is _OF_BYTES and not rewritten)
        ):
            kept.append(header)
    return kept


# What to look at when a header crosses.
_PLAIN, _KEY, _COOKIE, _ASKING, _OF_BYTES = "plain", "key", "cookie", "asking", "of bytes"
_KNOWN_MAX: Final = 256  # sets of names, of 32 KiB at the very most, from callers that were let in

Plan = tuple[tuple[int, str], ...]  # the headers that may cross, by place


def _outline(headers: Sequence[Header]) -> tuple[tuple[bytes, ...], bytes]:
    """Return the names as sent, and what Connection says."""
    names = tuple([name for name, _ in headers])
    return names, b",".join([headers[at][1] for at in _connections(names)])


@lru_cache(maxsize=_KNOWN_MAX)
def _connections(names: tuple[bytes, ...]) -> tuple[int, ...]:
    return tuple(at for at, name in enumerate(names) if name.lower() == b"connection")


@lru_cache(maxsize=_KNOWN_MAX)
def _going(names: tuple[bytes, ...], connection: bytes) -> Plan:
    """Plan what of a request goes out."""
    kinds = dict.fromkeys(_KEYS, _KEY) | {b"cookie": _COOKIE, _ENCODING: _ASKING}
    return _planned(names, _STOPPED | _named(connection), kinds)


@lru_cache(maxsize=_KNOWN_MAX)
def _coming(names: tuple[bytes, ...], connection: bytes) -> Plan:
    """Plan what of an answer comes back."""
    kinds = dict.fromkeys(_OF_THE_BYTES, _OF_BYTES) | {b"set-cookie": _COOKIE}
    return _planned(names, HOP_BY_HOP | _named(connection), kinds)


def _planned(
    names: Sequence[bytes], stopped: Collection[bytes], kinds: Mapping[bytes, str]
) -> Plan:
    lowered = [(at, name.lower()) for at, name in enumerate(names)]
    return tuple(
        (at, kinds.get(name, _PLAIN))
        for at, name in lowered
        if name not in stopped and not name.startswith(_OURS)
    )


def _named(connection: bytes) -> frozenset[bytes]:
    """Return the names that Connection makes hop-by-hop for this message."""
    return frozenset(token.strip(b" \t").lower() for token in connection.split(b","))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks of Farebox itself."""

    tags: dict[str, str] = field(default_factory=dict)
    dry_run: bool = False
    idempotency_key: str | None = None


_NOTHING: Final = Asked()


@lru_cache(maxsize=_KNOWN_MAX)
def _for_us(names: tuple[bytes, ...]) -> tuple[tuple[int, bytes], ...]:
    """Find the headers that speak to us, by place."""
    lowered = [(at, name.lower()) for at, name in enumerate(names)]
    return tuple(
        (at, name) for at, name in lowered if name == b"idempotency-key" or name.startswith(_OURS)
    )


def read_farebox_headers(headers: Sequence[Header], declared_tags: Collection[str]) -> Asked:
    """Read the headers meant for us, or raise `BadRequest` for any that we do not know.

    A tag is at most 128 printable characters, an Idempotency-Key at most 255; each comes once.
    """
    found: dict[bytes, bytes] = {}
    for at, name in _for_us(tuple([name for name, _ in headers])):
        if name in found:
            raise BadRequest(f"The header {_quoted(name)} stands twice.")
        found[name] = headers[at][1]
    if not found:
        return _NOTHING
    key = found.pop(b"idempotency-key", None)
    dry_run = found.pop(b"x-farebox-dry-run", b"0")
    return Asked(
        _tags(found, declared_tags),
        dry_run.strip().lower() not in {b"0", b"false"},
        None if key is None else _text(b"idempotency-key", key, IDEMPOTENCY_CHARS_MAX),
    )


def tags_text(of_key: Mapping[str, str], of_call: Mapping[str, str]) -> str:
    """Write the tags of a charge down: those of its key, overruled by those of the call."""
    if not of_key and not of_call:
        return "{}"
    return json.dumps({**of_key, **of_call}, sort_keys=True, separators=(",", ":"))


def _own_key(header: Header) -> list[Header]:
    return [] if _FAREBOX_KEY in header[1] else [header]


def _credential(headers: Iterable[Header], key: str | None, spelling: Spelling) -> list[Header]:
    """Return the header that carries our key: none, if no key is to go out."""
    if key is None:
        return []
    for name, value in headers:
        if name.lower() == b"authorization" and value.strip():
            return [(name, _scheme(value, spelling) + key.encode())]
    return [(b"authorization", key.encode())]


def _scheme(sent: bytes, spelling: Spelling) -> bytes:
    """Return what stands before the key in Authorization, blanks and case as sent or as set."""
    if spelling == "mirror":
        found = _SCHEME.match(sent)
        return found[0] if found else b""
    return b"Bearer " if spelling == "bearer" else b""


def _is_session(pair: bytes) -> bool:
    """Say whether a cookie is our page's; one without `=` is a value that has no name."""
    name, equals, _ = pair.partition(b"=")
    return equals == b"=" and name.strip() == SESSION_COOKIE


def _without_session(header: Header) -> list[Header]:
    """Return a Cookie header as sent unless it holds our page's session, else without that."""
    name, value = header
    if SESSION_COOKIE not in value:
        return [header]
    rest = [pair for pair in value.split(b";") if not _is_session(pair)]
    return [(name, b";".join(rest).strip())] if any(pair.strip() for pair in rest) else []


def _tags(found: dict[bytes, bytes], declared: Collection[str]) -> dict[str, str]:
    names = {_TAG + tag.lower().encode(): tag for tag in declared}
    for name in found:
        if name not in names:
            why = f" {_declared(declared)}" if name.startswith(_TAG) else ""
            raise BadRequest(f"The header {_quoted(name)} is not one that Farebox knows.{why}")
    return {names[name]: _text(name, value, TAG_CHARS_MAX) for name, value in found.items()}


def _declared(tags: Collection[str]) -> str:
    named = ", ".join(sorted(tags)[:TAGS_NAMED_MAX])
    more = f" and {len(tags) - TAGS_NAMED_MAX} more" if len(tags) > TAGS_NAMED_MAX else ""
    return f"FAREBOX_TAGS declares {named or 'none'}{more}."


def _text(name: bytes, value: bytes, chars_max: int) -> str:
    """Return a header's text, or raise `BadRequest` if it is not short and printable."""
    try:
        text = value.strip().decode()
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > chars_max or not text.isprintable():
        raise BadRequest(f"{_quoted(name)} must be 1 to {chars_max} printable characters.")
    return text


def _quoted(name: bytes) -> str:
    return f"'{shown(name.decode('latin-1'))}'"
