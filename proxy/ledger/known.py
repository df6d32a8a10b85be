"""What a connection wrote or read last and need not read again, while nobody else has written.

An embedded database that one process writes tells it nothing that it does not know: to read
charges, balances and the revision again before each commit was half of the commit's statements.
Whether anybody else has written is asked under the write lock (`Session.moved`), and whatever goes
wrong forgets everything. Nothing is read from here but inside a transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from proxy.budget import DAY
from proxy.charge import OPEN
from proxy.directory import Directory
from proxy.ledger.fare import Fare
from proxy.ledger.view import Footing, Place, View

MINUTE_US = 60_000_000
KNOWN_MAX = 50_000  # fares and balances; beyond that all of it is read again


@dataclass(slots=True)
class Known:
    """Undecided fares, balances and last days, as they are on disk."""

    fares: dict[str, Fare] = field(default_factory=dict)
    balances: dict[Place, list[int]] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)  # scope -> its last day
    footings: dict[str, Footing] = field(default_factory=dict)  # of keys
    footed: tuple[int, Directory] | None = None  # the minute that they hold for, and whose keys
    valid: bool = False

    def forget(self) -> None:
        """Know nothing any more."""
        self.fares, self.balances, self.latest, self.valid = {}, {}, {}, False
        self.footings = {}

    def tell(self, view: View, wanted: Iterable[str]) -> None:
        """Let a view see what is known; of the fares, copies of those that it wants."""
        view.balances, view.latest = self.balances, self.latest
        view.footings = self._footings(view)
        for fare_id in wanted:
            if (fare := self.fares.get(fare_id)) is not None:
                view.fares[fare_id] = fare.copy()

    def _footings(self, view: View) -> dict[str, Footing]:
        """Find what binds keys: in every zone a day, and so a budget, ends with a minute."""
        minute = view.now_us // MINUTE_US
        if self.footed is None or self.footed[0] != minute or self.footed[1] is not view.directory:
            self.footed, self.footings = (minute, view.directory), {}
        return self.footings

    def keep(self, view: View) -> None:
        """Know what a view has read and written, now that it is on disk."""
        if view.purged or view.counting or len(view.balances) + len(self.fares) > KNOWN_MAX:
            self.forget()
            return
        self.balances, self.latest, self.valid = view.balances, view.latest, True
        for scope, window, period in view.touched:
            if window == DAY and scope in self.latest:
                self.latest[scope] = max(self.latest[scope], period)
        written = (view.created, view.named, view.changed)
        for fare in chain.from_iterable(fares.values() for fares in written):
            if fare.state in OPEN:
                self.fares[fare.id] = fare
            else:
                self.fares.pop(fare.id, None)
