"""Who is calling: from request headers to a key that may call. Pure."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from proxy.directory import REVOKED, Directory, Key
from proxy.errors import InvalidKey
from proxy.keys import (
    bare_key,
    checksum_ok,
    digest,
    fingerprint,
    is_farebox,
    possible_keys,
)

OWN_ID = "own_"  # what the id of an own key begins with; its fingerprint follows
_NOT_LET_IN = "Own GPT Proto keys are not let in here; ask for a Farebox key."
# Where own keys are let in, a guess at the admin token is one. Where not, nobody hears that it is.
_ADMINS = "This is the admin token; calls need a key."
PUBLIC_AT = slice(6, 14)  # of sk-fb-<8 public>-<secret>


class UnknownKey(InvalidKey):
    """A whole Farebox key that nobody knows: it may just have been made."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller that may call: its key, and its own secret where it brought one."""

    key: Key
    own_secret: str | None = None  # in memory only, and only for the call
    unseen: bool = False  # an own key that the ledger does not hold yet


@dataclass
class Purse:
    """The GPT Proto keys that pay for Farebox keys: the shared one, and those that keys name."""

    shared: str | None
    environ: Mapping[str, str]
    directory: Callable[[], Directory]
    _counted: Directory | None = None
    _digests: tuple[bytes, ...] = ()

    def pays(self, key: Key) -> str | None:
        """Return the GPT Proto key that pays for a Farebox key; None if there is none."""
        named = key.upstream_key_env
        return (self.environ.get(named) if named else self.shared) or None

    def holds(self, key_digest: bytes) -> bool:
        """Say whether a key is one of these, by its digest."""
        directory = self.directory()
        if directory is not self._counted:
            named = {key.upstream_key_env for key in directory.keys.values()}
            found = {self.shared, *map(self.environ.get, named)}
            self._digests = tuple(digest(secret) for secret in found if secret)
            self._counted = directory
        return any(hmac.compare_digest(key_digest, each) for each in self._digests)


@dataclass(frozen=True, slots=True)
class Door:
    """The rules of who is let in."""

    own_keys: str  # accept, adopted or refuse
    admin_digest: bytes
    purse: Purse

    def identify(
        self, headers: Sequence[tuple[bytes, bytes]], directory: Directory, now_us: int
    ) -> Caller:
        """Find the key that a request carries.

        Raises:
            UnknownKey: a whole Farebox key that is not in the directory.
            InvalidKey: missing, unknown, revoked, expired, bad checksum, two keys, or a secret
                that opens something else (the admin token, an upstream key).
        """
        bare = bare_key(headers)
        key_digest = digest(bare)
        brought = [digest(each) for each in possible_keys(headers)]
        if self._is_admin(brought):
            raise InvalidKey(_ADMINS if self.own_keys == "accept" else _NOT_LET_IN)
        if is_farebox(bare):
            return Caller(_farebox(bare, key_digest, directory, now_us))
        caller = self._own(bare, key_digest, directory, now_us)
        # Whoever adopted a key may have adopted one that pays here, too.
        if not caller.key.adopted and any(map(self.purse.holds, brought)):
            raise InvalidKey("Two different API keys in one call.")
        return caller

    def guards(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Say whether any header of a key carries a secret of this Farebox's own."""
        brought = [digest(each) for each in possible_keys(headers)]
        return self._is_admin(brought) or any(map(self.purse.holds, brought))

    def takes_own(self, *, adopted: bool) -> bool:
        """Say whether callers' own keys are let in, the adopted ones or the others."""
        return self.own_keys == "accept" or (adopted and self.own_keys == "adopted")

    def _is_admin(self, brought: Sequence[bytes]) -> bool:
        return any(hmac.compare_digest(each, self.admin_digest) for each in brought)

    def _own(self, bare: str, key_digest: bytes, directory: Directory, now_us: int) -> Caller:
        mark = fingerprint(bare)
        key = directory.by_fingerprint.get(mark)
        adopted = key is not None and key.adopted
        if not adopted and self.purse.holds(key_digest):
            raise InvalidKey("This is an upstream key of this Farebox; ask for a key of your own.")
        if not self.takes_own(adopted=adopted):
            raise InvalidKey(_NOT_LET_IN)
        if key is None:
            return Caller(unseen_key(mark), bare, unseen=True)
        return Caller(_valid(key, now_us), bare)


def unseen_key(mark: str) -> Key:
    """Stand in for an own key that the upstream has not answered yet."""
    return Key(f"{OWN_ID}{mark}", f"own-{mark}", own=True, fingerprint=mark)


def _farebox(bare: str, key_digest: bytes, directory: Directory, now_us: int) -> Key:
    key = directory.by_public.get(bare[PUBLIC_AT])
    if key is None:
        raise _unknown(bare)
    if hmac.compare_digest(key_digest, key.digest):
        return _valid(key, now_us)
    in_grace = now_us < key.old_until_us
    if in_grace and hmac.compare_digest(key_digest, key.old_digest):
        return _valid(key, now_us)
    raise _unknown(bare)


def _unknown(bare: str) -> InvalidKey:
    """Refuse a key; one that was never ours, or not copied whole, is told apart."""
    return (
        UnknownKey() if checksum_ok(bare) else InvalidKey("This key is not whole: copy it again.")
    )


def _valid(key: Key, now_us: int) -> Key:
    if key.state == REVOKED:
        raise InvalidKey("This API key was revoked.")
    if key.expired(now_us):
        raise InvalidKey("This API key has expired.")
    return key
