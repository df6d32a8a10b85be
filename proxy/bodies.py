"""What tells that a call was made before, without a word of what it said.

A hash under a salt that never leaves the ledger: the same call has the same one, and nobody
without the ledger can try out what it may have been.
"""

import hmac
import secrets
from typing import Final

from proxy.ledger.store import Store

SALT: Final = "body_salt"
_HEX: Final = 16


def salt(store: Store) -> bytes:
    """Read the salt of this ledger; whoever comes first makes it."""
    if store.meta(SALT) is None:
        store.session.run(
            "INSERT INTO meta(name,value) VALUES(?,?) ON CONFLICT DO NOTHING",
            (SALT, secrets.token_hex(32)),
        )
    return bytes.fromhex(store.meta(SALT) or "")


def body_hash(salted: bytes, target: bytes, body: bytes) -> str:
    """Hash a path (without its query) and a body: 16 hex digits; empty without a salt."""
    if not salted:
        return ""
    mark = hmac.new(salted, target.partition(b"?")[0] + b"\n", "sha256")
    mark.update(body)
    return mark.hexdigest()[:_HEX]
