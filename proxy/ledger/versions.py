"""Price versions in the ledger: stored when first loaded, so every node prices from there."""

from collections.abc import Callable, Iterable

from pricing import PriceBook, PriceTable, load_table
from proxy.instants import epoch_us
from proxy.ledger.registry import audit
from proxy.ledger.session import Session
from proxy.ledger.store import Store


class VersionClash(ValueError):
    """A version says something else than the ledger holds, or starts when another one does."""


def add(tables: Iterable[PriceTable], *, actor: str) -> Callable[[Store], list[str]]:
    """Store versions that the ledger does not hold yet; the names of those that were new.

    Raises:
        VersionClash: a version that has priced a charge cannot change; two cannot start at once.
    """

    def change(store: Store) -> list[str]:
        return [table.version for table in tables if _add(store, table, actor)]

    return change


def new(tables: Iterable[PriceTable]) -> Callable[[Store], list[str]]:
    """Name those of these versions that `add` would store now; raises what it would."""

    def look(store: Store) -> list[str]:
        return [table.version for table in tables if _is_new(store.session, table)]

    return look


def _is_new(session: Session, table: PriceTable) -> bool:
    """Say whether a version is not stored as it is; raises `VersionClash` where it may not be."""
    starts = epoch_us(table.effective_from)
    found = session.rows("SELECT sha256 FROM price_versions WHERE version=?", (table.version,))
    if found and found[0][0] == table.sha256:
        return False
    if found:
        _refuse_priced(session, table.version)
    twin = session.rows(
        "SELECT version FROM price_versions WHERE effective_us=? AND version<>?",
        (starts, table.version),
    )
    if twin:
        raise VersionClash(f"{table.version} starts at the instant at which {twin[0][0]} does")
    return True


def _add(store: Store, table: PriceTable, actor: str) -> bool:
    session, digest = store.session, table.sha256
    if not _is_new(session, table):
        return False
    starts = epoch_us(table.effective_from)
    session.run("DELETE FROM price_versions WHERE version=?", (table.version,))
    session.run(
        "INSERT INTO price_versions(version,effective_us,sha256,source,body,loaded_us)"
        " VALUES(?,?,?,?,?,?)",
        (table.version, starts, digest, table.source, table.text, session.now_us()),
    )
    audit(store, actor, "prices.add", table.version, "", digest)
    store.bump()
    return True


def _refuse_priced(session: Session, version: str) -> None:
    """Let a version be replaced only if no charge has its price, nor will have it.

    A change is alone: no commit is under way that goes by what is replaced, and those after it
    find what is stored here (`PricesMoved`).
    """
    if session.rows("SELECT 1 FROM charges WHERE price_version=? LIMIT 1", (version,)):
        raise VersionClash(
            f"price version {version} has priced charges and cannot change; make a new one"
        )


def book(session: Session) -> PriceBook:
    """Read every version that the ledger holds."""
    found = session.rows("SELECT version,body FROM price_versions ORDER BY effective_us")
    return PriceBook(load_table(body, name=version, stored=True) for version, body in found)
