"""Spend over time, as charts and the tables beside them show it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from proxy.budget import span_at
from proxy.instants import local
from proxy.ledger.session import Session
from proxy.ledger.settlement import QUARTER_US

HOUR_QUARTERS: Final = 4
MICROS: Final = 1e6  # a chart's pixels are no money: floats are fine there


@dataclass(frozen=True, slots=True)
class Day:
    """One day's settled micro-USD by quarter hour of admission, and yesterday's beside it."""

    zone: str
    start_us: int
    now_us: int
    quarters: tuple[int, ...]  # of today, up to now
    before: tuple[int, ...]  # the whole of yesterday

    @property
    def spent_micros(self) -> int:
        """Settled today so far."""
        return sum(self.quarters)

    def chart(self, limit_micros: int | None) -> dict[str, Any]:
        """Draw it: running sums, in USD, at the end of each quarter hour; today's ends now."""
        begun = len(self.quarters)  # the last of them is not over
        count = max(len(self.before), begun)
        first = self.start_us // 1_000_000
        ends = [first + i * 900 for i in range(count + 1)]
        now = max(self.now_us // 1_000_000, ends[begun - 1] + 1)
        before = _sums(self.before, count)
        return {
            "kind": "day",
            "zone": self.zone,
            "x": [*ends[:begun], now, *ends[begun:]],
            "today": _sums(self.quarters, count + 1),
            "before": [*before[:begun], before[begun - 1], *before[begun:]],
            "limit": None if limit_micros is None else limit_micros / MICROS,
        }

    def hours(self) -> list[tuple[str, int, int]]:
        """List the hours that sold something: its start, spent then, spent since midnight."""
        found, total = [], 0
        for first in range(0, len(self.quarters), HOUR_QUARTERS):
            spent = sum(self.quarters[first : first + HOUR_QUARTERS])
            total += spent
            if spent:
                at = local(self.start_us + first * QUARTER_US, self.zone)
                found.append((f"{at:%H:%M}", spent, total))
        return found


def _sums(quarters: Sequence[int], count: int) -> list[float | None]:
    sums: list[float | None] = [0.0, *(s / MICROS for s in accumulate(quarters))]
    return sums + [None] * (count + 1 - len(sums))


def day_curve(zone: str, *, key_id: str | None = None) -> Callable[[Session], Day]:
    """Ask for the running day of a zone: of one key, or of all."""

    def question(session: Session) -> Day:
        now = session.now_us()
        today = span_at(now, zone)
        yesterday = span_at(today.start_us - 1, zone)
        first, middle = yesterday.start_us // QUARTER_US, today.start_us // QUARTER_US
        found = _quarters(session, first, now // QUARTER_US + 1, key_id)
        return Day(
            zone,
            today.start_us,
            now,
            tuple(found.get(q, 0) for q in range(middle, now // QUARTER_US + 1)),
            tuple(found.get(q, 0) for q in range(first, middle)),
        )

    return question


def _quarters(session: Session, first: int, end: int, key_id: str | None) -> dict[int, int]:
    of_key, args = ("", (first, end)) if key_id is None else (" AND key_id=?", (first, end, key_id))
    rows = session.rows(
        "SELECT quarter,sum(spend_micros) FROM spend WHERE quarter>=? AND quarter<?"  # noqa: S608
        f"{of_key} GROUP BY quarter",
        args,
    )
    return {int(quarter): int(micros) for quarter, micros in rows}
