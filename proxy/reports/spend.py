"""Who spent what, on what, when: added up from the roll-up that every settlement keeps.

The roll-up is written in the transaction of the settlement and by quarter hour of admission,
so a report adds up a few thousand rows a day instead of every charge, and any zone's days can
be told apart. `verify` proves that it equals the entries.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pricing import usd
from proxy.budget import Zone
from proxy.instants import local
from proxy.ledger.fare import UNPRICED
from proxy.ledger.session import Session
from proxy.ledger.settlement import QUARTER_US
from proxy.reports.admitted import SLACK_US, first_id
from proxy.reports.periods import QUARTER_S, Period, day_name, months, offsets

COLUMNS = {
    "team": "team",
    "key": "key_name",
    "model": "model",
    "resolution": "resolution",
    "task": "task",
    "version": "version",
}
FIGURES = ("calls", "images", "spend_usd", "list_usd", "saved_usd")
GROUPINGS = (*COLUMNS, "day", "month", "tag:NAME")
PAGE_ROWS = 20_000
_TAG = re.compile(r"tag:([a-z0-9_-]{1,64})")
_SPAN = "SELECT (SELECT min(quarter) FROM spend),(SELECT max(quarter) FROM spend)"
_SUMS = "sum(calls),sum(images),sum(spend_micros),sum(list_micros)"


class UnknownGrouping(ValueError):
    """A report was asked for by something that it cannot be grouped by."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of settled calls; money in micro-USD. A price without a list price is its own."""

    calls: int
    images: int
    spend_micros: int
    list_micros: int

    def cells(self) -> tuple[int, int, str, str, str]:
        """Print them in the order of `FIGURES`."""
        saved = self.list_micros - self.spend_micros
        return self.calls, self.images, usd(self.spend_micros), usd(self.list_micros), usd(saved)


@dataclass(frozen=True, slots=True)
class Held:
    """Money of charges that nobody has decided yet; no report counts it."""

    charges: int
    micros: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the groupings, in their order, and the days."""

    by: tuple[str, ...]
    period: Period

    def __post_init__(self) -> None:
        """Refuse a grouping that there is not, or one that is named twice."""
        for name in self.by:
            if name not in COLUMNS and name not in ("day", "month") and not _TAG.fullmatch(name):
                known = ", ".join(GROUPINGS)
                raise UnknownGrouping(f"cannot group by '{name}'; there are {known}")
        if len(set(self.by)) < len(self.by):
            raise UnknownGrouping("a grouping is named twice")

    @property
    def columns(self) -> tuple[str, ...]:
        """Name the columns of the report."""
        return (*self.by, *FIGURES)


def groupings(text: str) -> tuple[str, ...]:
    """Read `team,model`; an empty text is one row of totals."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def refuse_strange_tags(session: Session, by: Sequence[str], declared: Sequence[str]) -> None:
    """Refuse a tag that is not declared, and that no call and no key ever had.

    A name that is mistyped would read as if all calls were without it.

    Raises:
        UnknownGrouping: there is one.
    """
    for name in by:
        tag = name.removeprefix("tag:")
        if tag == name or tag in declared or _was_used(session, name):
            continue
        known = ", ".join(declared) or "none"
        raise UnknownGrouping(f"no call has a tag '{tag}'; FAREBOX_TAGS declares {known}")


def _was_used(session: Session, name: str) -> bool:
    value, args = _tag(name, session.dialect)
    asked = (f"SELECT 1 FROM {table} WHERE {value}<>'' LIMIT 1" for table in ("spend", "keys"))  # noqa: S608
    return any(session.rows(sql, args) for sql in asked)


def page(
    session: Session, question: Question, *, after: Sequence[Any] = (), limit: int = PAGE_ROWS
) -> list[tuple[Any, ...]]:
    """Read the groups that come after one, as (its groupings …, the four sums), in order."""
    period = _known(session, question.period)
    groups = [_group(name, period, session.dialect) for name in question.by]
    low, high = period.quarters
    args: list[Any] = [arg for _, args in groups for arg in args]
    names = [f"g{place}" for place in range(len(groups))]
    chosen = "".join(f"{sql} AS {name}," for (sql, _), name in zip(groups, names, strict=True))
    inner = (
        f"SELECT {chosen}calls,images,spend_micros,list_micros FROM spend"  # noqa: S608
        " WHERE quarter>=? AND quarter<?"
    )
    args += [low, high]
    beyond = ""
    if after:
        beyond = f" WHERE ({','.join(names)})>({','.join('?' * len(names))})"
        args += list(after)
    grouped = f" GROUP BY {','.join(names)} ORDER BY {','.join(names)}" if names else ""
    listed = "".join(f"{name}," for name in names)
    sql = f"SELECT {listed}{_SUMS} FROM ({inner}) AS rolled{beyond}{grouped} LIMIT {limit}"  # noqa: S608
    return [tuple(row) for row in session.rows(sql, args)]


