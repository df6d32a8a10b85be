"""Money in the metrics, read from the ledger at scrape: it survives restarts, and nodes agree."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proxy.budget import EVERYTHING, INSTALLATION, KEY, Standing
from proxy.directory import REVOKED, Directory, Key
from proxy.exposition import Measured
from proxy.ledger import rows
from proxy.ledger.session import Row, Session
from proxy.ledger.view import View, days_of, frames, own_standings, standings

_UNNAMED = re.compile(r"own-[0-9a-f]{16}")
OTHER = "other"
_OF_SALES = ("team", "key", "model", "resolution")
_OF_BUDGETS = ("scope", "window", "team", "key")
_OPEN_STATES = ("reserved", "accepted", "uncertain")
_LARGEST = (
    "SELECT team,key_name,model,resolution,spend_micros,images FROM totals"
    " ORDER BY spend_micros DESC,team,key_name,model,resolution LIMIT ?"
)
_SMALLER = (
    "SELECT model,resolution,CAST(sum(spend_micros) AS bigint),CAST(sum(images) AS bigint),count(*)"
    " FROM (SELECT * FROM totals ORDER BY spend_micros DESC,team,key_name,model,resolution"
    " LIMIT ? OFFSET ?) AS smaller GROUP BY model,resolution"
)
KEYS_AT_ONCE = 8  # whose budgets are read together
_NO_LIMIT = 2**62  # SQLite wants one before an OFFSET
Place = tuple[str, ...]
Figures = dict[Place, float]


@dataclass
class MoneyMetrics:
    """Reads every figure in one pass over a read-only session."""

    session: Session
    directory: Directory
    series_max: int
    pause: Callable[[], None] = lambda: None  # called every few figures
    folded: int = 0  # series of sales that went into `other` for want of room
    left_out: int = 0  # keys and teams whose budgets found none

    def collect(self) -> list[Measured]:
        """Read every family as of one state of the ledger, also those without a series."""
        parts = (self._sales, self._tallies, self._budgets, self._open, self._versions)
        with self.session.snapshot():
            return [family for part in parts for family in part()]

    def _sales(self) -> Iterator[Measured]:
        spent: Figures = {}
        sold: Figures = {}
        for number, (team, key, model, resolution, micros, images) in enumerate(self._sold()):
            place = (team, key, model, resolution)
            if _UNNAMED.fullmatch(key):
                place = ("", OTHER, model, resolution)
            spent[place] = spent.get(place, 0) + micros
            sold[place] = sold.get(place, 0) + images
            if not number % 50:
                self.pause()
        for number, sale in enumerate(spent):
            spent[sale] /= 1e6
            if not number % 50:
                self.pause()
        words = "Settled money, in USD."
        yield Measured("farebox_spend_usd", "counter", words, _OF_SALES, spent)
        yield Measured("farebox_images", "counter", "Images settled.", _OF_SALES, sold)

    def _sold(self) -> Iterator[Row]:
        """Yield the largest of what was sold to whom, then what the others come to."""
        room = self.series_max
        for part in self.session.some(_LARGEST, (self.series_max + 1,)):
            yield from part[:room]
            room -= len(part)
        if room < 0:  # there is one more than may be named
            smaller = self.session.rows(_SMALLER, (_NO_LIMIT, self.series_max))
            for model, resolution, micros, images, folded in smaller:
                self.folded += folded
                yield "", OTHER, model, resolution, micros, images

    def _tallies(self) -> Iterator[Measured]:
        tallies = {
            (name, label): value
            for name, label, value in self.session.rows("SELECT name,label,value FROM tallies")
        }
        words = "Corrections of settled fares, in USD."
        ways: Figures = {
            (way,): tallies.get(("corrections", way), 0) / 1e6 for way in ("up", "down")
        }
        yield Measured("farebox_corrections_usd", "counter", words, ("direction",), ways)
        for counted, words in (
            ("overruns", "Fares that came to more than was reserved."),
            ("contradictions", "Decided fares whose prediction told the contrary later."),
        ):
            found: Figures = {
                (label,): value for (name, label), value in tallies.items() if name == counted
            }
            yield Measured(f"farebox_{counted}", "counter", words, ("model",), found)
        words = "What the last reconciled statement and the ledger differ by, in USD."
        known = tallies.get(("reconciliation", "difference"))
        difference: Figures = {} if known is None else {(): known / 1e6}
        yield Measured("farebox_reconciliation_difference_usd", "gauge", words, (), difference)

    def _budgets(self) -> Iterator[Measured]:
        limit, spent, held, left, resets = families = [
            Measured(f"farebox_budget_{name}", "gauge", words, _OF_BUDGETS)
            for name, words in (
                ("limit_usd", "Limit, in USD."),
                ("spent_usd", "Settled in the running period, in USD."),
                ("reserved_usd", "Held and undecided, in USD."),
                ("remaining_usd", "Left of the limit, in USD."),
                ("resets_timestamp_seconds", "When the period is over."),
            )
        ]
        for place, standing in self._standings():
            limit.figures[place] = (standing.limit_micros or 0) / 1e6
            spent.figures[place] = standing.settled_micros / 1e6
            held.figures[place] = standing.reserved_micros / 1e6
            left.figures[place] = (standing.remaining_micros or 0) / 1e6
            resets.figures[place] = standing.resets_us / 1e6
        return iter(families)

    def _standings(self) -> Iterator[tuple[Place, Standing]]:
        """Yield every limited budget once: those that are shared, then each key's own."""
        view = View(self.session.now_us(), self.directory)
        shared, named = self._keys()
        rows.load_standing(self.session, view, *shared)
        for key in shared:
            for standing in standings(view, frames(view, key, *days_of(view, key))):
                budget = standing.budget
                if budget.scope != KEY and standing.limit_micros is not None:
                    team = "" if budget.scope == INSTALLATION else key.team
                    yield (budget.scope, budget.window, team, ""), standing
        for at in range(0, len(named), KEYS_AT_ONCE):
            keys = named[at : at + KEYS_AT_ONCE]
            rows.load_standing(self.session, view, *keys)
            for key in keys:
                for standing in own_standings(view, key):
                    yield (KEY, standing.budget.window, key.team, key.name), standing
            self.pause()

    def _keys(self) -> tuple[list[Key], list[Key]]:
        """List nobody and a stranger of each team, who see what is shared; and the named keys."""
        teams = [Key("", "", team=name) for name in self.directory.teams if name != EVERYTHING]
        shared = [Key("", ""), *teams][: self.series_max]
        every = self.directory.keys.values()
        named = [k for k in every if k.state != REVOKED and (not k.own or k.adopted)]
        room = self.series_max - len(shared)
        self.left_out = max(0, len(teams) + 1 + len(named) - self.series_max)
        return shared, named[:room]

    def _open(self) -> Iterator[Measured]:
        found = {
            state: (number, micros, first)
            for state, number, micros, first in self.session.rows(
                "SELECT state,count(*),sum(reserved_micros),min(admitted_us) FROM charges"
                " WHERE state IN ('reserved','accepted','uncertain') GROUP BY state"
            )
        }
        told: dict[Place, Row] = {(state,): found.get(state, (0, 0, 0)) for state in _OPEN_STATES}
        count: Figures = {state: number for state, (number, _, _) in told.items()}
        yield Measured("farebox_charges_open", "gauge", "Undecided fares.", ("state",), count)
        words = "Money they hold, in USD."
        money = {state: float(micros) / 1e6 for state, (_, micros, _) in told.items()}
        yield Measured("farebox_open_usd", "gauge", words, ("state",), money)
        first = min((first for _, _, first in found.values()), default=None)
        age = 0.0 if first is None else max(0.0, (self.session.now_us() - first) / 1e6)
        words = "Age of the oldest undecided fare."
        yield Measured("farebox_oldest_open_charge_seconds", "gauge", words, (), {(): age})

    def _versions(self) -> Iterator[Measured]:
        found = self.session.rows("SELECT version,effective_us FROM price_versions")
        words = "Versions of the price table."
        info: Figures = {(version,): 1.0 for version, _ in found}
        yield Measured("farebox_price_table_info", "gauge", words, ("version",), info)
        words = "When a version of the price table starts."
        starts: Figures = {(version,): effective_us / 1e6 for version, effective_us in found}
        name = "farebox_price_table_effective_timestamp_seconds"
        yield Measured(name, "gauge", words, ("version",), starts)
