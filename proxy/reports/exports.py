"""A month for finance tools: which movements belong to it, and that a closed one stays closed.

A month is closed by its first export after its end. From then on it holds what was written up
to that instant, so it can be made again byte for byte; what is learnt later about its charges
belongs to the month in which it was learnt. `focus_months` remembers the digest of the CSV.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.instants import instant
from proxy.ledger.registry import audit
from proxy.ledger.session import Session
from proxy.ledger.store import Store
from proxy.reports import sheets
from proxy.reports.focus import COLUMNS, PLACES, Grain, Movement, line
from proxy.reports.periods import Period, month

PAGE_ROWS = 5_000
WRITTEN_US = 60_000_000  # a commit that carries an instant is over that long after it, or lost
_ALIKE = (
    "account,key_name,team,model,resolution,task,price_version,unit_micros,list_unit_micros,"
    "images_mode,tags"
)
_DAY_US = 86_400_000_000


class MonthDiffers(Exception):
    """The ledger no longer says what the closed month said: it was tampered with, or restored."""

    def __init__(self, name: str, grain: str) -> None:
        super().__init__(
            f"{name} by {grain} is closed, and the ledger now says something else of it;"
            " run `farebox verify`"
        )


@dataclass(frozen=True, slots=True)
class Month:
    """A billing month: what is known of it, and of the closed months whose late news it takes."""

    name: str
    grain: Grain
    period: Period
    through_us: int | None  # None while it is open
    sha256: str | None  # of a month that was closed at this grain before
    closed: tuple[tuple[int, int, int], ...]  # (start, end, through) of the other closed months


def find(session: Session, name: str, grain: Grain) -> Month:
    """Look a month up, and decide whether this export closes it.

    Raises:
        ValueError: `name` is no month such as 2026-11.
    """
    period = month(name)
    known = session.rows("SELECT month,grain,through_us,sha256 FROM focus_months")
    through = {m: int(t) for m, _, t, _ in known}
    digests = {(m, g): sha for m, g, _, sha in known}
    now = session.now_us() - WRITTEN_US
    mine = through.get(name, now if now >= period.end_us else None)
    others = [(month(m), t) for m, t in sorted(through.items()) if m != name]
    spans = tuple((p.start_us, p.end_us, t) for p, t in others)
    return Month(name, grain, period, mine, digests.get((name, grain)), spans)


def rows(session: Session, wanted: Month) -> Iterator[tuple[Any, ...]]:
    """Stream a month's FOCUS rows, always in the same order; call it inside a snapshot."""
    moved = _charges(session, wanted) if wanted.grain == "charge" else _days(session, wanted)
    return (line(each, wanted.period, wanted.grain) for each in moved)


def _belongs(wanted: Month) -> str:
    """Spell which movements are the month's; every number is ours.

    Its own charges', up to its closing; and what was learnt during it of months closed before.
    """
    start, end = wanted.period.start_us, wanted.period.end_us
    own = f"c.admitted_us>={start} AND c.admitted_us<{end}"
    if wanted.through_us is not None:
        own += f" AND e.at_us<={wanted.through_us}"
    late = [
        f"c.admitted_us>={first} AND c.admitted_us<{until} AND e.at_us>{through}"
        f" AND e.at_us>={start} AND e.at_us<{end}"
        for first, until, through in wanted.closed
    ]
    return " OR ".join(f"({each})" for each in (own, *late))


def _source(wanted: Month) -> str:
    return (
        "FROM entries e JOIN charges c ON c.id=e.charge_id"
        " WHERE e.kind IN ('settle','correct') AND c.price_status<>'unpriced'"
        f" AND ({_belongs(wanted)})"
    )


def _corrects(wanted: Month) -> str:
    start = wanted.period.start_us
    return f"CASE WHEN e.kind='correct' OR c.admitted_us<{start} THEN 1 ELSE 0 END"