def _known(session: Session, period: Period) -> Period:
    """Leave out the days that the roll-up knows nothing of: centuries of them take minutes."""
    found = session.rows(_SPAN)[0]
    if found[0] is None:
        return replace(period, last=period.first)
    oldest, newest = (local(int(each) * QUARTER_US, period.zone).date() for each in found)
    first, last = max(period.first, oldest), min(period.last, newest)
    if last < first:
        return replace(period, last=period.first)
    return replace(period, first=first, last=last)


def _group(name: str, period: Period, dialect: str) -> tuple[str, list[Any]]:
    if name in COLUMNS:
        return COLUMNS[name], []
    if name == "day":
        return _day(period), []
    if name == "month":
        return _month(period), []
    return _tag(name, dialect)


def _tag(name: str, dialect: str) -> tuple[str, list[Any]]:
    tag = name.removeprefix("tag:")
    if dialect == "sqlite":
        return "coalesce(json_extract(tags,?),'')", [f'$."{tag}"']
    return "coalesce(CAST(tags AS jsonb)->>CAST(? AS text),'')", [tag]


def local_second(period: Period) -> str:
    """Spell the local second, counted from 1970, of a quarter hour; every number is ours."""
    found = offsets(*period.quarters, period.zone)
    offset = str(found[0][1])
    if later := "".join(f" WHEN quarter>={start} THEN {s}" for start, s in reversed(found[1:])):
        offset = f"CASE{later} ELSE {offset} END"
    return f"(quarter*{QUARTER_S}+{offset})"


def _day(period: Period) -> str:
    return f"({local_second(period)}/86400)"


def _month(period: Period) -> str:
    starts = months(period)
    cases = " ".join(f"WHEN quarter>={first} THEN '{name}'" for name, first in reversed(starts))
    return f"(CASE {cases} ELSE '{starts[0][0]}' END)"


def groups(session: Session, question: Question) -> Iterator[tuple[Any, ...]]:
    """Stream all groups as `page` reads them, a page at a time; call it inside a snapshot."""
    after: tuple[Any, ...] = ()
    while True:
        found = page(session, question, after=after, limit=PAGE_ROWS)
        yield from found
        if len(found) < PAGE_ROWS or not question.by:
            return
        after = found[-1][: len(question.by)]


def rows(session: Session, question: Question) -> Iterator[tuple[Any, ...]]:
    """Stream a report's rows, a page at a time; call it inside a snapshot."""
    for row in groups(session, question):
        yield (*labels(question, row), *figures(row).cells())


def labels(question: Question, row: Sequence[Any]) -> tuple[str, ...]:
    """Print the groupings of a row."""
    cells = zip(question.by, row, strict=False)
    return tuple(day_name(value) if name == "day" else str(value) for name, value in cells)


def figures(row: Sequence[Any]) -> Figures:
    """Read the sums at the end of a row; of nothing they are 0."""
    calls, images, spend, listed = (int(value or 0) for value in row[-4:])
    return Figures(calls, images, spend, listed)


def total(session: Session, period: Period) -> Figures:
    """Add up everything that was settled for the calls of a period."""
    return figures(page(session, Question((), period))[0])


def held(session: Session, period: Period) -> Held:
    """Add up what the undecided charges of a period hold; what has no price holds nothing."""
    found = session.rows(
        "SELECT count(*),coalesce(sum(reserved_micros),0) FROM charges"
        " WHERE state IN ('reserved','accepted','uncertain') AND price_status<>?"
        " AND admitted_us>=? AND admitted_us<?",
        (UNPRICED, period.start_us, period.end_us),
    )[0]
    return Held(int(found[0]), int(found[1]))


def unpriced_calls(session: Session, period: Period) -> int:
    """Count the calls of a period that went out without a price: no report knows their cost.

    Bounded by id, so that what lies before or after the period is not read.
    """
    start, end = period.start_us, period.end_us
    found = session.rows(
        "SELECT count(*) FROM charges WHERE price_status=? AND state<>'released'"
        " AND id>=? AND id<? AND admitted_us>=? AND admitted_us<?",
        (UNPRICED, first_id(start - SLACK_US), first_id(end + SLACK_US), start, end),
    )
    return int(found[0][0])


def whole_period(session: Session, zone: str, first: date | None, last: date | None) -> Period:
    """Fill in what was not asked for: from the first day in the ledger, to today or its last."""
    now = session.now_us()
    oldest, newest = session.rows(_SPAN)[0]
    begun = session.rows("SELECT admitted_us FROM charges ORDER BY id LIMIT 1")
    if first is None:  # the first call may have no price, and so no place in the roll-up
        at_us = min([now, *(int(b) for (b,) in begun)])
        at_us = at_us if oldest is None else min(at_us, int(oldest) * QUARTER_US)
        first = min(local(at_us, zone).date(), last or local(now, zone).date())
    if last is None:
        last = max(first, local(max(now, int(newest or 0) * QUARTER_US), zone).date())
    return Period(first, last, zone)


def installed_zone(session: Session) -> str:
    """Read the zone whose days the installation counts in."""
    found = session.rows("SELECT value FROM meta WHERE name='zone'")
    return Zone(*json.loads(found[0][0])).at(session.now_us()) if found else "UTC"
