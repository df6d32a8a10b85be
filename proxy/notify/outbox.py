"""What is to be told: found by looking at the balances, kept until it was taken.

A row is written before anything is sent and marked after it was taken, so a restart tells again
what was perhaps not heard, and never forgets. Several workers share it: a row is claimed first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from proxy.budget import INSTALLATION, KEY, TEAM, Standing, span_at
from proxy.directory import Directory, Key
from proxy.ledger import rows
from proxy.ledger.session import Session
from proxy.ledger.store import Store, beside
from proxy.ledger.view import View, days_of, frames, standings
from proxy.notify.rules import RAISED, Mark, Notice, State, ended, news

DAY_US: Final = 86_400_000_000
CLAIM_US: Final = 60_000_000  # longer than one delivery takes
GIVE_UP_US: Final = DAY_US
KEPT_US: Final = 40 * DAY_US  # longer than any period


_PLACE = 'scope=? AND "window"=? AND period=? AND threshold=? AND state=?'
_SPENT = (
    "SELECT scope,sum(settled_micros),sum(reserved_micros) FROM balances"
    " WHERE \"window\"='day' AND period>=? GROUP BY scope"
)
_UNRESOLVED = (
    "SELECT DISTINCT r.scope FROM notices r WHERE r.state='raised' AND NOT EXISTS (SELECT 1 FROM"
    ' notices x WHERE x.scope=r.scope AND x."window"=r."window" AND x.period=r.period'
    " AND x.threshold=r.threshold AND x.state='resolved')"
)
_TOLD = 'SELECT "window",period,threshold,state FROM notices WHERE scope=?'
_PUT = (
    'INSERT INTO notices(scope,"window",period,threshold,state,body,created_us,tries,next_us)'
    " VALUES(?,?,?,?,?,?,?,0,0) ON CONFLICT DO NOTHING"
)
_DUE = (
    'SELECT scope,"window",period,threshold,state,body,tries FROM notices'
    " WHERE sent_us IS NULL AND next_us<=? AND created_us>? ORDER BY created_us,threshold LIMIT 50"
)
_CLAIM = (
    f"UPDATE notices SET next_us=?,tries=tries+1 WHERE {_PLACE}"  # noqa: S608
    " AND sent_us IS NULL AND next_us<=?"
)
_SENT = f"UPDATE notices SET sent_us=? WHERE {_PLACE}"  # noqa: S608
_LATER = f"UPDATE notices SET next_us=? WHERE {_PLACE}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Due:
    """A notice to be delivered, and how often that was tried."""

    notice: Notice
    tries: int


@dataclass(slots=True)
class Seen:
    """What was looked at last, so that only what has moved is looked at again."""

    revision: int = -1
    until_us: int = 0  # the first end of a period
    figures: dict[str, tuple[int, int]] = field(default_factory=dict)


def look(
    directory: Directory, thresholds: Sequence[int], seen: Seen
) -> Callable[[Session], list[Notice]]:
    """Ask what is to be told that was not told yet."""

    def question(session: Session) -> list[Notice]:
        now = session.now_us()
        found: list[Notice] = []
        for scope in _moved(session, directory, seen, now):
            told = _told(session, scope)
            for standing in _standings(session, directory, scope, now):
                seen.until_us = min(seen.until_us, standing.resets_us)
                found += news(scope, standing, thresholds, told, now)
                found += _over(standing, told, now)
        return found

    return question


def _moved(session: Session, directory: Directory, seen: Seen, now: int) -> list[str]:
    """List the scopes whose money moved; all of them when a limit or a period changed."""
    yesterday = span_at(now - DAY_US, directory.zone.at(now)).day
    figures = {s: (int(a), int(b)) for s, a, b in session.rows(_SPENT, (yesterday,))}
    moved = {s for s, held in figures.items() if seen.figures.get(s) != held}
    if seen.revision != directory.revision or now >= seen.until_us:
        moved = figures.keys() | {scope for (scope,) in session.rows(_UNRESOLVED)}
        seen.revision, seen.until_us = directory.revision, now + DAY_US
    seen.figures = figures
    return sorted(moved)


def _told(session: Session, scope: str) -> set[tuple[Mark, State]]:
    return {
        (Mark(scope, window, period, threshold), state)
        for window, period, threshold, state in session.rows(_TOLD, (scope,))
    }


def _standings(session: Session, directory: Directory, scope: str, now_us: int) -> list[Standing]:
    """Find where the budgets of one scope stand."""
    kind, _, name = scope.partition(":")
    key = directory.keys.get(name) if kind == KEY else Key("", "", team=name)
    if key is None:
        return []
    view = View(now_us, directory)
    rows.load_standing(session, view, key)
    found = standings(view, frames(view, key, *days_of(view, key)))
    wanted = {KEY: KEY, TEAM: TEAM}.get(kind, INSTALLATION)
    return [standing for standing in found if standing.budget.scope == wanted]


def _over(standing: Standing, told: set[tuple[Mark, State]], now_us: int) -> list[Notice]:
    """Find what was raised in a period that is over, and never resolved."""
    return [
        ended(mark, standing, now_us)
        for mark, state in sorted(told, key=str)
        if state == RAISED
        and mark.window == standing.budget.window
        and mark.period < standing.period
        and (mark, "resolved") not in told
    ]


def put(notices: Sequence[Notice]) -> Callable[[Store], None]:
    """Keep what is to be told; what another worker found first is left alone."""

    @beside
    def change(store: Store) -> None:
        now = store.session.now_us()
        for notice in notices:
            store.session.run(_PUT, (*_place(notice), notice.body, now))
        store.session.run("DELETE FROM notices WHERE created_us<?", (now - KEPT_US,))

    return change


def due(session: Session) -> list[Due]:
    """Ask what is to be delivered now; what nobody took for a day is given up."""
    now = session.now_us()
    return [
        Due(Notice(Mark(scope, window, period, threshold), state, body), tries)
        for scope, window, period, threshold, state, body, tries in session.rows(
            _DUE, (now, now - GIVE_UP_US)
        )
    ]


def claim(notice: Notice) -> Callable[[Store], bool]:
    """Take a notice for this worker; False if another one has it."""

    @beside
    def change(store: Store) -> bool:
        now = store.session.now_us()
        return store.session.run(_CLAIM, (now + CLAIM_US, *_place(notice), now)) == 1

    return change


def sent(notice: Notice) -> Callable[[Store], None]:
    """Note that a notice was taken."""

    @beside
    def change(store: Store) -> None:
        store.session.run(_SENT, (store.session.now_us(), *_place(notice)))

    return change


def later(notice: Notice, wait_us: int) -> Callable[[Store], None]:
    """Try a notice again after a while."""

    @beside
    def change(store: Store) -> None:
        store.session.run(_LATER, (store.session.now_us() + wait_us, *_place(notice)))

    return change


def _place(notice: Notice) -> tuple[str, str, str, int, str]:
    mark = notice.mark
    return (mark.scope, mark.window, mark.period, mark.threshold, notice.state)
