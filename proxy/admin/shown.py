"""What an answer says. Money is dollars with six decimals, instants are RFC 3339."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from pricing import usd
from proxy.budget import DAY, EVERYTHING, KEY, Standing
from proxy.clock import now_us
from proxy.directory import UNLIMITED, Key, Team
from proxy.instants import instant, local


class Shown(BaseModel):
    """The rules of every answer."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class KeyShown(Shown):
    """A key, without its secret."""

    id: str
    name: str
    own: bool
    adopted: bool
    prefix: str | None
    fingerprint: str
    team: str | None
    daily_budget_usd: str | None
    monthly_budget_usd: str | None
    timezone: str | None
    models: list[str]
    max_price_usd: str | None
    expires_at: datetime | None
    mode: str
    tags: dict[str, str]
    upstream_key_env: str | None
    state: str
    top_up_usd: str | None
    top_up_day: str | None
    created_at: datetime
    old_secret_until: datetime | None
    version: int


class KeyTold(KeyShown):
    """A key on its own; `warnings` say what of its allow-list no price table knows."""

    warnings: list[str]


class KeyMade(KeyTold):
    """A key with its secret, shown this once."""

    key: str


class KeyList(Shown):
    """Keys by name."""

    data: list[KeyShown]
    next_cursor: str | None


class Figures(Shown):
    """Where a budget stands; null limit and remaining are unlimited."""

    day: str
    timezone: str
    limit_usd: str | None
    spent_usd: str
    reserved_usd: str
    remaining_usd: str | None
    resets_at: datetime


class BudgetShown(Figures):
    """Where one budget stands; null limit and remaining are unlimited."""

    scope: str
    name: str
    window: str


class BudgetsShown(Figures):
    """A key's own day, as `GET /budget` tells it, and every budget of the key, limited or not."""

    key: str
    team: str | None
    mode: str
    budgets: list[BudgetShown]


class TeamShown(Shown):
    """A team; `*` is the whole installation."""

    name: str
    daily_budget_usd: str | None
    monthly_budget_usd: str | None
    state: str
    keys: int
    version: int


class TeamList(Shown):
    """Teams by name."""

    data: list[TeamShown]


def key_shown(key: Key) -> KeyShown:
    """Show a key."""
    return KeyShown(**key_facts(key))


def key_told(key: Key, warnings: list[str]) -> KeyTold:
    """Show a key on its own."""
    return KeyTold(**key_facts(key), warnings=warnings)


def key_facts(key: Key, *, at_us: int | None = None) -> dict[str, Any]:
    """Say of a key all that may be shown, as of now or of an instant."""
    return {
        "id": key.id,
        "name": key.name,
        "own": key.own,
        "adopted": key.adopted,
        "prefix": f"sk-fb-{key.public}" if key.public else None,
        "fingerprint": key.fingerprint or key.digest.hex()[:16],
        "team": key.team or None,
        **_limits(key.daily_micros, key.monthly_micros),
        "timezone": (key.zone.then or key.zone.name) if key.zone else None,
        "models": list(key.models),
        "max_price_usd": _usd(key.max_price_micros),
        "expires_at": _instant(key.expires_us),
        "mode": "shadow" if key.shadow else "enforce",
        "tags": dict(key.tags),
        "upstream_key_env": key.upstream_key_env or None,
        "state": key.state,
        "top_up_usd": _usd(key.topup_micros) if key.topup_day else None,
        "top_up_day": key.topup_day or None,
        "created_at": instant(key.created_us),
        "old_secret_until": _instant(good_until_us(key, now_us() if at_us is None else at_us)),
        "version": key.version,
    }


def good_until_us(key: Key, at_us: int) -> int | None:
    """Say until when a secret from before the last rotation is good; None if it is not."""
    return key.old_until_us if key.old_until_us > at_us else None


def team_facts(team: Team, keys: Mapping[str, Key]) -> dict[str, Any]:
    """Say of a team all that may be shown, and how many keys it has."""
    mine = (k for k in keys.values() if team.name in (EVERYTHING, k.team))
    return {
        "name": team.name,
        **_limits(team.daily_micros, team.monthly_micros),
        "state": team.state,
        "keys": sum(1 for _ in mine),
        "version": team.version,
    }


def team_shown(team: Team, keys: Mapping[str, Key]) -> TeamShown:
    """Show a team."""
    return TeamShown(**team_facts(team, keys))


def budgets_shown(key: Key, standings: Sequence[Standing]) -> BudgetsShown:
    """Show where a key's budgets stand, its own day first."""
    mine = next(s for s in standings if s.budget.scope == KEY and s.budget.window == DAY)
    return BudgetsShown(
        key=key.name,
        team=key.team or None,
        mode="shadow" if key.shadow else "enforce",
        **_figures(mine),
        budgets=[budget_shown(standing) for standing in standings],
    )


def budget_shown(standing: Standing) -> BudgetShown:
    """Show where a budget stands."""
    budget = standing.budget
    return BudgetShown(
        scope=budget.scope, name=budget.name, window=budget.window, **_figures(standing)
    )


def _figures(standing: Standing) -> dict[str, Any]:
    return {
        "day": standing.period,
        "timezone": standing.timezone,
        "limit_usd": _usd(standing.limit_micros),
        "spent_usd": usd(standing.settled_micros),
        "reserved_usd": usd(standing.reserved_micros),
        "remaining_usd": _usd(standing.remaining_micros),
        "resets_at": local(standing.resets_us, standing.timezone),
    }


def _limits(daily_micros: int | None, monthly_micros: int | None) -> dict[str, str | None]:
    return {
        "daily_budget_usd": _limit(daily_micros),
        "monthly_budget_usd": _limit(monthly_micros),
    }


def _limit(micros: int | None) -> str | None:
    return "unlimited" if micros == UNLIMITED else _usd(micros)


def _usd(micros: int | None) -> str | None:
    return None if micros is None else usd(micros)


def _instant(at_us: int | None) -> datetime | None:
    return None if at_us is None else instant(at_us)
