"""What the head of a call comes to: who calls, what is asked of us, what crosses, and who pays.

All of it follows from the headers and one revision of the directory, and a client sends the same
headers again and again, with its polls the very same. So it is worked out once and kept until the
directory changes, in memory alone: a tenth of what a poll cost.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from proxy.call import Call, Header
from proxy.clock import now_us
from proxy.directory import Directory, Key
from proxy.door import Caller, Door
from proxy.edge.exchange import FIELDS
from proxy.edge.known import Fields
from proxy.errors import UpstreamKeyMissing
from proxy.headers import Asked, forwarded, read_farebox_headers
from proxy.keys import fingerprint
from proxy.passing import Manner
from proxy.public_base import public_base
from proxy.recent import Recent
from proxy.settings import Settings

KNOWN_MAX: Final = 512  # of each generation
KNOWN_BYTES_MAX: Final = 4096  # of one head; larger ones are worked out each time


@dataclass(slots=True)
class Head:
    """What the headers of a call come to."""

    caller: Caller
    asked: Asked
    payer: str | None
    """The GPT Proto key that pays; None where there is none for this Farebox key."""
    outgoing: Sequence[Header]
    manner: Manner
    until_us: int
    """When the key expires, or a secret that was rotated out: then it is looked at again."""
    account: str = ""
    """The fingerprint of the key that pays; empty where there is none."""
    encoded: bool = False
    """Whether the body comes in a content coding, so that we cannot read it."""
    fields: bytes | None = None
    """`outgoing` as the upstream's client writes it, once it has."""

    def paid_by(self) -> str:
        """Return the GPT Proto key that pays.

        Raises:
            UpstreamKeyMissing: there is none for this Farebox key.
        """
        if self.payer is None:
            raise UpstreamKeyMissing
        return self.payer


@dataclass
class Heads:
    """Reads heads; those that come again it knows already.

    A head is found by its whole text. What is compared are hashes under a secret of this process,
    so the time that it takes tells nothing about keys.
    """

    settings: Settings
    door: Door
    directory: Callable[[], Directory]
    clock: Callable[[], int] = now_us
    _of: Directory | None = None
    _since: object = None  # one for each directory that was in force, by which notes are known
    _known: Recent[tuple[object, ...], Head] = field(default_factory=lambda: Recent(KNOWN_MAX))

    def of(self, call: Call) -> Head:
        """Read the head of a call, and note on the call whose it is.

        Raises:
            InvalidKey: it opens nothing.
            BadRequest: it asks us for what we do not know.
        """
        directory, at_us = self.directory(), self.clock()
        if directory is not self._of:
            self._of, self._since = directory, object()
            self._known.clear()
        # Whose X-Forwarded-* may be believed: then the fields alone do not say it all.
        fields = None if self.settings.trusted_proxies else call.scope.get(FIELDS)
        head = None if fields is None else self._noted(fields, at_us)
        if head is not None:
            call.comes_from(head.caller.key)
            return head
        head = self._found(call, directory, at_us)
        if fields is not None and not head.caller.unseen:
            fields.note = self._since, head
        return head

    def _noted(self, fields: Fields, at_us: int) -> Head | None:
        """Find what was noted beside fields that the edge knows, if it is still true.

        Not by the directory's revision: one that was rolled back comes again with other keys.
        """
        if fields.note is None:
            return None
        since, head = fields.note
        return head if since is self._since and at_us < head.until_us else None

    def _found(self, call: Call, directory: Directory, at_us: int) -> Head:
        """Find a head by its text, or read it."""
        sent = self._sent(call)
        head = self._known.get(sent)
        if head is not None and at_us < head.until_us:
            call.comes_from(head.caller.key)
            return head
        head = self._read(call, directory, at_us)
        if (
            not head.caller.unseen
            and sum(len(n) + len(v) for n, v in call.headers) <= KNOWN_BYTES_MAX
        ):
            self._known.put(sent, head)
        return head

    def _sent(self, call: Call) -> tuple[object, ...]:
        if not self.settings.trusted_proxies:
            return tuple(call.headers)
        host, _port = call.scope["client"] or ("", 0)
        return (host, *call.headers)  # whose X-Forwarded-* may be believed

    def _read(self, call: Call, directory: Directory, at_us: int) -> Head:
        caller = self.door.identify(call.headers, directory, at_us)
        call.comes_from(caller.key)
        asked = read_farebox_headers(call.headers, self.settings.tags)
        own = caller.own_secret is not None
        payer = caller.own_secret if own else self.door.purse.pays(caller.key)
        outgoing = forwarded(
            call.headers,
            drop_key=not own,
            upstream_key=None if own else payer,
            spelling=self.settings.upstream_auth,
        )
        secret = None if own or payer is None else payer.encode()
        manner = Manner(self._base(call, own=own), secret)
        return Head(
            caller,
            asked,
            payer,
            outgoing,
            manner,
            _looked_at_again(caller.key, at_us),
            "" if payer is None else fingerprint(payer),
            any(n == b"content-encoding" and v.lower() != b"identity" for n, v in call.headers),
        )

    def _base(self, call: Call, *, own: bool) -> str | None:
        """Name the base that poll URLs get; None where they stay as they are."""
        settings = self.settings
        if settings.poll_urls == "unchanged" or (settings.poll_urls == "auto" and own):
            return None
        return public_base(
            call.scope, public_url=settings.public_url, trusted=settings.trusted_proxies
        )


def _looked_at_again(key: Key, at_us: int) -> int:
    ends = (key.expires_us, key.old_until_us)
    return min((end for end in ends if end is not None and end > at_us), default=sys.maxsize)
