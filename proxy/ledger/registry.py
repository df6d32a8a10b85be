"""Keys, teams and the audit: changes that run inside `Store.transact`."""

import json
import secrets
import string
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.budget import Zone, day_at, resets_us
from proxy.directory import ACTIVE, PAUSED, REVOKED, Key, Team
from proxy.keys import new_key
from proxy.ledger.rows import latest_day
from proxy.ledger.store import Store

# What of a key may be set, and how its column is called where the two differ.
SETTABLE = frozenset({
    "name", "team", "daily_micros", "monthly_micros", "models", "max_price_micros", "expires_us",
    "shadow", "tags", "upstream_key_env", "state", "topup_day", "topup_micros", "adopted",
    "timezone",
})  # fmt: skip
Versions = Collection[int] | None  # those that were read; None for any
_BASE36 = string.digits + string.ascii_lowercase


class Missing(LookupError):
    """There is no key or team of this name or id."""


class Taken(ValueError):
    """Another key has this name."""


class Stale(ValueError):
    """Somebody else changed it since it was read."""


def as_read(what: str, version: int, versions: Versions) -> None:
    """Raise `Stale` unless a thing is still at one of the versions that were read."""
    if versions is not None and version not in versions:
        named = " or ".join(map(str, sorted(versions)[:3]))
        raise Stale(f"{what} is at version {version}, not {named}")


@dataclass(frozen=True, slots=True)
class Made:
    """A new or rotated key, and its secret, shown this once."""

    key: Key
    secret: str


def find(store: Store, name: str) -> Key:
    """Find a key by name or id.

    Raises:
        Missing: there is none.
    """
    keys = store.directory.keys
    if name in keys:
        return keys[name]
    for key in keys.values():
        if key.name == name or (key.own and key.fingerprint == name):
            return key
    raise Missing(f"no key '{name}'")


def create_key(name: str, *, actor: str, **facts: Any) -> Callable[[Store], Made]:
    """Make a Farebox key; `facts` are of `SETTABLE`."""

    def change(store: Store) -> Made:
        _free(store, name)
        made = new_key()
        key_id = "key_" + "".join(secrets.choice(_BASE36) for _ in range(14))
        _insert(store, key_id, name, public=made.public, digest=made.digest)
        _write(store, key_id, facts)
        key = store.refresh().keys[key_id]
        audit(store, actor, "key.create", key.name, "", key)
        return Made(key, made.secret)

    return change


def keep_own(fingerprint: str) -> Callable[[Store], Key]:
    """Keep a caller's own key that the upstream did not turn away, and what it bought so far."""

    def change(store: Store) -> Key:
        key_id = own_id(fingerprint)
        if (known := store.directory.keys.get(key_id)) is not None:
            return known
        _insert(store, key_id, f"own-{fingerprint}", own=1, fingerprint=fingerprint)
        store.session.run(
            "UPDATE charges SET provisional=0 WHERE key_id=? AND provisional=1", (key_id,)
        )
        return store.refresh().keys[key_id]

    return change


def adopt(fingerprint: str, *, name: str, actor: str, **facts: Any) -> Callable[[Store], Key]:
    """Name a caller's own key and give it a budget; what it spent today stays spent."""

    def change(store: Store) -> Key:
        known = keep_own(fingerprint)(store)
        if known.name != name:
            _free(store, name)
        _write(store, known.id, {**facts, "name": name, "adopted": 1})
        key = store.refresh().keys[known.id]
        audit(store, actor, "key.adopt", key.name, known, key)
        return key

    return change


def own_id(fingerprint: str) -> str:
    """Name the row of a caller's own key."""
    return f"own_{fingerprint}"


def set_key(
    name: str,
    facts: Mapping[str, Any],
    *,
    actor: str,
    why: str = "",
    action: str = "key.set",
) -> Callable[[Store], Key]:
    """Change a key.

    Raises:
        Missing, Taken: see each.
    """

    def change(store: Store) -> Key:
        before = find(store, name)
        if before.state == REVOKED and facts.get("state", REVOKED) != REVOKED:
            raise Missing(f"key '{before.name}' was revoked, for good")
        if (wanted := facts.get("name", before.name)) != before.name:
            _free(store, wanted)
        _write(store, before.id, facts)
        after = store.refresh().keys[before.id]
        audit(store, actor, action, after.name, before, after, why)
        return after

    return change


def rotate(name: str, *, actor: str, grace_us: int = 0) -> Callable[[Store], Made]:
    """Give a key of ours, else raise `Missing`, a new secret; the old one ends in `grace_us`."""

    def change(store: Store) -> Made:
        before = find(store, name)
        if before.own:
            raise Missing(f"'{name}' is a caller's own key: only its owner can rotate it")
        made = new_key()
        until = store.session.now_us() + grace_us if grace_us else 0
        _touch(
            store,
            before.id,
            "public=?,digest=?,old_digest=?,old_until_us=?,old_public=?",
            (made.public, made.digest, before.digest, until, before.public),
        )
        after = store.refresh().keys[before.id]
        audit(store, actor, "key.rotate", after.name, before, after)
        return Made(after, made.secret)

    return change


def pause(name: str, *, actor: str, why: str = "") -> Callable[[Store], Key]:
    """Refuse a key's submits until it is resumed; polls go on."""
    return set_key(name, {"state": PAUSED}, actor=actor, why=why, action="key.pause")


