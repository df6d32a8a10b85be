"""Instants: microseconds since 1970 UTC inside, aware datetimes outside. Pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_us(moment: datetime) -> int:
    """Turn an aware instant into microseconds since 1970."""
    whole = moment - _EPOCH
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds


def instant(at_us: int) -> datetime:
    """Turn microseconds since 1970 into an aware instant."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


def local(at_us: int, zone: str) -> datetime:
    """Say an instant as people of a zone read it, with its offset."""
    return instant(at_us).astimezone(ZoneInfo(zone))
