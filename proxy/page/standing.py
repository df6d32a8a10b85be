"""Where every budget stands now, in one read however many keys there are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from proxy.budget import DAY, EVERYTHING, INSTALLATION, MONTH, Standing
from proxy.directory import ACTIVE, PAUSED, REVOKED, Directory, Key, Team
from proxy.instants import instant
from proxy.ledger.session import Session
from proxy.ledger.view import View, days_of, frames, standings

SCOPES_AT_ONCE: Final = 500
KEYS_SHOWN: Final = 100
IDLE_UP_TO: Final = 25  # with that many keys, those that bought nothing today are left out
EXPIRED: Final = "expired"  # of a key that is kept as active


@dataclass(frozen=True, slots=True)
class Line:
    """One scope's budgets: its day, and its month where that is limited."""

    name: str
    link: str
    day: Standing
    month: Standing | None = None
    state: str = ACTIVE
    shadow: bool = False

    @property
    def moved_micros(self) -> int:
        """Spent and held today: what lines are ordered by."""
        return self.day.settled_micros + self.day.reserved_micros


@dataclass(slots=True)
class Group:
    """A team and its keys; the keys of no team have none."""

    team: Line | None
    keys: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Board:
    """The installation, then the teams with their keys, who spends most first."""

    whole: Line
    groups: list[Group]
    hidden: int  # keys that spend least, left out
    hidden_micros: int  # what these have spent and held today


def board(directory: Directory) -> Callable[[Session], Board]:
    """Ask where every budget stands."""

    def question(session: Session) -> Board:
        view = View(session.now_us(), directory)
        keys = [k for k in directory.keys.values() if k.state != REVOKED]
        teams = sorted({k.team for k in keys if k.team} | set(directory.teams) - {EVERYTHING})
        load(session, view, keys, teams)
        lines = {key.id: key_line(view, key) for key in keys}
        ranked = sorted(keys, key=lambda k: (-lines[k.id].moved_micros, k.name))
        busy = sum(lines[k.id].moved_micros > 0 for k in keys)
        shown = ranked[: min(KEYS_SHOWN, max(IDLE_UP_TO, busy))]
        rest = sum(lines[k.id].moved_micros for k in ranked[len(shown) :])
        groups = [Group(team_line(view, name)) for name in teams]
        by_team = {g.team.name: g for g in groups if g.team is not None}
        alone = Group(None)
        for key in shown:
            by_team.get(key.team, alone).keys.append(lines[key.id])
        groups.sort(key=lambda g: -g.team.moved_micros if g.team else 0)
        found = [*groups, alone] if alone.keys else groups
        return Board(whole_line(view), found, len(ranked) - len(shown), rest)

    return question


def one(directory: Directory, key: Key) -> Callable[[Session], tuple[Standing, ...]]:
    """Ask where every budget stands that binds a key."""

    def question(session: Session) -> tuple[Standing, ...]:
        view = View(session.now_us(), directory)
        load(session, view, [key], [key.team] if key.team else [])
        return standings(view, frames(view, key, *days_of(view, key)))

    return question


def load(session: Session, view: View, keys: Iterable[Key], teams: Iterable[str]) -> None:
    """Load the balances of the days about now; in some zone each of them is today."""
    scopes = [INSTALLATION, *(f"team:{t}" for t in teams), *(f"key:{k.id}" for k in keys)]
    today = instant(view.now_us).date()
    days = [(today + timedelta(days=d)).isoformat() for d in (-1, 0, 1, 2)]
    periods = [*days, *sorted({d[:7] for d in days})]
    for first in range(0, len(scopes), SCOPES_AT_ONCE):
        some = scopes[first : first + SCOPES_AT_ONCE]
        for scope, window, period, settled, reserved in _balances(session, some, periods):
            view.balances[scope, window, period] = [int(settled), int(reserved)]
            if window == DAY:
                view.latest[scope] = max(view.latest.get(scope, ""), period)


def _balances(
    session: Session, scopes: Sequence[str], periods: Sequence[str]
) -> list[tuple[str, str, str, int, int]]:
    return session.rows(
        'SELECT scope,"window",period,settled_micros,reserved_micros FROM balances'  # noqa: S608
        f" WHERE scope IN ({_marks(scopes)}) AND \"window\" IN ('{DAY}','{MONTH}')"
        f" AND period IN ({_marks(periods)})",
        (*scopes, *periods),
    )


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def key_line(view: View, key: Key) -> Line:
    """Say where a key's own budgets stand."""
    day, month = standings(view, frames(view, key, *days_of(view, key)))[:2]
    state = state_of(view.directory, key, view.now_us)
    return Line(key.name, f"/keys/{key.id}", day, _limited(month), state, key.shadow)


def state_of(directory: Directory, key: Key, now_us: int) -> str:
    """Say in a word whether calls with a key are taken: none are but with an active one."""
    if key.state == REVOKED:
        return REVOKED
    if key.expired(now_us):
        return EXPIRED
    return PAUSED if directory.paused(key) else ACTIVE


def team_line(view: View, name: str) -> Line:
    """Say where a team's budgets stand."""
    nobody = Key("", "", team=name)
    day, month = standings(view, frames(view, nobody, *days_of(view, nobody)))[2:4]
    team = view.directory.teams.get(name, Team(name))
    return Line(name, f"/teams#team-{name}", day, _limited(month), team.state)


def whole_line(view: View) -> Line:
    """Say where the installation stands."""
    nobody = Key("", "")
    day, month = standings(view, frames(view, nobody, *days_of(view, nobody)))[-2:]
    state = view.directory.teams.get(EVERYTHING, Team(EVERYTHING)).state
    return Line("Installation", "/teams#team-all", day, _limited(month), state)


def _limited(standing: Standing) -> Standing | None:
    return None if standing.limit_micros is None else standing
