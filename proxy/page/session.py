"""Who is logged in: a signed cookie, so that every worker and node knows it without asking. Pure.

The signing key is made from the admin token: a new token ends every session.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from proxy.directory import REVOKED, Directory, Key
from proxy.door import OWN_ID, Door, unseen_key

COOKIE: Final = "farebox_session"
LIFE_S: Final = 12 * 3600
ADMIN: Final = "admin"
NOBODY: Final = "nobody"  # not logged in yet: the login form wants protection too
_PARTS: Final = 5
_CSRF_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One login: the admin, the id of a key, or nobody; good until `until_s` (1970, UTC)."""

    who: str
    until_s: int
    nonce: str
    stamp: str = ""  # of the key's secret: a rotated key has to log in again

    @property
    def is_admin(self) -> bool:
        """Whether the admin token was shown."""
        return self.who == ADMIN

    def key(self, directory: Directory, door: Door, now_us: int) -> Key | None:
        """Find the key that is logged in, if it could still call."""
        key = directory.keys.get(self.who) or _unseen(self.who)
        if key is not None and key.own and not door.takes_own(adopted=key.adopted):
            return None
        if key is None or key.state == REVOKED or stamp_of(key) != self.stamp:
            return None
        return None if key.expired(now_us) else key


def _unseen(who: str) -> Key | None:
    """Read an own key out of its id: nothing else is kept of it before the upstream answers it."""
    return unseen_key(who.removeprefix(OWN_ID)) if who.startswith(OWN_ID) else None


def stamp_of(key: Key) -> str:
    """Mark a key's present secret without telling anything of it."""
    return sha256(b"stamp:" + key.digest + key.fingerprint.encode()).hexdigest()[:16]


def begin(who: str, now_s: int, *, stamp: str = "") -> Session:
    """Start a session; its nonce is new at every login, so none can be fixed beforehand."""
    return Session(who, now_s + LIFE_S, secrets.token_urlsafe(18), stamp)


@dataclass(frozen=True, slots=True)
class Signer:
    """Writes and reads session cookies, and the marks that forms carry."""

    admin_token: str

    def cookie(self, session: Session) -> str:
        """Write a session down, signed."""
        text = f"{session.who}.{session.until_s}.{session.stamp}.{session.nonce}"
        return f"{text}.{self._mark('session', text)}"

    def read(self, cookie: str, now_s: int) -> Session | None:
        """Read a cookie; None where it is not ours, was changed, or is too old."""
        text, _, mark = cookie.rpartition(".")
        if not hmac.compare_digest(mark.encode(), self._mark("session", text).encode()):
            return None
        parts = text.split(".")
        if len(parts) != _PARTS - 1 or not parts[1].isdecimal() or int(parts[1]) <= now_s:
            return None
        return Session(parts[0], int(parts[1]), parts[3], parts[2])

    def csrf(self, session: Session) -> str:
        """Make what every form of this session carries."""
        return self._mark("csrf", session.nonce)[:_CSRF_CHARS]

    def is_ours(self, session: Session, sent: str) -> bool:
        """Say whether a form was made for this session."""
        return hmac.compare_digest(self.csrf(session).encode(), sent.encode())

    def _mark(self, purpose: str, text: str) -> str:
        key = hmac.digest(self.admin_token.encode(), b"farebox page:" + purpose.encode(), "sha256")
        made = hmac.digest(key, text.encode(), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")
