"""Why the ledger refuses to reserve: each reason with its facts. Pure."""

from proxy.budget import Standing
from proxy.ledger.fare import Kept


class BudgetSpent(Exception):
    """The price does not fit one of the budgets. Carries every standing, and the first refusing."""

    def __init__(self, refused: Standing, standings: tuple[Standing, ...], price: int) -> None:
        super().__init__("budget spent")
        self.refused, self.standings, self.price_micros = refused, standings, price


class KeyGone(Exception):
    """The key was revoked between the door and the ledger."""


class KeyHeld(Exception):
    """The key, its team or the installation is paused."""

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


class PricesMoved(Exception):
    """The version that priced the order was replaced: it is stored with other prices now."""


class Repeated(Exception):
    """This Idempotency-Key was used before; carries what is kept of the first call."""

    def __init__(self, kept: Kept) -> None:
        super().__init__("repeated")
        self.kept = kept
