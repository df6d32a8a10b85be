"""Lists of charges for the page: which, a page at a time, and what they come to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proxy.admin.search import Conditions
from proxy.ledger import rows
from proxy.ledger.fare import Fare
from proxy.ledger.session import Session

PAGE_ROWS: Final = 50
DOUBTS_SHOWN: Final = 200
STATES: Final = ("reserved", "accepted", "uncertain", "settled", "released")
OPEN: Final = "state IN ('reserved','accepted','uncertain')"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which charges; what is None or empty does not matter."""

    key: str = ""
    team: str = ""
    model: str = ""
    state: str = ""
    day: str = ""  # of the installation's zone, or of the key's own
    before: str = ""  # an id
    key_id: str | None = None
    prediction: str = ""
    own: bool = False  # a key asks for its own charges, by its own days

    @property
    def is_set(self) -> bool:
        """Whether anything is left out."""
        return any((self.key, self.team, self.model, self.state, self.day, self.prediction))

    def conditions(self) -> Conditions:
        """Spell it for the ledger; values travel beside the words."""
        found = Conditions()
        if self.key_id is None:  # no key of now has the name: it is that of one renamed
            found.add("key_name=?", self.key or None)
        found.add("key_id=?", self.key_id)
        found.add("team=?", self.team or None)
        found.add("model=?", self.model or None)
        found.add("key_day=?" if self.own else "day=?", self.day or None)
        found.add("id<?", self.before or None)
        found.add("prediction_id=?", self.prediction or None)
        if self.state == "open":
            found.words.append(OPEN)
        else:
            found.add("state=?", self.state or None)
        return found


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of charges, newest first, and where the next one goes on."""

    fares: list[Fare]
    more_before: str | None


def charges(wanted: Filter, count: int = PAGE_ROWS) -> Callable[[Session], Listed]:
    """Ask for charges."""
    asked = wanted.conditions()
    end = f"WHERE {asked.where} ORDER BY id DESC LIMIT {int(count) + 1}"

    def question(session: Session) -> Listed:
        found = rows.fares(session, end, tuple(asked.args))
        more = found[count - 1].id if len(found) > count else None
        return Listed(found[:count], more)

    return question


@dataclass(frozen=True, slots=True)
class Entry:
    """One immutable movement of money."""

    seq: int
    kind: str
    at_us: int
    reserved_micros: int
    settled_micros: int
    images: int
    ground: str
    actor: str
    why: str


@dataclass(frozen=True, slots=True)
class Story:
    """A charge and all that ever happened to it."""

    fare: Fare
    entries: list[Entry]


def story(charge_id: str) -> Callable[[Session], Story | None]:
    """Ask for a charge and its entries."""

    def question(session: Session) -> Story | None:
        found = rows.fares(session, "WHERE id=?", (charge_id,))
        if not found:
            return None
        entries = session.rows(
            "SELECT seq,kind,at_us,reserved_micros,settled_micros,images,ground,actor,why"
            " FROM entries WHERE charge_id=? ORDER BY seq",
            (charge_id,),
        )
        return Story(found[0], [Entry(*entry) for entry in entries])

    return question


def uncertain(session: Session) -> tuple[int, int]:
    """Count the uncertain charges, and what they hold (micro-USD)."""
    found = session.rows(
        "SELECT count(*),coalesce(sum(reserved_micros),0) FROM charges"  # noqa: S608
        f" WHERE state='uncertain' AND {OPEN}"  # so that the index of open ones serves
    )
    return int(found[0][0]), int(found[0][1])


def undecided(session: Session) -> list[Fare]:
    """List the uncertain charges, oldest first; of very many the oldest."""
    end = f"WHERE state='uncertain' AND {OPEN} ORDER BY id LIMIT {DOUBTS_SHOWN}"
    return rows.fares(session, end, ())


def known_models(session: Session) -> list[str]:
    """List the models that anything was ever spent on."""
    return [row[0] for row in session.rows("SELECT DISTINCT model FROM totals ORDER BY model")]
