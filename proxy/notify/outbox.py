"""What is to be told: found by looking at the balances, kept until it was taken.

A row is written before anything is sent and marked after it was taken, so a restart tells again
what was perhaps not heard, and never forgets. Several workers share it: whoever finds a crossing
first keeps it, and a row is claimed before it is delivered. Of one budget and threshold the earlier
word is delivered first: what comes after it waits until it was taken, or given up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from proxy.budget import INSTALLATION, KEY, MONTH, TEAM, Standing, period_of, span_at
from proxy.directory import Directory, Key
from proxy.ledger import rows
from proxy.ledger.session import Session
from proxy.ledger.store import Store, beside
from proxy.ledger.view import View, days_of, frames, standings
from proxy.notify.rules import RAISED, Mark, Notice, Told, below, ended, news

DAY_US: Final = 86_400_000_000
CLAIM_US: Final = 60_000_000  # longer than one delivery takes
GIVE_UP_US: Final = DAY_US
KEPT_US: Final = 40 * DAY_US  # longer than any period


_PLACE = 'scope=? AND "window"=? AND period=? AND threshold=? AND round=? AND state=?'
_SPENT = (
    "SELECT scope,sum(settled_micros),sum(reserved_micros) FROM balances"
    " WHERE (\"window\"='day' AND period>=?) OR (\"window\"='month' AND period>=?) GROUP BY scope"
)
_UNRESOLVED = (
    "SELECT DISTINCT r.scope FROM notices r WHERE r.state='raised' AND NOT EXISTS (SELECT 1 FROM"
    ' notices x WHERE x.scope=r.scope AND x."window"=r."window" AND x.period=r.period'
    " AND x.threshold=r.threshold AND x.round=r.round AND x.state='resolved')"
)
_TOLD = (  # in the order in which it was told: `raised` comes before `resolved`
    'SELECT "window",period,threshold,state,round,limit_micros FROM notices WHERE scope=?'
    " ORDER BY round,state"
)
_PUT = (
    'INSERT INTO notices(scope,"window",period,threshold,round,state,body,limit_micros,created_us,'
    "tries,next_us) VALUES(?,?,?,?,?,?,?,?,?,0,0) ON CONFLICT DO NOTHING"
)
_DUE = (
    'SELECT n.scope,n."window",n.period,n.threshold,n.round,n.state,n.body,n.tries FROM notices n'
    " WHERE n.sent_us IS NULL AND n.next_us<=? AND n.created_us>? AND NOT EXISTS (SELECT 1 FROM"
    ' notices e WHERE e.scope=n.scope AND e."window"=n."window" AND e.threshold=n.threshold'
    " AND (e.period,e.round,e.state)<(n.period,n.round,n.state)"
    " AND e.sent_us IS NULL AND e.created_us>?) ORDER BY n.created_us,n.threshold LIMIT 50"
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
    since: dict[tuple[Mark, int], int] = field(default_factory=dict)  # marks in a round, below

    def wait(self, scope: str, marks: Mapping[Mark, Told], now_us: int) -> None:
        """Keep from when on marks of a scope are below; those that are not any more are dropped."""
        names = {(mark, last.round) for mark, last in marks.items()}
        kept = {name: at for name, at in self.since.items() if name[0].scope != scope}
        self.since = kept | {name: self.since.get(name, now_us) for name in names}


def look(
    directory: Directory, thresholds: Sequence[int], seen: Seen
) -> Callable[[Session], list[Notice]]:
    """Ask what is to be told that was not told yet."""

    def question(session: Session) -> list[Notice]:
        now = session.now_us()
        found: list[Notice] = []
        for scope in _moved(session, directory, seen, now):
            told = _told(session, scope)
            budgets = _standings(session, directory, scope, now)
            seen.wait(scope, _below(scope, budgets, told), now)
            for standing in budgets:
                seen.until_us = min(seen.until_us, standing.resets_us)
                found += news(scope, standing, thresholds, told, seen.since, now)
                found += _over(standing, told, now)
        return found

    return question


def _moved(session: Session, directory: Directory, seen: Seen, now: int) -> list[str]:
    """List the scopes whose money moved, or whose marks wait until it is calm.

    It is all of them when a limit or a period changed.
    """
    yesterday = span_at(now - DAY_US, directory.zone.at(now)).day
    since = (yesterday, period_of(yesterday, MONTH))
    figures = {s: (int(a), int(b)) for s, a, b in session.rows(_SPENT, since)}
    moved = {s for s, held in figures.items() if seen.figures.get(s) != held}
    if seen.revision != directory.revision or now >= seen.until_us:
        moved = figures.keys() | {scope for (scope,) in session.rows(_UNRESOLVED)}
        seen.revision, seen.until_us = directory.revision, now + DAY_US
    seen.figures = figures
    return sorted(moved | {mark.scope for mark, _ in seen.since})


def _told(session: Session, scope: str) -> dict[Mark, Told]:
    """Read the last word of every mark."""
    return {
        Mark(scope, window, period, threshold): Told(state, turn, limit)
        for window, period, threshold, state, turn, limit in session.rows(_TOLD, (scope,))
    }


def _below(scope: str, budgets: list[Standing], told: dict[Mark, Told]) -> dict[Mark, Told]:
    return {m: last for each in budgets for m, last in below(scope, each, told).items()}


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


def _over(standing: Standing, told: dict[Mark, Told], now_us: int) -> list[Notice]:
    """Find what was raised in a period that is over, and never resolved."""
    return [
        ended(mark, last, standing, now_us)
        for mark, last in sorted(told.items(), key=str)
        if last.state == RAISED
        and mark.window == standing.budget.window
        and mark.period < standing.period
    ]


def put(notices: Sequence[Notice]) -> Callable[[Store], None]:
    """Keep what is to be told; what another worker found first is left alone."""

    @beside
    def change(store: Store) -> None:
        now = store.session.now_us()
        for notice in notices:
            facts = (notice.body, notice.limit_micros, now)
            store.session.run(_PUT, (*_place(notice), *facts))
        store.session.run("DELETE FROM notices WHERE created_us<?", (now - KEPT_US,))

    return change


def due(session: Session) -> list[Due]:
    """Ask what is to be delivered now; what nobody took for a day is given up."""
    now = session.now_us()
    oldest = now - GIVE_UP_US
    return [
        Due(Notice(Mark(scope, window, period, threshold), state, body, turn), tries)
        for scope, window, period, threshold, turn, state, body, tries in session.rows(
            _DUE, (now, oldest, oldest)
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


def _place(notice: Notice) -> tuple[str, str, str, int, int, str]:
    mark = notice.mark
    place = (mark.scope, mark.window, mark.period, mark.threshold)
    return (*place, notice.round, notice.state)
