"""Whose call is it: secrets, their checksums, and the one key that a request carries.

A key is known by its SHA-256. What identifies a caller's own GPT Proto key is the first 16 hex
digits of it; neither secret is ever stored.
"""

import re
import secrets
import string
import zlib
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from proxy.errors import InvalidKey

PREFIX: Final = "sk-fb-"
BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
PUBLIC_CHARS: Final = 8
RANDOM_CHARS: Final = 32  # 190 bits; the interface asks for 160
CHECK_CHARS: Final = 6

# Also the pattern for secret scanners.
FAREBOX_KEY: Final = re.compile(r"sk-fb-[0-9A-Za-z]{8}-[0-9A-Za-z]{38}")
_BEARER: Final = re.compile(rb"bearer(?:[ \t]+|$)", re.IGNORECASE)
_BARE: Final = re.compile(rb"[\x21-\x7e]+")
_KEY_HEADERS: Final = frozenset({b"authorization", b"x-api-key"})
# Also what only the upstream reads. The edge lowers names.
_CREDENTIALS: Final = _KEY_HEADERS | {b"x-goog-api-key"}
_UNPRINTED: Final = re.compile(rb"[^\x21-\x7e]+")
_ROUND_A_KEY: Final = b",;:=\"'<>()[]"
_LISTED: Final = re.compile(rb"[%b]+" % re.escape(_ROUND_A_KEY))


class NewKey(NamedTuple):
    """A key just made: the secret for its owner, the public part for lists, the digest for us."""

    secret: str
    public: str
    digest: bytes


def new_key() -> NewKey:
    """Make a Farebox key; the secret is shown once and kept nowhere."""
    public = _random(PUBLIC_CHARS)
    unsigned = f"{PREFIX}{public}-{_random(RANDOM_CHARS)}"
    secret = unsigned + _checksum(unsigned)
    return NewKey(secret, public, digest(secret))


def is_farebox(bare: str) -> bool:
    """Say whether a key claims to be one of ours; such a key is never sent upstream."""
    return bare.startswith(PREFIX)


def checksum_ok(bare: str) -> bool:
    """Say whether a key could be ours, without asking the database."""
    if not FAREBOX_KEY.fullmatch(bare):
        return False
    return _checksum(bare[:-CHECK_CHARS]) == bare[-CHECK_CHARS:]


def digest(bare: str) -> bytes:
    """Return the 32 bytes that we store of a key and look it up by."""
    return sha256(bare.encode()).digest()


def fingerprint(bare: str) -> str:
    """Return the 16 hex digits that name a caller's own key."""
    return digest(bare).hex()[:16]


def bare_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the one key of a request, or raise `InvalidKey`.

    `Authorization: <key>`, `Authorization: Bearer <key>` and `x-api-key: <key>` name the same
    key; the same key twice is fine, two different ones are not.
    """
    found = set()
    for name, value in headers:
        if (lowered := name.lower()) in _KEY_HEADERS and (bare := _bare(lowered, value)):
            found.add(bare)
    if not found:
        raise InvalidKey("No API key: send it in Authorization or x-api-key.")
    if len(found) > 1:
        raise InvalidKey("Two different API keys in one call.")
    return found.pop()


def _bare(name: bytes, value: bytes) -> str:
    value = value.strip(b" \t")
    if name == b"authorization" and (scheme := _BEARER.match(value)):
        value = value[scheme.end() :]
    if value and not _BARE.fullmatch(value):
        raise InvalidKey("This is not the form of an API key.")
    return value.decode("ascii")


def possible_keys(headers: Iterable[tuple[bytes, bytes]]) -> set[str]:
    """Return whatever a reader more forgiving than `bare_key` might take for a request's key.

    Every printable run in a header that may carry one, with what lists and quotes put around it
    and without.
    """
    found = set()
    for name, value in headers:
        if name in _CREDENTIALS:
            for run in _UNPRINTED.split(value):
                found |= {run, run.strip(_ROUND_A_KEY), *_LISTED.split(run)}
    return {each.decode("ascii") for each in found if each}


def _random(chars: int) -> str:
    return "".join(secrets.choice(BASE62) for _ in range(chars))


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECK_CHARS):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits
