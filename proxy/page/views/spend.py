"""Spend by team, key, model, resolution and month: a chart, and the same figures as a table."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from proxy.budget import midnight_us
from proxy.clock import now_us
from proxy.instants import local
from proxy.ledger.session import Session
from proxy.page.gate import View
from proxy.page.render import render
from proxy.page.visit import Visit
from proxy.reports.periods import Period, months
from proxy.reports.spend import Figures, Question, figures, groups, labels

BY = {"team": "Team", "key": "Key", "model": "Model", "resolution": "Resolution", "month": "Month"}
BANDS = 6  # colours that people can tell apart; the rest is one band
BARS_LEAST = {"day": 7, "month": 3}  # one bar alone says nothing about its height
DAYS_MAX = 62  # above that a bar is a month
SPANS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "12 months"}
REST = "all others"
ALL = "everything"


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in a period: sums by group, and by group and bar of the chart."""

    period: Period
    bars: list[str]
    groups: list[tuple[str, Figures]]
    cells: dict[tuple[str, str], int]

    @property
    def total(self) -> Figures:
        """Add everything up."""
        found = [f for _, f in self.groups]
        return Figures(
            sum(f.calls for f in found),
            sum(f.images for f in found),
            sum(f.spend_micros for f in found),
            sum(f.list_micros for f in found),
        )

    @property
    def bands(self) -> list[str]:
        """Name the groups that get a colour of their own, and the rest."""
        names = list(dict.fromkeys(name for name, _ in self.cells if name == ALL))
        names = names or [name for name, _ in self.groups]
        return names if len(names) <= BANDS else [*names[: BANDS - 1], REST]

    @property
    def drawn(self) -> list[str]:
        """Leave out the bars before the first sale: a young ledger would be drawn as a void."""
        sold = {bar for (_, bar), micros in self.cells.items() if micros}
        empty = next((i for i, bar in enumerate(self.bars) if bar in sold), 0)
        return self.bars[max(0, min(empty, len(self.bars) - BARS_LEAST[self.unit])) :]

    @property
    def unit(self) -> str:
        """Say what a bar is: a day or a month."""
        return "day" if len(self.bars[0]) > len("2026-11") else "month"

    def chart(self) -> dict[str, Any]:
        """Draw it: per bar the USD of every band."""
        bars, zone = self.drawn, self.period.zone
        starts = [_start_s(bar, zone) for bar in bars]
        series = [[self._of(band, bar) / 1e6 for bar in bars] for band in self.bands]
        return {"kind": "bars", "zone": zone, "x": starts, "unit": self.unit,
                "labels": self.bands, "series": series}  # fmt: skip

    def _of(self, band: str, bar: str) -> int:
        if band != REST:
            return self.cells.get((band, bar), 0)
        own = set(self.bands)
        return sum(m for (name, b), m in self.cells.items() if b == bar and name not in own)


def _start_s(bar: str, zone: str) -> int:
    day = date.fromisoformat(bar if len(bar) > len("2026-11") else f"{bar}-01")
    return midnight_us(day, zone) // 1_000_000


def ask(session: Session, by: str, period: Period) -> Spent:
    """Ask the roll-up."""
    unit = "month" if by == "month" or period.days > DAYS_MAX else "day"
    question = Question((unit,) if by == "month" else (unit, by), period)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    cells: dict[tuple[str, str], int] = defaultdict(int)
    with session.snapshot():
        found = list(groups(session, question))
    for row in found:
        names, sold = labels(question, row), figures(row)
        group, bar = (names[0] if by == "month" else names[1]) or "no team", names[0]
        parts = (sold.calls, sold.images, sold.spend_micros, sold.list_micros)
        sums[group] = [a + b for a, b in zip(sums[group], parts, strict=True)]
        cells[ALL if by == "month" else group, bar] += sold.spend_micros
    ordered = sorted(sums.items(), key=lambda g: g[0] if by == "month" else -g[1][2])
    return Spent(period, _bars(period, unit), [(n, Figures(*s)) for n, s in ordered], dict(cells))


def _bars(period: Period, unit: str) -> list[str]:
    if unit == "month":
        return [name for name, _ in months(period)]
    return [(period.first + timedelta(days=d)).isoformat() for d in range(period.days)]


async def spend(visit: Visit) -> Response:
    """Show spend by one grouping over a span of days that ends today."""
    by = visit.asked("by") if visit.asked("by") in BY else "team"
    span = visit.asked("days") if visit.asked("days") in SPANS else "365" if by == "month" else "30"
    today = local(now_us(), visit.desk.zone).date()
    period = Period(today - timedelta(days=int(span) - 1), today, visit.desk.zone)
    found = await visit.desk.reader.ask(lambda session: ask(session, by, period))
    return render(
        visit, "spend.html", spent=found, by=by, span=span, spans=SPANS, ways=BY,
        bands=found.bands, chart=found.chart(),
    )  # fmt: skip


VIEWS = (View("GET", "/spend", "admin", spend),)
