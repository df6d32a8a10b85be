"""Views out of the tables and back: every statement of the hot path, written once.

Rows are always locked in the same order (charges by id, then balances by scope, window
and period), so two nodes can wait for each other but never in a circle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

from proxy.budget import INSTALLATION, KEY
from proxy.directory import Key
from proxy.ledger.fare import BEGINNING, COLUMNS, FIRST, KEPT_US, Fare, Kept, first_of
from proxy.ledger.known import Known
from proxy.ledger.operation import Operation
from proxy.ledger.portions import portions, values
from proxy.ledger.session import LedgerFault, Row, Session
from proxy.ledger.view import Place, View, footing, places_of

# A prediction's id is written only with the id itself: to set it to what it is makes SQLite take
# its entry out of the index and put it in again, and ids are random, so each has a page of its own.
_NAMED = ("state", "prediction_id", "accepted_us", "due_us", "seq")
_CHANGED = (
    "settled_micros", "sold_images", "state", "ground", "reason", "decided_us", "due_us", "looks",
    "lease_owner", "lease_us", "seq",
)  # fmt: skip
_named_of, _changed_of = attrgetter(*_NAMED, "id"), attrgetter(*_CHANGED, "id")
_SELECT_CHARGE = f"SELECT {','.join(COLUMNS)} FROM charges"  # noqa: S608
_ENTRY = (
    "charge_id", "seq", "kind", "reserved_micros", "settled_micros", "images", "at_us", "ground",
    "actor", "why",
)  # fmt: skip
_PLACE = ("scope", "window", "period")
_LATEST = "coalesce(max(period),'') FROM balances WHERE \"window\"='day' AND scope="
_LATEST_OF = f"SELECT a,(SELECT {_LATEST}a) FROM w"  # noqa: S608
_LATEST_ALL = f"SELECT s,(SELECT {_LATEST}s) FROM unnest(?::text[]) AS w(s)"  # noqa: S608
_TAKEN = "SELECT account,prediction_id,id FROM charges"
_TAKEN_OF = f"{_TAKEN} JOIN w ON account=a AND prediction_id=b"
_TAKEN_ALL = (
    f"{_TAKEN} JOIN unnest(?::text[],?::text[]) AS w(a,p) ON account=w.a AND prediction_id=w.p"
)
_KEPT = (
    "SELECT caller,idempotency_key,request_hash,charge_id,status,headers,body,created_us"
    " FROM replays"
)
_KEPT_OF = f"{_KEPT} JOIN w ON caller=a AND idempotency_key=b"
_KEPT_ALL = (
    f"{_KEPT} JOIN unnest(?::text[],?::text[]) AS w(c,k) ON caller=w.c AND idempotency_key=w.k"
)
_BALANCES = 'SELECT scope,"window",period,settled_micros,reserved_micros FROM balances'
_BALANCES_OF = f'{_BALANCES} JOIN w ON scope=a AND "window"=b AND period=c'
_BALANCES_ALL = (
    'SELECT b.scope,b."window",b.period,b.settled_micros,b.reserved_micros FROM balances b'
    " JOIN unnest(?::text[],?::text[],?::text[]) AS w(s,w,p)"
    ' ON b.scope=w.s AND b."window"=w.w AND b.period=w.p'
)
_LOCK_BALANCES = f"{_BALANCES_ALL} ORDER BY 1,2,3 FOR UPDATE OF b"
_BALANCE_COLUMNS = (*_PLACE, "settled_micros", "reserved_micros")
_SET_BALANCE = (
    'ON CONFLICT(scope,"window",period) DO UPDATE SET'
    " settled_micros=excluded.settled_micros, reserved_micros=excluded.reserved_micros"
)
_SPEND_KEY = (
    "quarter", "key_id", "key_name", "team", "model", "resolution", "task", "version", "tags",
)  # fmt: skip
_TOTAL_KEY = ("team", "key_name", "model", "resolution")
_KEEP = (
    "INSERT INTO replays(caller,idempotency_key,request_hash,charge_id,status,headers,body,"
    "created_us)"
    " VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(caller,idempotency_key) DO UPDATE SET"
    " request_hash=excluded.request_hash, charge_id=excluded.charge_id, status=excluded.status,"
    " headers=excluded.headers, body=excluded.body, created_us=excluded.created_us"
    f" WHERE replays.created_us<=excluded.created_us-{KEPT_US}"
)


def fares(session: Session, where: str, args: Sequence[Any], *, lock: bool = False) -> list[Fare]:
    """Read charges by a condition of ours (never a caller's)."""
    end = session.lock if lock else ""
    return [Fare(*row) for row in session.rows(f"{_SELECT_CHARGE} {where}{end}", args)]


def load(
    session: Session, view: View, operations: Sequence[Operation], known: Known, *, looking: bool
) -> None:
    """Load and lock everything that these operations look at and that is not known.

    Without `looking`, a prediction's holder is not looked up: that nobody else has the id is left
    to the unique index, whose `IntegrityError` comes from `save`.
    """
    wanted = sorted({op.charge_id for op in operations if op.loads})
    known.tell(view, wanted)
    _load_fares(session, view, [i for i in wanted if i not in view.fares])
    moving = {op.charge_id for op in operations if op.moves}
    paid = [fare for fare in view.fares.values() if fare.id in moving]
    scopes = {scope for op in operations for scope in op.scopes()}
    for fare in paid:
        scopes.update((f"{KEY}:{fare.key_id}", INSTALLATION))
    unseen = [(scope,) for scope in scopes if scope not in view.latest]
    view.latest |= dict(_looked_up(session, _LATEST_OF, _LATEST_ALL, unseen))
    payers = {key.id: key for op in operations if (key := op.payer(view)) is not None}
    _load_balances(session, view, payers.values(), paid)
    _load_late(session, view, [i for i in wanted if i not in view.fares])
    # After the balances: two calls of one caller take turns there, so the second sees the first.
    asked = [p for op in operations if looking and (p := op.prediction()) is not None]
    for account, prediction_id, charge_id in _looked_up(session, _TAKEN_OF, _TAKEN_ALL, asked):
        view.taken[account, prediction_id] = charge_id
    once = [p for op in operations if (p := op.idempotency()) is not None]
    for row in _looked_up(session, _KEPT_OF, _KEPT_ALL, once):
        view.kept[row[0], row[1]] = Kept(*row)


def _looked_up(session: Session, joined: str, several: str, places: Sequence[Row]) -> list[Any]:
    """Read a row for each place: `joined` with `w(a,b,c)` on SQLite, `several` on a server."""
    if not places:
        return []
    if session.dialect != "sqlite":
        return session.rows(several, _columns(places))
    found: list[Any] = []
    for portion in portions(places):
        sql = _with(len(portion[0]), len(portion)) + joined
        found += session.rows(sql, [*chain.from_iterable(portion)])
    return found


@lru_cache
def _with(columns: int, rows: int) -> str:
    return f"WITH w({','.join('abc'[:columns])}) AS ({values(columns, rows)}) "


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _load_fares(session: Session, view: View, wanted: list[str]) -> None:
    if session.dialect == "sqlite":
        for portion in portions(wanted):
            for fare in fares(session, f"WHERE id IN ({','.join('?' * len(portion))})", portion):
                view.fares[fare.id] = fare
    elif wanted:
        for fare in fares(session, "WHERE id=ANY(?) ORDER BY id", (wanted,), lock=True):
            view.fares[fare.id] = fare


def _load_late(session: Session, view: View, missing: list[str]) -> None:
    """Look for charges again, now that the commit that may have made them is over (`Withdraw`)."""
    if session.dialect == "sqlite" or not missing:
        return
    _load_fares(session, view, missing)
    _load_balances(session, view, (), [view.fares[i] for i in missing if i in view.fares])


def _load_balances(
    session: Session, view: View, payers: Iterable[Key], paid: Iterable[Fare]
) -> None:
    known = view.balances
    paying = {p for key in payers for p in footing(view, key).places if p not in known}
    told = {p for fare in paid for p in _places_told(view, fare) if p not in known}
    places = sorted(paying | told)
    _lock_balances(session, view, places)
    if session.dialect == "sqlite":
        for place in places:  # nor need it be looked for again
            view.balances.setdefault(place, [0, 0])
        return
    # A row that is not there cannot be locked: whoever may spend from it makes it first.
    if missing := [(*p, 0, 0) for p in sorted(paying) if p not in view.balances]:
        session.insert("balances", _BALANCE_COLUMNS, missing, "ON CONFLICT DO NOTHING")
        _lock_balances(session, view, [row[:3] for row in missing])


def _places_told(view: View, fare: Fare) -> tuple[Place, ...]:
    """List the balances that a fare lies in, and those that its key's headers tell of today."""
    key = view.directory.keys.get(fare.key_id)
    lies = places_of(fare.key_id, fare.team, fare.key_day, fare.day)
    return lies if key is None else (*lies, *footing(view, key).places)


def _lock_balances(session: Session, view: View, places: Sequence[Row]) -> None:
    for scope, window, period, *money in _looked_up(session, _BALANCES_OF, _LOCK_BALANCES, places):
        view.balances[scope, window, period] = money


def save(session: Session, view: View) -> None:
    """Write down what a view changed."""
    created = [first_of(fare) for fare in view.created.values()]
    session.insert("charges", FIRST, created, same=BEGINNING)
    named = [_named_of(view.named[i]) for i in sorted(view.named)]
    session.update("charges", (*_NAMED, "id"), named)
    changed = [_changed_of(view.changed[i]) for i in sorted(view.changed)]
    session.update("charges", (*_CHANGED, "id"), changed)
    session.insert("entries", _ENTRY, view.entries)
    balances = [(*place, *view.balances[place]) for place in sorted(view.touched)]
    session.insert("balances", _BALANCE_COLUMNS, balances, _SET_BALANCE)
    for fare in view.purged:
        _forget(session, fare)
    _save_counters(session, view)
    _save_kept(session, view)


def _save_kept(session: Session, view: View) -> None:
    for each in view.keeping:
        keep(session, each)
    for answer in view.answered:
        session.run("UPDATE replays SET status=?,headers=?,body=? WHERE charge_id=?", answer)
    if view.freed:
        session.many("DELETE FROM replays WHERE charge_id=?", [(i,) for i in sorted(view.freed)])


def _forget(session: Session, fare: Fare) -> None:
    session.run("DELETE FROM entries WHERE charge_id=?", (fare.id,))
    session.run("DELETE FROM charges WHERE id=?", (fare.id,))
    session.run(
        "DELETE FROM balances WHERE scope=? AND settled_micros=0 AND reserved_micros=0",
        (f"key:{fare.key_id}",),
    )


def _save_counters(session: Session, view: View) -> None:
    for table, key, figures, added in (
        ("spend", _SPEND_KEY, ("calls", "images", "spend_micros", "list_micros"), view.spend),
        ("totals", _TOTAL_KEY, ("spend_micros", "images"), view.totals),
    ):
        session.insert(
            table,
            (*key, *figures),
            [(*k, *added[k]) for k in sorted(added)],
            _adding(table, key, figures),
        )
    tallies = [(*k, view.tallies[k]) for k in sorted(view.tallies)]
    tally = ("name", "label")
    session.insert("tallies", (*tally, "value"), tallies, _adding("tallies", tally, ("value",)))
    session.insert(
        "counting", ("version", "model"), sorted(view.counting), "ON CONFLICT DO NOTHING"
    )


@lru_cache
def _adding(table: str, key: tuple[str, ...], figures: tuple[str, ...]) -> str:
    sums = ", ".join(f"{figure}={table}.{figure}+excluded.{figure}" for figure in figures)
    return f"ON CONFLICT({','.join(key)}) DO UPDATE SET {sums}"


def keep(session: Session, kept: Kept) -> None:
    """Keep what is known of an Idempotency-Key, in the place of what nobody remembers any more.

    Raises:
        LedgerFault: another node has begun under it since it was looked for.
    """
    if not session.run(_KEEP, astuple(kept)):
        raise LedgerFault("an Idempotency-Key was used at the same time", kind="race")


def kept(session: Session, caller: str, idempotency_key: str) -> Kept | None:
    """Find what is kept under an Idempotency-Key."""
    found = _looked_up(session, _KEPT_OF, _KEPT_ALL, [(caller, idempotency_key)])
    return Kept(*found[0]) if found else None


def latest_day(session: Session, scope: str) -> str:
    """Find the last day that a scope has been in; empty if there was none."""
    return str(_looked_up(session, _LATEST_OF, _LATEST_ALL, [(scope,)])[0][1])


def load_standing(session: Session, view: View, *keys: Key) -> None:
    """Load what the standings of keys need, without locking it."""
    scopes = [f"key:{key.id}" for key in keys] + [INSTALLATION]
    view.latest |= dict(_looked_up(session, _LATEST_OF, _LATEST_ALL, [(s,) for s in scopes]))
    places = sorted({place for key in keys for place in footing(view, key).places})
    for *place, settled, reserved in _looked_up(session, _BALANCES_OF, _BALANCES_ALL, places):
        view.balances[place[0], place[1], place[2]] = [settled, reserved]
