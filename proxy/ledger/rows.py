"""Views out of the tables and back: every statement of the hot path, written once.

Rows are always locked in the same order (charges by id, then balances by scope, window
and period), so two nodes can wait for each other but never in a circle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from operator import attrgetter
from typing import Any

from proxy.budget import DAY, INSTALLATION, MONTH, period_of
from proxy.directory import Key
from proxy.ledger.ops import Fare, Kept, Operation, View, days_of, scopes_of
from proxy.ledger.session import Session

COLUMNS = tuple(f.name for f in fields(Fare))
_CHANGING = (
    "settled_micros", "sold_images", "state", "ground", "reason", "prediction_id", "accepted_us",
    "decided_us", "due_us", "looks", "lease_owner", "lease_us", "provisional", "seq",
)  # fmt: skip
_row_of = attrgetter(*COLUMNS)
_changes_of = attrgetter(*_CHANGING, "id")


def _marks(count: int) -> str:
    return ",".join("?" * count)


_INSERT_CHARGE = f"INSERT INTO charges({','.join(COLUMNS)}) VALUES({_marks(len(COLUMNS))})"
_UPDATE_CHARGE = f"UPDATE charges SET {','.join(f'{c}=?' for c in _CHANGING)} WHERE id=?"  # noqa: S608
_INSERT_ENTRY = (
    "INSERT INTO entries(charge_id,seq,kind,reserved_micros,settled_micros,images,at_us,ground,"
    f"actor,why) VALUES({_marks(10)})"
)
_SELECT_CHARGE = f"SELECT {','.join(COLUMNS)} FROM charges"  # noqa: S608
_LATEST = "SELECT coalesce(max(period),'') FROM balances WHERE scope=? AND \"window\"='day'"
_BALANCE = (
    'SELECT settled_micros,reserved_micros FROM balances WHERE scope=? AND "window"=? AND period=?'
)
_SAVE_BALANCE = (
    'INSERT INTO balances(scope,"window",period,settled_micros,reserved_micros) VALUES(?,?,?,?,?)'
    ' ON CONFLICT(scope,"window",period) DO UPDATE SET'
    " settled_micros=excluded.settled_micros, reserved_micros=excluded.reserved_micros"
)
_SPEND_KEY = "quarter,key_id,key_name,team,model,resolution,task,version,tags"
_ADD_SPEND = (
    f"INSERT INTO spend({_SPEND_KEY},calls,images,spend_micros,list_micros) VALUES({_marks(13)})"
    f" ON CONFLICT({_SPEND_KEY}) DO UPDATE SET calls=spend.calls+excluded.calls,"
    " images=spend.images+excluded.images, spend_micros=spend.spend_micros+excluded.spend_micros,"
    " list_micros=spend.list_micros+excluded.list_micros"
)
_ADD_TOTAL = (
    "INSERT INTO totals(team,key_name,model,resolution,spend_micros,images) VALUES(?,?,?,?,?,?)"
    " ON CONFLICT(team,key_name,model,resolution) DO UPDATE SET"
    " spend_micros=totals.spend_micros+excluded.spend_micros, images=totals.images+excluded.images"
)
_ADD_TALLY = (
    "INSERT INTO tallies(name,label,value) VALUES(?,?,?)"
    " ON CONFLICT(name,label) DO UPDATE SET value=tallies.value+excluded.value"
)
_KEEP = (
    "INSERT INTO replays(caller,idempotency_key,request_hash,charge_id,status,headers,created_us)"
    " VALUES(?,?,?,?,0,'[]',?) ON CONFLICT(caller,idempotency_key) DO UPDATE SET"
    " request_hash=excluded.request_hash, charge_id=excluded.charge_id, status=0, headers='[]',"
    " body=NULL, created_us=excluded.created_us"
)
_ADD_COUNTING = "INSERT INTO counting(version,model) VALUES(?,?) ON CONFLICT DO NOTHING"


def fares(session: Session, where: str, args: Sequence[Any], *, lock: bool = False) -> list[Fare]:
    """Read charges by a condition of ours (never a caller's)."""
    end = session.lock if lock else ""
    return [Fare(*row) for row in session.rows(f"{_SELECT_CHARGE} {where}{end}", args)]


def load(session: Session, view: View, operations: Iterable[Operation]) -> None:
    """Load and lock everything that these operations look at."""
    wanted = sorted({op.charge_id for op in operations if op.loads})
    _load_fares(session, view, wanted)
    scopes = {scope for op in operations for scope in op.scopes()}
    for fare in view.fares.values():
        scopes.update(scope for scope, _ in scopes_of(fare))
    for scope in scopes:
        view.latest[scope] = session.rows(_LATEST, (scope,))[0][0]
    for op in operations:
        if (asked := op.prediction()) is not None:
            found = session.rows(
                "SELECT id FROM charges WHERE prediction_id=? AND account=?", (asked[1], asked[0])
            )
            if found:
                view.taken[asked] = found[0][0]
        if (once := op.idempotency()) is not None:
            _load_kept(session, view, once)
    _load_balances(session, view, sorted(_places(view, operations)))


def _load_kept(session: Session, view: View, place: tuple[str, str]) -> None:
    for row in session.rows(
        "SELECT caller,idempotency_key,request_hash,charge_id,status,headers,body,created_us"
        " FROM replays WHERE caller=? AND idempotency_key=?",
        place,
    ):
        view.kept[place] = Kept(*row)


def _load_fares(session: Session, view: View, wanted: list[str]) -> None:
    if session.dialect == "sqlite":
        for charge_id in wanted:
            for fare in fares(session, "WHERE id=?", (charge_id,)):
                view.fares[fare.id] = fare
    elif wanted:
        for fare in fares(session, "WHERE id=ANY(?) ORDER BY id", (wanted,), lock=True):
            view.fares[fare.id] = fare


def _places(view: View, operations: Iterable[Operation]) -> set[tuple[str, str, str]]:
    places = set()
    for fare in view.fares.values():
        days = scopes_of(fare)
        key = view.directory.keys.get(fare.key_id)
        if key is not None:
            mine, theirs = days_of(view, key)
            days = days + [(s, mine if s.startswith("key:") else theirs) for s, _ in days]
        places |= {(s, w, period_of(day, w)) for s, day in days for w in (DAY, MONTH)}
    for op in operations:
        key = op.payer(view)
        if key is not None:
            mine, theirs = days_of(view, key)
            for scope in op.scopes():
                day = mine if scope.startswith("key:") else theirs
                places |= {(scope, DAY, day), (scope, MONTH, day[:7])}
            if key.team:
                team = f"team:{key.team}"
                places |= {(team, DAY, theirs), (team, MONTH, theirs[:7])}
    return places


def _load_balances(session: Session, view: View, places: list[tuple[str, str, str]]) -> None:
    if session.dialect == "sqlite":
        for place in places:
            for settled, reserved in session.rows(_BALANCE, place):
                view.balances[place] = [settled, reserved]
        return
    _lock_balances(session, view, places)
    missing = [p for p in places if p not in view.balances]
    if missing:
        session.many(
            'INSERT INTO balances(scope,"window",period,settled_micros,reserved_micros)'
            " VALUES(?,?,?,0,0) ON CONFLICT DO NOTHING",
            missing,
        )
        _lock_balances(session, view, missing)


def _lock_balances(session: Session, view: View, places: list[tuple[str, str, str]]) -> None:
    columns = [list(column) for column in zip(*places, strict=True)] or [[], [], []]
    found = session.rows(
        'SELECT b.scope,b."window",b.period,b.settled_micros,b.reserved_micros FROM balances b'
        " JOIN unnest(?::text[],?::text[],?::text[]) AS w(s,w,p)"
        ' ON b.scope=w.s AND b."window"=w.w AND b.period=w.p ORDER BY 1,2,3 FOR UPDATE OF b',
        columns,
    )
    for scope, window, period, settled, reserved in found:
        view.balances[scope, window, period] = [settled, reserved]


def save(session: Session, view: View) -> None:
    """Write down what a view changed."""
    if view.created:
        session.many(_INSERT_CHARGE, [_row_of(f) for f in view.created.values()])
    if view.changed:
        session.many(_UPDATE_CHARGE, [_changes_of(view.changed[i]) for i in sorted(view.changed)])
    if view.entries:
        session.many(_INSERT_ENTRY, view.entries)
    if view.touched:
        places = sorted(view.touched)
        session.many(_SAVE_BALANCE, [(*place, *view.balances[place]) for place in places])
    for fare in view.purged:
        _forget(session, fare)
    _save_kept(session, view)
    _save_counters(session, view)


def _save_kept(session: Session, view: View) -> None:
    for kept in view.keeping:
        session.run(_KEEP, (*astuple(kept)[:4], kept.created_us))
    for answer in view.answered:
        session.run("UPDATE replays SET status=?,headers=?,body=? WHERE charge_id=?", answer)
    for charge_id in view.freed:
        session.run("DELETE FROM replays WHERE charge_id=?", (charge_id,))


def _forget(session: Session, fare: Fare) -> None:
    session.run("DELETE FROM entries WHERE charge_id=?", (fare.id,))
    session.run("DELETE FROM charges WHERE id=?", (fare.id,))
    session.run(
        "DELETE FROM balances WHERE scope=? AND settled_micros=0 AND reserved_micros=0",
        (f"key:{fare.key_id}",),
    )


def _save_counters(session: Session, view: View) -> None:
    if view.spend:
        session.many(_ADD_SPEND, [(*k, *view.spend[k]) for k in sorted(view.spend)])
    if view.totals:
        session.many(_ADD_TOTAL, [(*k, *view.totals[k]) for k in sorted(view.totals)])
    if view.tallies:
        session.many(_ADD_TALLY, [(*k, view.tallies[k]) for k in sorted(view.tallies)])
    if view.counting:
        session.many(_ADD_COUNTING, sorted(view.counting))


def load_standing(session: Session, view: View, key: Key) -> None:
    """Load what a key's standing needs, without locking it."""
    scopes = [f"key:{key.id}", INSTALLATION]
    for scope in scopes:
        view.latest[scope] = session.rows(_LATEST, (scope,))[0][0]
    mine, theirs = days_of(view, key)
    days = [(scopes[0], mine), (INSTALLATION, theirs)]
    if key.team:
        days.append((f"team:{key.team}", theirs))
    for scope, day in days:
        for window in (DAY, MONTH):
            place = (scope, window, period_of(day, window))
            for settled, reserved in session.rows(_BALANCE, place):
                view.balances[place] = [settled, reserved]
