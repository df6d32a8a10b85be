"""A change by an operator under an `Idempotency-Key`: done once, however often it is asked for.

What is told of it is kept beside the answers of submits and as long, in the transaction of the
change itself: a restart, or another worker, knows of it as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from proxy.ledger import rows
from proxy.ledger.fare import KEPT_US, Kept
from proxy.ledger.store import Store

T = TypeVar("T")
CALLER: Final = "admin"  # no id of a key looks like this
_DONE: Final = 200


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is to have one effect: its Idempotency-Key, and a hash of all the rest."""

    idempotency_key: str
    request_hash: str


class DoneBefore(Exception):
    """This very request was done already; carries what was kept of its answer."""

    def __init__(self, told: bytes, at_us: int) -> None:
        super().__init__("done before")
        self.told, self.at_us = told, at_us


class OtherRequest(Exception):
    """The same Idempotency-Key came with another request."""


def once(
    asked: Once | None, change: Callable[[Store], T], told: Callable[[T], bytes]
) -> Callable[[Store], T]:
    """Do a change unless it was done before; `told` is what to keep of it, and no secret.

    Raises:
        DoneBefore, OtherRequest: see each; nothing is changed then.
    """
    if asked is None:
        return change

    def first(store: Store) -> T:
        session = store.session
        now = session.now_us()
        kept = rows.kept(session, CALLER, asked.idempotency_key)
        if kept is not None and now - kept.created_us < KEPT_US:
            if kept.request_hash != asked.request_hash:
                raise OtherRequest
            raise DoneBefore(bytes(kept.body or b""), kept.created_us)
        result = change(store)
        done = Kept(
            CALLER, asked.idempotency_key, asked.request_hash, "", _DONE, "[]", told(result), now
        )
        rows.keep(session, done)
        return result

    return first
