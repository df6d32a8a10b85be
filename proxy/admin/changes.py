"""Changes by an operator, the same ones for the API and the command line.

Each returns what `Store.transact` runs; what must not be is checked inside, under the lock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from proxy.admin.asked import Adoption, KeyChange, NewKey, TeamFacts
from proxy.budget import EVERYTHING
from proxy.charge import State
from proxy.directory import ACTIVE, PAUSED, REVOKED, Directory, Key, Team
from proxy.instants import instant
from proxy.ledger import registry
from proxy.ledger.operation import Receipt, receipt
from proxy.ledger.outcomes import Decide
from proxy.ledger.registry import Made, Missing, Versions
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.ledger.view import View

T = TypeVar("T")
Change = Callable[[Store], T]


class Revoked(ValueError):
    """A revoked key stays revoked."""


class Impossible(ValueError):
    """What is asked contradicts itself or the clock; `member` is where, if it has a place."""

    def __init__(self, words: str, *, member: str = "") -> None:
        super().__init__(f"'{member}': {words}" if member else words)
        self.words, self.member = words, member


class StillGood(ValueError):
    """A secret from before the last rotation still works; another rotation would end it."""

    def __init__(self, key: Key) -> None:
        self.until_us = key.old_until_us
        super().__init__(
            f"key '{key.name}' was rotated already: the secret before is good until"
            f" {instant(self.until_us).isoformat(timespec='seconds')},"
            " and another rotation would end it at once"
        )


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is nearest, as the end of a sentence; empty if none is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def find(directory: Directory, name: str) -> Key:
    """Find a key by name, id or, if it is a caller's own, fingerprint.

    Raises:
        Missing: there is none; says which name is nearest.
    """
    if (key := directory.keys.get(name)) is not None:
        return key
    for key in directory.keys.values():
        if key.name == name or (key.own and key.fingerprint == name):
            return key
    raise Missing(f"no key '{name}'{nearest(name, (k.name for k in directory.keys.values()))}")


def create(asked: NewKey, *, actor: str) -> Change[Made]:
    """Make a key.

    Raises:
        Taken: another key has the name.
        Impossible: it would be expired from the start.
    """

    def change(store: Store) -> Made:
        facts = asked.facts()
        _in_the_future(store, facts)
        return registry.create_key(facts.pop("name"), actor=actor, **facts)(store)

    return change


def adopt(asked: Adoption, *, actor: str, versions: Versions = None) -> Change[Key]:
    """Name a caller's own key; what it spent stays spent.

    Raises:
        Taken, Impossible, Stale, Revoked: see each.
    """

    def change(store: Store) -> Key:
        known = store.directory.keys.get(registry.own_id(asked.fingerprint))
        version = 0 if known is None else known.version  # what is not there has none
        registry.as_read(f"own key '{asked.fingerprint}'", version, versions)
        if known is not None:
            _alive(known)
        facts = asked.facts()
        _in_the_future(store, facts)
        _goes_as_sent(asked.name, facts)
        del facts["fingerprint"]
        return registry.adopt(asked.fingerprint, name=facts.pop("name"), actor=actor, **facts)(
            store
        )

    return change


def alter(name: str, asked: KeyChange, *, actor: str, versions: Versions = None) -> Change[Key]:
    """Change what was said of a key.

    Raises:
        Missing, Taken, Stale, Revoked, Impossible: see each.
    """

    def change(store: Store) -> Key:
        key, facts = _living(store, name, versions), asked.facts()
        if key.own:
            _goes_as_sent(key.name, facts)
        return registry.set_key(key.id, facts, actor=actor)(store)

    return change


def rotate(
    name: str,
    *,
    actor: str,
    grace_s: int = 0,
    force: bool = False,
    versions: Versions = None,
) -> Change[Made]:
    """Give a key a new secret.

    Raises:
        Missing, Stale, Revoked, Impossible: see each; a caller's own key is its owner's to rotate.
        StillGood: a grace is asked for while an earlier one runs, so that two old secrets would
            have to be good; without a grace, or with `force`, the earlier one ends.
    """

    def change(store: Store) -> Made:
        key = _living(store, name, versions)
        if key.own:
            raise Impossible(f"'{key.name}' is a caller's own key: only its owner can rotate it")
        if grace_s and key.old_until_us > store.session.now_us() and not force:
            raise StillGood(key)
        return registry.rotate(key.id, actor=actor, grace_us=grace_s * 1_000_000)(store)

    return change


def put(
    name: str, state: str, *, actor: str, why: str = "", versions: Versions = None
) -> Change[Key]:
    """Put a key into a state: `active`, `paused` or, for good, `revoked`.

    Raises:
        Missing, Stale, Revoked: see each; to revoke twice is no change.
    """
    action = {ACTIVE: "key.resume", PAUSED: "key.pause", REVOKED: "key.revoke"}[state]

    def change(store: Store) -> Key:
        key = find(store.directory, name)
        if key.state == state == REVOKED:
            return key
        key = _living(store, name, versions)
        return registry.set_key(key.id, {"state": state}, actor=actor, why=why, action=action)(
            store
        )

    return change


def top_up(name: str, micros: int, *, actor: str, versions: Versions = None) -> Change[Key]:
    """Add to a key's limit for its running day.

    Raises:
        Missing, Stale, Revoked, Impossible: see each; an unlimited key needs no top-up.
    """

    def change(store: Store) -> Key:
        key = _living(store, name, versions)
        if store.directory.day_limit(key, "") is None:
            raise Impossible(f"key '{key.name}' has no daily limit to add to")
        return registry.top_up(key.id, micros, actor=actor)(store)

    return change


def set_team(name: str, asked: TeamFacts, *, actor: str, versions: Versions = None) -> Change[Team]:
    """Set a team's limits; a team not seen before is made.

    Raises:
        Stale: somebody else has changed it since it was read.
    """
    return registry.set_team(name, asked.facts(), actor=actor, versions=versions)


def put_team(
    name: str, state: str, *, actor: str, why: str = "", versions: Versions = None
) -> Change[Team]:
    """Pause or resume a team, or with `*` everything.

    Raises:
        Missing: no key is in it and nobody has set it: pausing it would stop nothing.
        Stale: somebody else has changed it since it was read.
    """

    def change(store: Store) -> Team:
        team(store.directory, name)
        facts = {"state": state}
        return registry.set_team(name, facts, actor=actor, why=why, versions=versions)(store)

    return change


def teams(directory: Directory) -> dict[str, Team]:
    """List every team: the set ones, those that keys are in, and the installation."""
    named = {key.team for key in directory.keys.values() if key.team}
    known = {name: Team(name) for name in sorted({EVERYTHING, *named})}
    return dict(sorted((known | dict(directory.teams)).items()))


def team(directory: Directory, name: str) -> Team:
    """Find a team.

    Raises:
        Missing: no key is in it and nobody has set it; says which name is nearest.
    """
    known = teams(directory)
    if name not in known:
        raise Missing(f"no team '{name}'{nearest(name, known)}")
    return known[name]


@dataclass(slots=True)
class ByHand(Decide):
    """A decision by an operator; a call that is still in flight decides itself."""

    def apply(self, view: View) -> Receipt:
        """Leave a reserved fare alone: its answer, or the end of its process, comes first."""
        fare = view.fares[self.charge_id]
        if fare.state == State.RESERVED:
            return receipt(view, fare, changed=False)
        return Decide.apply(self, view)


def refusal_of(state: str, ground: str) -> str:
    """Say why a charge could not be decided by hand."""
    if state == State.RESERVED:
        return "its call is still in flight; its answer decides it, or it becomes uncertain"
    return f"it is {state} already, on the ground '{ground}'"


def entries(session: Session, charge_id: str) -> list[Any]:
    """Read the entries of a charge, first to last."""
    return session.rows(
        "SELECT seq,kind,at_us,reserved_micros,settled_micros,images,ground,actor,why"
        " FROM entries WHERE charge_id=? ORDER BY seq",
        (charge_id,),
    )


def _living(store: Store, name: str, versions: Versions) -> Key:
    """Find a key that may be changed, as nobody else can change it before this is written."""
    key = find(store.directory, name)
    _alive(key)
    registry.as_read(f"key '{key.name}'", key.version, versions)
    return key


def _alive(key: Key) -> None:
    if key.state == REVOKED:
        raise Revoked(f"key '{key.name}' is revoked, and that is for good")


def _in_the_future(store: Store, facts: dict[str, Any]) -> None:
    expires_us = facts.get("expires_us")
    if expires_us is not None and expires_us <= store.session.now_us():
        raise Impossible("it lies in the past", member="expires_at")


def _goes_as_sent(name: str, facts: dict[str, Any]) -> None:
    if facts.get("upstream_key_env"):
        raise Impossible(
            f"'{name}' is a caller's own key, which goes as sent: no other one pays for its calls",
            member="upstream_key_env",
        )
