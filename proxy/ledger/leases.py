"""Which undecided charges are due, and who is working on them."""

from collections.abc import Callable, Iterable

from proxy.ledger import rows
from proxy.ledger.fare import KEPT_US, Fare
from proxy.ledger.session import Session
from proxy.ledger.store import Store, beside

_OPEN = "state IN ('reserved','accepted','uncertain')"
_DUE = (
    f"SELECT 1 WHERE EXISTS(SELECT 1 FROM charges WHERE {_OPEN} AND due_us<=? AND lease_us<=?)"  # noqa: S608
    " OR EXISTS(SELECT 1 FROM replays WHERE created_us<?)"
)


def due(session: Session) -> bool:
    """Say whether any undecided charge waits to be looked at, or a kept answer to be removed."""
    now = session.now_us()
    return bool(session.rows(_DUE, (now, now, now - KEPT_US)))


def in_use(session: Session) -> set[str]:
    """Name the upstream accounts that undecided charges were bought with."""
    return {r[0] for r in session.rows(f"SELECT DISTINCT account FROM charges WHERE {_OPEN}")}  # noqa: S608


def lease(owner: str, *, limit: int, for_us: int) -> Callable[[Store], list[tuple[Fare, int]]]:
    """Take charges that are due for one node; each comes with the instant of the ledger's clock.

    A lease that its node does not end passes on when it runs out. Answers that were kept for long
    enough are removed beside it.
    """

    @beside
    def change(store: Store) -> list[tuple[Fare, int]]:
        session = store.session
        now = session.now_us()
        skip = " FOR UPDATE SKIP LOCKED" if session.lock else ""
        found = rows.fares(
            session,
            f"WHERE {_OPEN} AND due_us<=? AND lease_us<=? ORDER BY due_us LIMIT {limit:d}{skip}",
            (now, now),
        )
        session.many(
            "UPDATE charges SET lease_owner=?, lease_us=? WHERE id=?",
            sorted((owner, now + for_us, fare.id) for fare in found),
        )
        session.run("DELETE FROM replays WHERE created_us<?", (now - KEPT_US,))
        return [(fare, now) for fare in found]

    return change


def leaseholders(session: Session) -> set[str]:
    """Name the processes that hold a lease which has not run out."""
    sql = f"SELECT DISTINCT lease_owner FROM charges WHERE {_OPEN} AND lease_us>?"  # noqa: S608
    return {row[0] for row in session.rows(sql, (session.now_us(),))}


def hand_on(owners: Iterable[str]) -> Callable[[Store], None]:
    """End the leases of processes that are known to be gone, without waiting for their time."""

    @beside
    def change(store: Store) -> None:
        session = store.session
        for owner in sorted(owners):
            found = rows.fares(
                session, f"WHERE {_OPEN} AND lease_owner=? ORDER BY id", (owner,), lock=True
            )
            session.many(
                "UPDATE charges SET lease_owner='', lease_us=0 WHERE id=?",
                [(fare.id,) for fare in found],
            )

    return change


def renew(charge_ids: Iterable[str], *, by_us: int, give_up_us: int) -> Callable[[Store], None]:
    """Put off the next look at charges that their clients polled just now.

    Never beyond `give_up_us` after a charge was admitted: who polls for ever has an end as well.
    """

    @beside
    def change(store: Store) -> None:
        due_us = store.session.now_us() + by_us
        store.session.many(
            "UPDATE charges SET due_us=CASE WHEN admitted_us<? THEN admitted_us+? ELSE ? END"
            " WHERE id=? AND state='accepted' AND due_us<? AND due_us<admitted_us+?",
            [
                (due_us - give_up_us, give_up_us, due_us, charge_id, due_us, give_up_us)
                for charge_id in sorted(charge_ids)
            ],
        )

    return change
