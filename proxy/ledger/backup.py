"""A copy of a running SQLite ledger, and the way back from one.

A copy is older than the truth: what was bought after it is not in it, and what it holds may be
over. So a restore makes every hold uncertain, for the reconciler and the provider's statement.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from proxy.instants import instant
from proxy.ledger.database_file import reading
from proxy.ledger.outcomes import Doubt
from proxy.ledger.registry import audit
from proxy.ledger.schema import migrate, open_session, quick_check
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store

PAGES_A_STEP = 2048


class NotRestored(Exception):
    """The copy cannot take the place of the ledger; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore leaves to be reconciled."""

    reopened: int
    reopened_micros: int
    newest_at: datetime | None


def backup(database: Path, target: Path, *, progress: Callable[[int, int], None]) -> None:
    """Copy a ledger that may be in use; the copy appears whole or not at all.

    `progress` gets pages left and pages in all.

    Raises:
        OSError, sqlite3.Error: it could not be copied.
    """
    draft = target.with_name(f".{target.name}.part")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _copy(database, draft, progress)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)  # on a full disk it is what fills it
        raise


def _copy(database: Path, draft: Path, progress: Callable[[int, int], None]) -> None:
    with (
        contextlib.closing(reading(database)) as source,
        contextlib.closing(sqlite3.connect(draft)) as copy,
    ):
        # One state for all steps: SQLite would begin again at each one before which others wrote,
        # and so never come to the end of a ledger in use.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        source.backup(
            copy, pages=PAGES_A_STEP, progress=lambda _, left, whole: progress(left, whole)
        )
        copy.execute("PRAGMA journal_mode=DELETE")
    with draft.open("rb") as written:
        os.fsync(written.fileno())


def restore(copy: Path, database: Path, *, actor: str, why: str) -> Restored:
    """Put a copy in the place of a ledger that is not there, and make its holds uncertain.

    Raises:
        NotRestored: the copy is damaged, or there is a ledger in its place already.
    """
    if database.exists():
        raise NotRestored(f"{database} exists: move it away first, and stop what uses it")
    for left in map(database.with_name, (f"{database.name}-wal", f"{database.name}-journal")):
        if left.exists() and left.stat().st_size:  # SQLite would take it for the copy's own
            raise NotRestored(
                f"{left} holds the last commits of the ledger that was here: move it to where"
                " that ledger is now, under its name"
            )
    try:
        damage = quick_check(copy)
    except LedgerFault as error:
        raise NotRestored(f"{copy} cannot be read: {error}") from error
    if damage is not None:
        raise NotRestored(f"{copy} is damaged: {damage}")
    backup(copy, database, progress=lambda _left, _whole: None)
    url = f"sqlite:///{database}"
    migrate(url)
    store = Store(open_session(url))
    store.transact(lambda known: known.directory)  # as it is: the copy's own zone stays
    try:
        return _reopen(store, actor, why)
    finally:
        store.session.close()


def _reopen(store: Store, actor: str, why: str) -> Restored:
    held = store.session.rows(
        "SELECT id,reserved_micros FROM charges WHERE state IN ('reserved','accepted','uncertain')"
    )
    for start in range(0, len(held), 500):
        part = held[start : start + 500]
        for result in store.commit([Doubt(i, "restored from a copy") for i, _ in part]):
            if isinstance(result, LedgerFault):
                raise result
    newest = store.session.rows("SELECT max(admitted_us) FROM charges")[0][0]
    store.transact(lambda s: audit(s, actor, "ledger.restore", "ledger", "", len(held), why))
    newest_at = None if newest is None else instant(newest)
    return Restored(len(held), sum(micros for _, micros in held), newest_at)