def resume(name: str, *, actor: str, why: str = "") -> Callable[[Store], Key]:
    """Admit a paused key again."""
    return set_key(name, {"state": ACTIVE}, actor=actor, why=why, action="key.resume")


def revoke(name: str, *, actor: str, why: str = "") -> Callable[[Store], Key]:
    """Turn a key away for good; what it has in flight is still settled."""
    return set_key(name, {"state": REVOKED}, actor=actor, why=why, action="key.revoke")


def top_up(name: str, micros: int, *, actor: str) -> Callable[[Store], Key]:
    """Add to a key's limit for its running day."""

    def change(store: Store) -> Key:
        key = find(store, name)
        latest = latest_day(store.session, f"key:{key.id}")
        day = day_at(store.session.now_us(), store.directory.zone_of(key), latest=latest)
        already = key.topup_micros if key.topup_day == day else 0
        facts = {"topup_day": day, "topup_micros": already + micros}
        return set_key(name, facts, actor=actor, action="key.top-up")(store)

    return change


def set_team(
    name: str, facts: Mapping[str, Any], *, actor: str, why: str = "", versions: Versions = None
) -> Callable[[Store], Team]:
    """Set a team's limits or state (`daily_micros`, `monthly_micros`, `state`)."""

    def change(store: Store) -> Team:
        before = store.directory.teams.get(name)
        known = before.version if before is not None else 0  # as a team that is only named
        as_read(f"team '{name}'", known, versions)
        now = store.session.now_us()
        store.session.run(
            "INSERT INTO teams(name,state,created_us,revision,version) VALUES(?,?,?,0,0)"
            " ON CONFLICT DO NOTHING",
            (name, ACTIVE, now),
        )
        for column in ("daily_micros", "monthly_micros", "state"):
            if column in facts:
                store.session.run(
                    f"UPDATE teams SET {column}=? WHERE name=?",  # noqa: S608
                    (facts[column], name),
                )
        store.session.run(
            "UPDATE teams SET revision=?,version=version+1 WHERE name=?", (store.bump(), name)
        )
        after = store.refresh().teams[name]
        audit(store, actor, "team.set", name, before or "", after, why)
        return after

    return change


def audit(
    store: Store, actor: str, action: str, subject: str, before: Any, after: Any, why: str = ""
) -> None:
    """Note who changed what, and why. Secrets are not among the facts of a key."""
    store.session.run(
        "INSERT INTO audit(at_us,actor,action,subject,before,after,why) VALUES(?,?,?,?,?,?,?)",
        (store.session.now_us(), actor, action, subject, _facts(before), _facts(after), why),
    )
    store.bump()  # processes that keep keys or charges at hand look at them anew


def _facts(thing: Any) -> str:
    if not isinstance(thing, Key | Team):
        return str(thing)
    hidden = {"digest", "old_digest"}
    facts = {n: getattr(thing, n) for n in thing.__slots__ if n not in hidden}
    if isinstance(zone := facts.get("zone"), Zone):
        facts["zone"] = [zone.name, zone.until_us, zone.then]
    return json.dumps(facts, sort_keys=True, default=str)


def _free(store: Store, name: str) -> None:
    if store.session.rows("SELECT 1 FROM keys WHERE name=?", (name,)):
        raise Taken(f"there is a key '{name}' already")


def _insert(store: Store, key_id: str, name: str, **facts: Any) -> None:
    columns = {
        "id": key_id, "name": name, "own": 0, "adopted": 0, "public": "", "digest": b"",
        "old_digest": b"", "old_public": "", "old_until_us": 0, "fingerprint": "", "team": "",
        "topup_day": "", "topup_micros": 0, "zone": "", "models": "[]", "shadow": 0,
        "state": ACTIVE, "upstream_key_env": "", "tags": "{}",
        "created_us": store.session.now_us(), "revision": store.bump(), "version": 1, **facts,
    }  # fmt: skip
    marks = ",".join("?" * len(columns))
    store.session.run(
        f"INSERT INTO keys({','.join(columns)}) VALUES({marks})", tuple(columns.values())
    )


def _touch(store: Store, key_id: str, assignments: str, values: tuple[Any, ...]) -> None:
    store.session.run(
        f"UPDATE keys SET {assignments},revision=?,version=version+1 WHERE id=?",  # noqa: S608
        (*values, store.bump(), key_id),
    )


def _write(store: Store, key_id: str, facts: Mapping[str, Any]) -> None:
    if unknown := set(facts) - SETTABLE:
        raise ValueError(f"not a fact of a key: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = {n: v for n, v in facts.items() if n != "timezone"}
    for name in ("models", "tags"):
        if name in values:
            values[name] = json.dumps(values[name])
    if "timezone" in facts:
        values |= _zone_columns(store, key_id, facts["timezone"])
    if values:
        _touch(store, key_id, ",".join(f"{n}=?" for n in values), tuple(values.values()))


def _zone_columns(store: Store, key_id: str, wanted: str | None) -> dict[str, Any]:
    """Put a changed zone into force at the end of the key's running day."""
    key = store.directory.keys.get(key_id)
    if key is None:  # a new key has no running day
        return {"zone": wanted or "", "zone_until_us": None, "zone_then": None}
    now = store.session.now_us()
    zone = store.directory.zone_of(key)
    running = Zone(zone.at(now))
    then = wanted or store.directory.zone.at(now)
    until = resets_us(day_at(now, running), "day", running, now)
    return {"zone": running.name, "zone_until_us": until, "zone_then": then}
