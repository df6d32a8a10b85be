"""A roster: keys and teams as a file says them, brought about in one transaction, idempotent.

What the file does not name stays as it is: neither keys, nor members of a key, are removed
because a line is gone.

    [teams."*"]
    daily_budget_usd = "100"

    [keys.web]
    team = "design"
    daily_budget_usd = "5"

    [keys.alice]                      # a team's own GPT Proto key
    fingerprint = "0123456789abcdef"
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from proxy.admin import changes
from proxy.admin.asked import (
    Adoption,
    Asked,
    Fingerprint,
    FreshName,
    KeyChange,
    KeyFacts,
    NewKey,
    TeamFacts,
    TeamName,
    limit_micros,
)
from proxy.admin.endpoint import bad
from proxy.admin.shown import key_facts, team_facts
from proxy.directory import Key
from proxy.ledger.registry import own_id
from proxy.ledger.store import Store

MONEY: Final = "_usd"


class NotARoster(ValueError):
    """The file cannot be read as one; says where."""


class RosterKey(KeyFacts):
    """A key of the file; with a fingerprint it is a team's own, adopted."""

    fingerprint: Fingerprint | None = None


class Roster(Asked):
    """The file as a whole."""

    teams: dict[TeamName, TeamFacts] = Field(default_factory=dict)
    keys: dict[FreshName, RosterKey] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What was done for one line of the file."""

    kind: Literal["team", "key"]
    name: str
    did: Literal["created", "adopted", "changed", "unchanged"]
    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)  # member: before, after
    secret: str = field(default="", repr=False)


def read_roster(text: str) -> Roster:
    """Read a file's text.

    Raises:
        NotARoster: it is no TOML, or holds what no key or team has.
    """
    try:
        found = tomllib.loads(text, parse_float=str)  # money never becomes a float
        return Roster.model_validate(_money_as_text(found))
    except tomllib.TOMLDecodeError as error:
        raise NotARoster(str(error)) from error
    except ValidationError as error:
        raise NotARoster(bad(error).message.rstrip(".")) from error


def _money_as_text(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    return {
        name: _value(value) if str(name).endswith(MONEY) else _money_as_text(value)
        for name, value in found.items()
    }


def _value(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def bring_about(roster: Roster, *, actor: str) -> Callable[[Store], list[Step]]:
    """Do what the file says, whole or not at all.

    Raises:
        Taken, Revoked, Impossible: a line cannot be done.
    """

    def change(store: Store) -> list[Step]:
        teams = [_team(store, name, said, actor) for name, said in roster.teams.items()]
        return [*teams, *(_key(store, name, said, actor) for name, said in roster.keys.items())]

    return change


def _team(store: Store, name: str, said: TeamFacts, actor: str) -> Step:
    before = store.directory.teams.get(name)
    keys = store.directory.keys
    if before is not None and not _differing(team_facts(before, keys), said):
        return Step("team", name, "unchanged")
    after = changes.set_team(name, said, actor=actor)(store)
    if before is None:
        return Step("team", name, "created")
    moved = _moved(team_facts(before, keys), team_facts(after, keys), said)
    return Step("team", name, "changed", moved)


def _key(store: Store, name: str, said: RosterKey, actor: str) -> Step:
    known = _known(store, name, said)
    if known is None or (known.own and not known.adopted):
        return _made(store, name, said, actor)
    facts = said.model_copy()
    if not _differing({**key_facts(known), "name": name}, facts) and known.name == name:
        return Step("key", name, "unchanged")
    wanted = {n: getattr(said, n) for n in said.model_fields_set if n != "fingerprint"}
    asked = KeyChange.model_validate({**wanted, "name": name})
    after = changes.alter(known.id, asked, actor=actor)(store)
    return Step("key", name, "changed", _moved(key_facts(known), key_facts(after), asked))


def _known(store: Store, name: str, said: RosterKey) -> Key | None:
    """Find the key of a line: an own key by its fingerprint, so that it may be renamed here."""
    keys = store.directory.keys
    if said.fingerprint is not None:
        return keys.get(own_id(said.fingerprint))
    found = next((key for key in keys.values() if key.name == name), None)
    if found is not None and found.own:
        raise changes.Impossible(f"key '{name}' is a caller's own: its line needs its fingerprint")
    return found


def _made(store: Store, name: str, said: RosterKey, actor: str) -> Step:
    wanted = {n: getattr(said, n) for n in said.model_fields_set}
    if said.fingerprint is not None:
        changes.adopt(Adoption(name=name, **wanted), actor=actor)(store)
        return Step("key", name, "adopted")
    wanted.pop("fingerprint", None)
    made = changes.create(NewKey(name=name, **wanted), actor=actor)(store)
    return Step("key", name, "created", secret=made.secret)


def _differing(now: Mapping[str, Any], said: BaseModel) -> list[str]:
    """Name the members in which what is and what was said are not the same."""
    return [
        name
        for name in said.model_fields_set
        if _same(name, now.get(name)) != _same(name, getattr(said, name))
    ]


def _same(name: str, value: Any) -> Any:
    """Bring two spellings of one value together."""
    if name.endswith(MONEY) and value is not None:
        return limit_micros(value)
    return None if value in ([], {}) else value


def _moved(
    before: Mapping[str, Any], after: Mapping[str, Any], said: BaseModel
) -> dict[str, tuple[Any, Any]]:
    return {
        name: (_plain(before[name]), _plain(after[name]))
        for name in sorted(said.model_fields_set & before.keys())
        if before[name] != after[name]
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
