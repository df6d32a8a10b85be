"""Who may call and what binds them: keys, teams and the installation, as one snapshot. Pure.

The snapshot is replaced whole when the ledger's revision moves, so a change made on any
node is obeyed everywhere within the time of one look (half a second).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.budget import DAY, EVERYTHING, INSTALLATION, KEY, MONTH, TEAM, Budget, Zone

UNLIMITED = -1  # as stored: a limit of its own that is none
ACTIVE, PAUSED, REVOKED = "active", "paused", "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's credential. Limits in micro-USD: None the default, -1 unlimited."""

    id: str
    name: str
    own: bool = False
    adopted: bool = False
    public: str = ""
    digest: bytes = b""
    old_digest: bytes = b""
    old_public: str = ""
    old_until_us: int = 0
    fingerprint: str = ""
    team: str = ""
    daily_micros: int | None = None
    monthly_micros: int | None = None
    topup_day: str = ""
    topup_micros: int = 0
    zone: Zone | None = None
    models: tuple[str, ...] = ()
    max_price_micros: int | None = None
    expires_us: int | None = None
    shadow: bool = False
    state: str = ACTIVE
    upstream_key_env: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    created_us: int = 0

    def allows(self, model: str, resolution: str) -> bool:
        """Say whether the allow-list has a model, or the model at a resolution."""
        if not self.models:
            return True
        wanted = {model.casefold(), f"{model}@{resolution}".casefold()}
        return any(entry.casefold() in wanted for entry in self.models)

    def expired(self, now_us: int) -> bool:
        """Say whether its time is over at an instant."""
        return self.expires_us is not None and now_us >= self.expires_us


@dataclass(frozen=True, slots=True)
class Team:
    """A cap over a team's keys; the team `*` is the installation."""

    name: str
    daily_micros: int | None = None
    monthly_micros: int | None = None
    state: str = ACTIVE
    version: int = 0


@dataclass(frozen=True)
class Directory:
    """Every key and team as of one revision of the ledger."""

    revision: int
    keys: Mapping[str, Key]
    teams: Mapping[str, Team]
    zone: Zone
    default_daily_micros: int | None
    counting: frozenset[tuple[str, str]] = frozenset()  # (version, model) seen to sell n
    prices: Mapping[str, str] = field(default_factory=dict)  # each version -> digest of its text
    by_public: Mapping[str, Key] = field(default_factory=dict)
    by_fingerprint: Mapping[str, Key] = field(default_factory=dict)
    worked_out: dict[Any, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What was worked out from this revision, until the next one."""

    def zone_of(self, key: Key) -> Zone:
        """Find the zone that a key's days are counted in."""
        return key.zone or self.zone

    def day_limit(self, key: Key, day: str) -> int | None:
        """Say what a key may spend on a day, in micro-USD; None is unlimited."""
        limit = self.default_daily_micros if key.daily_micros is None else key.daily_micros
        if limit is None or limit == UNLIMITED:
            return None
        return limit + (key.topup_micros if key.topup_day == day else 0)

    def budgets(self, key: Key, key_day: str) -> tuple[Budget, ...]:
        """List every budget that a call of this key is held to, narrowest first."""
        found = list(self.own_budgets(key, key_day))
        if key.team:
            team = self.teams.get(key.team, Team(key.team))
            found += _of_team(TEAM, team)
        return (*found, *_of_team(INSTALLATION, self.teams.get(EVERYTHING, Team(EVERYTHING))))

    def own_budgets(self, key: Key, key_day: str) -> tuple[Budget, Budget]:
        """List the budgets that a key shares with nobody."""
        enforced = not key.shadow
        return (
            Budget(KEY, key.name, DAY, self.day_limit(key, key_day), enforced),
            Budget(KEY, key.name, MONTH, limited(key.monthly_micros), enforced),
        )

    def paused(self, key: Key) -> str | None:
        """Name the scope that is paused for this key, if any."""
        if key.state == PAUSED:
            return KEY
        if key.team and self.teams.get(key.team, Team("")).state == PAUSED:
            return TEAM
        if self.teams.get(EVERYTHING, Team("")).state == PAUSED:
            return INSTALLATION
        return None


def named(scope: str, key: Key) -> str:
    """Name a scope that binds a key, as its budgets are named."""
    return {KEY: key.name, TEAM: key.team}.get(scope, EVERYTHING)


def limited(limit_micros: int | None) -> int | None:
    """Read a stored limit that has no default: None and -1 are unlimited."""
    return None if limit_micros == UNLIMITED else limit_micros


def _of_team(scope: str, team: Team) -> list[Budget]:
    return [
        Budget(scope, team.name, DAY, limited(team.daily_micros)),
        Budget(scope, team.name, MONTH, limited(team.monthly_micros)),
    ]