def _charges(session: Session, wanted: Month) -> Iterator[Movement]:
    after = ("", 0)
    columns = ",".join(f"c.{name}" for name in _ALIKE.split(","))
    sql = (
        f"SELECT e.charge_id,e.seq,c.prediction_id,{_corrects(wanted)},e.settled_micros,e.images,"
        f"c.admitted_us,{columns} {_source(wanted)} AND (e.charge_id,e.seq)>(?,?)"
        f" ORDER BY e.charge_id,e.seq LIMIT {PAGE_ROWS}"
    )
    while found := session.rows(sql, after):
        for charge_id, _, prediction, correction, *rest in found:
            yield Movement(charge_id, prediction, bool(correction), *rest)
        after = (found[-1][0], found[-1][1])


def _days(session: Session, wanted: Month) -> Iterator[Movement]:
    columns = ",".join(f"c.{name} AS {name}" for name in _ALIKE.split(","))
    inner = (
        f"SELECT {_corrects(wanted)} AS correction,e.settled_micros AS settled,e.images AS images,"
        f"c.admitted_us/{_DAY_US} AS day,{columns} {_source(wanted)}"
    )
    groups = f"day,correction,{_ALIKE}"
    sql = (
        f"SELECT {groups},sum(settled),sum(images) FROM ({inner}) AS moved"  # noqa: S608
        f" GROUP BY {groups} ORDER BY {groups}"
    )
    for day, correction, *alike, settled, images in session.rows(sql):
        yield Movement(
            None, None, bool(correction), int(settled), int(images), day * _DAY_US, *alike
        )


class Digest:
    """Passes pieces of a CSV on, and knows their SHA-256 at the end."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def of(self, pieces: Iterable[str]) -> Iterator[str]:
        """Pass pieces on."""
        for piece in pieces:
            self._sum.update(piece.encode())
            yield piece

    def hex(self) -> str:
        """Say the digest of what was passed on."""
        return self._sum.hexdigest()


def write_csv(session: Session, wanted: Month, path: Path) -> str:
    """Write a month as CSV; its digest."""
    digest = Digest()
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(digest.of(sheets.as_csv(COLUMNS, rows(session, wanted))))
    return digest.hex()


def write_parquet(session: Session, wanted: Month, path: Path) -> str:
    """Write a month as Parquet; the digest of the CSV that holds the same.

    Raises:
        NoParquet: pyarrow is not installed.
    """
    digest = Digest()
    for _ in digest.of(sheets.as_csv(COLUMNS, rows(session, wanted))):
        pass
    sheets.write_parquet(str(path), COLUMNS, rows(session, wanted), scale=PLACES)
    return digest.hex()


def check(wanted: Month, sha256: str) -> None:
    """Compare an export with what the closed month said.

    Raises:
        MonthDiffers: it says something else.
    """
    if wanted.sha256 is not None and wanted.sha256 != sha256:
        raise MonthDiffers(wanted.name, wanted.grain)


def close(wanted: Month, sha256: str, *, actor: str) -> Callable[[Store], None]:
    """Remember what a month said when it was closed; of an open month nothing."""

    def change(store: Store) -> None:
        if wanted.through_us is None or wanted.sha256 is not None:
            return
        added = store.session.run(
            "INSERT INTO focus_months(month,grain,through_us,sha256,closed_us) VALUES(?,?,?,?,?)"
            " ON CONFLICT DO NOTHING",
            (wanted.name, wanted.grain, wanted.through_us, sha256, store.session.now_us()),
        )
        if added:
            name = f"{wanted.name} by {wanted.grain}"
            audit(store, actor, "focus.close", name, "", sha256)

    return change


def closing(wanted: Month) -> str:
    """Say in words what state a month is in."""
    if wanted.through_us is None:
        return f"{wanted.name} is not over: this file will grow"
    return f"{wanted.name} is closed with what was known at {instant(wanted.through_us):%F %T} UTC"
