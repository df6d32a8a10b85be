"""What Grafana does with a board before a data source is asked: ranges, variables, macros."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.build import GRAFANA

FILES = sorted(GRAFANA.rglob("*.json"))
NAMES = [str(path.relative_to(GRAFANA).with_suffix("")) for path in FILES]


@dataclass(frozen=True)
class Target:
    """One query of one panel."""

    board: str
    panel: Mapping[str, Any]
    query: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.board}: {self.panel['title']} {self.query['refId']}"

    @property
    def sql(self) -> str | None:
        found = self.query.get("rawSql") or self.query.get("rawQueryText")
        return None if found is None else str(found)


def read(path: Path) -> dict[str, Any]:
    """Read a board."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """List what is drawn: the panels without the headings."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def targets() -> list[Target]:
    """List every query of every panel of every board."""
    return [
        Target(name, panel, query)
        for name, path in zip(NAMES, FILES, strict=True)
        for panel in panels(read(path))
        for query in panel["targets"]
    ]


@dataclass(frozen=True)
class Range:
    """The instants between which a panel looks, in seconds since 1970 UTC."""

    since: int
    until: int


def range_of(panel: Mapping[str, Any], now: datetime, zone: str, *, days: int = 30) -> Range:
    """Find the range of a panel: its own, or the board's `now-30d/d` to now."""
    here = now.astimezone(ZoneInfo(zone))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.replace(day=1)
    own, shift = panel.get("timeFrom"), panel.get("timeShift")
    if own is None:
        return _range(midnight - timedelta(days=days), here)
    if own == "now/d":
        return _range(midnight, here)
    assert own == "now/M", own
    before = (first - timedelta(days=1)).replace(day=1)
    if shift is None:
        return _range(first, here)
    if shift == "1M/M":
        return _range(before, first)
    assert shift == "1M", shift
    return _range(before, here.replace(year=before.year, month=before.month))


def _range(since: datetime, until: datetime) -> Range:
    return Range(int(since.timestamp()), int(until.timestamp()))


def asked(sql: str, span: Range, **chosen: str) -> str:
    """Spell a query of the ledger as the database gets it; what is not chosen is All."""
    for name in ("team", "key", "model"):
        sql = sql.replace(f"${{{name}:sqlstring}}", f"'{chosen.get(name, '*')}'")
    sql = sql.replace("${tag:sqlstring}", f"'{chosen.get('tag', 'project')}'")
    sql = sql.replace("$__unixEpochFrom()", str(span.since))
    sql = sql.replace("$__unixEpochTo()", str(span.until))
    sql = sql.replace("$__from", str(span.since * 1000)).replace("$__to", str(span.until * 1000))
    assert "$_" not in sql, sql
    assert "${" not in sql, sql
    return sql


def expression(expr: str, *, span_s: int = 60) -> str:
    """Spell a query of Prometheus as it gets it: every variable at All."""
    expr = (
        expr.replace("$__rate_interval", "20s")
        .replace("[1m]", "[20s]")
        .replace("$__range", f"{span_s}s")
    )
    return re.sub(r"\$(job|team|key|model)\b", ".*", expr)
