"""What the page works with: the ledger's two sides, the prices, and who may come in."""

from dataclasses import dataclass, field

from proxy.admin.guard import Guard
from proxy.budget import Zone
from proxy.clock import now_us
from proxy.directory import Directory
from proxy.door import Door
from proxy.edge import ServerStatus
from proxy.fares import Fares
from proxy.ledger.reader import Reader
from proxy.page.refused import RecentRefusals
from proxy.page.session import Signer
from proxy.prices import Prices
from proxy.settings import Settings


@dataclass
class Desk:
    """One worker's page. Its reader is its own: a slow report must not hold up a poll."""

    settings: Settings
    status: ServerStatus
    signer: Signer
    guard: Guard
    door: Door
    fares: Fares
    prices: Prices
    reader: Reader
    refused: RecentRefusals = field(default_factory=RecentRefusals)

    @property
    def directory(self) -> Directory:
        """The keys and teams as last read."""
        return self.fares.writer.directory

    @property
    def zone(self) -> str:
        """The IANA zone that the installation's days are counted in now."""
        zone: Zone = self.directory.zone
        return zone.at(now_us())
