"""Who may ask: the admin token, compared in constant time, and a back-off on guessing it."""

import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from starlette.requests import Request

from proxy.admin.refusals import Slower
from proxy.errors import InvalidKey
from proxy.public_base import Networks, is_trusted

FREE_TRIES: Final = 5
WAIT_MAX_S: Final = 60.0
ADDRESSES_MAX: Final = 4096
BEARER: Final = "bearer "


@dataclass(slots=True)
class Tries:
    """Wrong tokens from one address, and until when it has to wait."""

    wrong: int = 0
    until_s: float = 0.0


@dataclass
class Guard:
    """Lets in whoever shows the token; each wrong one after the fifth doubles the wait."""

    token: str
    trusted: Networks = ()
    clock: Callable[[], float] = time.monotonic
    _tries: OrderedDict[str, Tries] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._digest = sha256(self.token.encode()).digest()

    def check(self, request: Request) -> None:
        """Let a request pass that carries `Authorization: Bearer <admin token>`.

        Raises:
            InvalidKey: it carries none, or another one.
            Slower: its address has to wait; nothing is compared meanwhile.
        """
        sent = request.headers.get("authorization", "")
        if sent[: len(BEARER)].lower() != BEARER:
            raise InvalidKey("This needs the admin token: Authorization: Bearer <token>.")
        self.check_token(sent[len(BEARER) :].strip(), self.address(request))

    def check_token(self, token: str, address: str) -> None:
        """Let a token pass, also one from a login form.

        Raises:
            InvalidKey, Slower: as `check` does.
        """
        known = self._tries.get(address)
        if known is not None and (wait_s := known.until_s - self.clock()) > 0:
            raise Slower(math.ceil(wait_s))
        sent = sha256(token.encode("utf-8", "surrogateescape")).digest()
        if hmac.compare_digest(sent, self._digest):
            self._tries.pop(address, None)
            return
        self._wrong(address)
        raise InvalidKey("This is not the admin token.")

    def _wrong(self, address: str) -> None:
        tries = self._tries.setdefault(address, Tries())
        self._tries.move_to_end(address)
        tries.wrong += 1
        beyond = tries.wrong - FREE_TRIES
        if beyond >= 0:
            tries.until_s = self.clock() + min(2.0 ** min(beyond, 16), WAIT_MAX_S)
        while len(self._tries) > ADDRESSES_MAX:
            self._tries.popitem(last=False)

    def address(self, request: Request) -> str:
        """Name the client: of a trusted proxy, the last address it passes on that is not one."""
        peer = request.client.host if request.client else ""
        if not is_trusted(peer, self.trusted):
            return peer
        passed = [part.strip() for part in _forwarded_for(request)]
        ours = self.trusted
        return next((each for each in reversed(passed) if not is_trusted(each, ours)), peer)[:64]


def _forwarded_for(request: Request) -> Sequence[str]:
    return ",".join(request.headers.getlist("x-forwarded-for")).split(",")
