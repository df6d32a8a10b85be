"""Decisions on a fare by hand: on the record, and known to every process."""

from proxy.ledger.registry import audit
from proxy.ledger.store import Store


def note(
    store: Store, actor: str, action: str, charge_id: str, before: object, after: object, why: str
) -> None:
    """Note who decided a fare, and why. What a worker keeps of fares for polls it reads again."""
    audit(store, actor, action, charge_id, before, after, why)
    store.bump()
