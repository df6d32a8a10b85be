"""A POST under an `Idempotency-Key`: done once within a day; a repeat changes nothing.

What tells a secret cannot be told again, since the secret is kept nowhere: its repeat is a 409
that names what was done. What tells none is told again as it was.
"""

import hashlib
import json
from typing import Final

from starlette.requests import Request

from proxy.admin.refusals import AlreadyDone
from proxy.admin.shown import KeyShown
from proxy.errors import BadRequest
from proxy.headers import IDEMPOTENCY_CHARS_MAX
from proxy.instants import instant
from proxy.ledger.once import DoneBefore, Once
from proxy.ledger.registry import Made

HEADER: Final = "idempotency-key"


def once_of(request: Request, body: bytes) -> Once | None:
    """Read the header and what it is to be held against; None if a repeat may be done again.

    Raises:
        BadRequest: there are two, or it is empty, too long or not printable.
    """
    sent = request.headers.getlist(HEADER)
    if not sent:
        return None
    key = sent[0].strip()
    if len(sent) > 1 or not 0 < len(key) <= IDEMPOTENCY_CHARS_MAX or not key.isprintable():
        raise BadRequest(
            f"'Idempotency-Key': one of 1 to {IDEMPOTENCY_CHARS_MAX} printable characters.",
            {"member": "Idempotency-Key"},
        )
    target = f"{request.method} {request.scope['path']}\n"
    return Once(key, hashlib.sha256(target.encode() + body).hexdigest())


def without_secret(did: str, made: Made) -> bytes:
    """Keep of an answer what a repeat is told: what was done to which key."""
    return json.dumps({"did": did, "key": made.key.name, "key_id": made.key.id}).encode()


def whole(shown: KeyShown) -> bytes:
    """Keep an answer that a repeat gets as it was."""
    kept = {"answer": shown.model_dump_json(), "version": shown.version}
    return json.dumps(kept).encode()


def told_again(before: DoneBefore) -> tuple[bytes, int]:
    """Return the first answer and its version.

    Raises:
        AlreadyDone: it held a secret, which is kept nowhere.
    """
    kept = json.loads(before.told)
    if "answer" in kept:
        return kept["answer"].encode(), kept["version"]
    raise AlreadyDone(**kept, at=instant(before.at_us).isoformat(timespec="seconds"))
