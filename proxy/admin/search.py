"""Which charges and changes: conditions for the ledger's rows, newest first, a page at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from proxy.budget import midnight_us
from proxy.instants import epoch_us
from proxy.ledger import rows
from proxy.ledger.fare import Fare
from proxy.ledger.session import Session
from proxy.reports.admitted import SLACK_US, first_id

OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class Charges:
    """What is asked of the charges; instants in microseconds, `until_us` excluded."""

    key_id: str | None = None
    team: str | None = None
    state: str | None = None
    from_us: int | None = None
    until_us: int | None = None
    before: str | None = None  # an id
    limit: int = 100
    prediction: str | None = None

    def question(self) -> Callable[[Session], list[Fare]]:
        """Ask for one more than the limit, so that it is known whether there are more."""
        where, args = self._condition()
        end = f" WHERE {where} ORDER BY id DESC LIMIT {int(self.limit) + 1}"
        return lambda session: rows.fares(session, end, args)

    def _condition(self) -> tuple[str, tuple[Any, ...]]:
        found = Conditions()
        found.add("key_id=?", self.key_id)
        found.add("team=?", self.team)
        if self.state == OPEN:
            found.words.append("state IN ('reserved','accepted','uncertain')")
        else:
            found.add("state=?", self.state)
        if self.from_us is not None:
            found.add("id>=?", first_id(self.from_us - SLACK_US))
            found.add("admitted_us>=?", self.from_us)
        if self.until_us is not None:
            found.add("id<?", first_id(self.until_us + SLACK_US))
            found.add("admitted_us<?", self.until_us)
        found.add("id<?", self.before)
        found.add("prediction_id=?", self.prediction)
        return found.where, tuple(found.args)


def named(session: Session, text: str) -> list[Fare]:
    """Find the charge of an id, or those of a prediction's, newest first.

    An id of the upstream's is unique in one of its accounts only, so there may be several.
    """
    mine = rows.fares(session, "WHERE id=?", (text,))
    return mine or rows.fares(session, "WHERE prediction_id=? ORDER BY id DESC", (text,))


@dataclass(slots=True)
class Conditions:
    """The words of a WHERE and what fills their marks."""

    words: list[str] = field(default_factory=lambda: ["1=1"])
    args: list[Any] = field(default_factory=list)

    def add(self, words: str, value: object) -> None:
        """Add a condition, unless nothing is asked of it."""
        if value is not None:
            self.words.append(words)
            self.args.append(value)

    @property
    def where(self) -> str:
        """Join the conditions."""
        return " AND ".join(self.words)


def moment_us(text: str, zone: str, *, end: bool = False) -> int:
    """Read an RFC 3339 instant, or a day of a zone: its start, or with `end` what follows it.

    Raises:
        ValueError: it is neither.
    """
    try:
        if _is_day(text):
            day = date.fromisoformat(text) + timedelta(days=int(end))
            return midnight_us(day, zone)
        return epoch_us(_aware(text))
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError("expected 2026-11-23 or 2026-11-23T14:00:00+01:00") from error


def ends_first(from_us: int | None, until_us: int | None, to: str | None) -> bool:
    """Say whether a span ends before it begins; `to` says whether it ends with a day."""
    if from_us is None or until_us is None or from_us < until_us:
        return False
    return from_us > until_us or _is_day(to or "")


def _is_day(text: str) -> bool:
    return len(text) == len("2026-11-23")


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
