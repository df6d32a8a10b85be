"""What can be done to the ledger, one transaction's worth at a time. Pure.

An operation is applied to a `View`: the charges and balances it needs, loaded under the
write lock. It decides, changes the view and adds entries; the store writes down what
changed. So there is one rule about money, in Python, and no copy of it in SQL.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from proxy.budget import Standing
from proxy.directory import Key
from proxy.ledger.fare import Fare
from proxy.ledger.view import View, footing, standings


class Receipt(NamedTuple):
    """The state of a charge after an operation, committed.

    `standings` says where its limited budgets stand, if money could have moved.
    """

    fare: Fare
    standings: tuple[Standing, ...] = ()
    changed: bool = True
    shadowed: bool = False


def receipt(view: View, fare: Fare, *, changed: bool = True) -> Receipt:
    """Say how the charge and its key's limited budgets stand now."""
    key = view.directory.keys.get(fare.key_id)
    if key is None:
        return Receipt(fare, (), changed)
    return Receipt(fare, standings(view, footing(view, key).limited), changed)


class Operation:
    """One thing to be done; `apply` runs under the write lock and must do no I/O."""

    __slots__ = ()
    charge_id: str
    loads = True  # whether the charge exists already

    @property
    def moves(self) -> bool:
        """Whether money may move, so that the balances must be at hand."""
        return True

    def payer(self, view: View) -> Key | None:  # noqa: ARG002 - for those that do
        """Name the key whose standing decides, where no charge names it yet."""
        return None

    def scopes(self) -> Iterable[str]:
        """Name the scopes whose latest day the operation needs."""
        return ()

    def prediction(self) -> tuple[str, str] | None:
        """Name the (account, prediction) whose holder the operation needs."""
        return None

    def idempotency(self) -> tuple[str, str] | None:
        """Name the (caller, Idempotency-Key) that the operation looks at."""
        return None

    def apply(self, view: View) -> Any:
        """Decide and change the view."""
        raise NotImplementedError
