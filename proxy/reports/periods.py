"""Days and months of a zone, told from the quarter hours that spend is rolled up by. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from proxy.budget import midnight_us, month_end
from proxy.ledger.settlement import QUARTER_US

QUARTER_S = QUARTER_US // 1_000_000
QUARTERS_A_DAY = 96
EPOCH = date(1970, 1, 1)
LAST = date(9999, 11, 30)  # what follows a later month is no date


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last` of a zone, both included."""

    first: date
    last: date
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse a period that ends before it starts, or reaches beyond the calendar."""
        if self.last < self.first:
            raise ValueError(f"{self.last} lies before {self.first}")
        if self.last > LAST:
            raise ValueError(f"{self.last} lies behind {LAST}")

    @property
    def start_us(self) -> int:
        """Its first instant."""
        return midnight_us(self.first, self.zone)

    @property
    def end_us(self) -> int:
        """The first instant after it."""
        return midnight_us(self.last + timedelta(days=1), self.zone)

    @property
    def quarters(self) -> tuple[int, int]:
        """Its first quarter hour since 1970, and the first one after it."""
        return self.start_us // QUARTER_US, self.end_us // QUARTER_US

    @property
    def days(self) -> int:
        """How many days it covers."""
        return (self.last - self.first).days + 1


def month(text: str, zone: str = "UTC") -> Period:
    """Read `2026-11` as the days of that month; raises `ValueError`."""
    first = date.fromisoformat(f"{text}-01")
    if first > LAST:
        raise ValueError(f"{text} lies behind {LAST}")
    return Period(first, month_end(first.isoformat()) - timedelta(days=1), zone)


def offsets(first: int, end: int, zone: str) -> list[tuple[int, int]]:
    """List a zone's offsets from UTC over quarter hours: (the quarter it starts at, seconds).

    The clocks of a zone change at most once a day, so a change is found by halving a day.
    """
    place = ZoneInfo(zone)
    found = [(first, _offset_s(first, place))]
    for day in range(first, end, QUARTERS_A_DAY):
        until = min(day + QUARTERS_A_DAY, end)
        if _offset_s(until, place) != found[-1][1]:
            found.append((_change(day, until, place), _offset_s(until, place)))
    return found


def _offset_s(quarter: int, place: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(quarter * QUARTER_S, UTC).astimezone(place).utcoffset()
    return int((offset or timedelta()).total_seconds())


def _change(low: int, high: int, place: ZoneInfo) -> int:
    """Find the first quarter hour of (low, high] with the offset that `high` has."""
    wanted = _offset_s(high, place)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset_s(middle, place) == wanted else (middle + 1, high)
    return high


def day_name(day: int) -> str:
    """Spell a day counted from 1970."""
    return (EPOCH + timedelta(days=day)).isoformat()


def months(period: Period) -> list[tuple[str, int]]:
    """List the months of a period, each with the quarter hour that it starts at."""
    found = []
    first = period.first.replace(day=1)
    while first <= period.last:
        found.append((first.isoformat()[:7], midnight_us(first, period.zone) // QUARTER_US))
        first = month_end(first.isoformat())
    return found
