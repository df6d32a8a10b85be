"""The schema: migrated at start by whoever comes first, checked by everybody else."""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy.clock import now_us
from proxy.ledger.database_file import reading
from proxy.ledger.file_system import refuse_network
from proxy.ledger.session import LedgerFault, Session, SqliteSession

if TYPE_CHECKING:
    from sqlalchemy import URL

HEAD = "0007"
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_ID = 4_021_000  # any number of ours, for PostgreSQL's advisory lock


def sqlite_path(url: str) -> Path | None:
    """Find the file of a `sqlite:///` URL; None for another database."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def open_session(
    url: str,
    *,
    read_only: bool = False,
    synchronous: str = "FULL",
    clock: Callable[[], int] | None = None,
) -> Session:
    """Connect to the ledger's database; `clock` stands in for the ledger's own, in microseconds.

    Raises:
        LedgerFault: it cannot be opened, or must not be used (network file system, no fsync).
    """
    path = sqlite_path(url)
    if path is None:
        from proxy.ledger.postgres import PostgresSession  # noqa: PLC0415 - 9 MB, not for SQLite

        session = PostgresSession(url, read_only=read_only, clock=clock)
        if not read_only and (why := session.durable()) is not None:
            session.close()
            raise LedgerFault(f"{why}: a commit could be lost", transient=False, kind="durability")
        return session
    refuse_network(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteSession(
            path, read_only=read_only, synchronous=synchronous, clock=clock or now_us
        )
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise LedgerFault(f"{path}: {why}", transient=False, kind="open") from error


def migrate(url: str) -> None:
    """Bring the schema up to date; safe to be killed, and to be run by many at once.

    Raises:
        LedgerFault: it cannot be opened, or this role may not change it.
    """
    path = sqlite_path(url)
    session = open_session(url)
    try:
        current = _version(session)
    finally:
        session.close()
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        return  # a newer node has added to it; additions do not disturb us
    with _alone(url, path):
        _upgrade(url)


def _version(session: Session) -> str | None:
    try:
        found = session.rows("SELECT version_num FROM alembic_version")
    except LedgerFault as fault:
        if fault.kind in {"corrupt", "busy"}:
            raise
        return None
    return found[0][0] if found else None


def _upgrade(url: str) -> None:
    from alembic import command  # noqa: PLC0415 - half a second that a clean start need not wait
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine, event  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    engine = create_engine(sqlalchemy_url(url))
    if url.startswith("sqlite:"):  # its driver leaves DDL outside of transactions by itself
        event.listen(engine, "connect", _begin_nothing)
        event.listen(engine, "begin", _begin_all)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:  # the role may not make tables, the disk is full
        why = str(error.orig).partition("\n")[0]
        raise LedgerFault(f"cannot be migrated: {why}", transient=False, kind="open") from error
    finally:
        engine.dispose()


def _begin_nothing(connection: Any, _: Any) -> None:
    connection.isolation_level = None


def _begin_all(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def sqlalchemy_url(url: str) -> "URL | str":
    """Name the driver that SQLAlchemy is to use; a file goes by its name, whatever is in it."""
    if (path := sqlite_path(url)) is not None:
        from sqlalchemy import URL  # noqa: PLC0415 - a clean start does without it

        return URL.create("sqlite", database=str(path))
    from proxy.ledger.postgres import libpq_url  # noqa: PLC0415

    return libpq_url(url).replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def _alone(url: str, path: Path | None) -> Iterator[None]:
    if path is not None:
        with Path(f"{path}.lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    from proxy.ledger.postgres import PostgresSession  # noqa: PLC0415 - as above

    session = PostgresSession(url)
    session.wait_for_ever()  # another may be at it for minutes
    session.rows("SELECT pg_advisory_lock(?)", (_LOCK_ID,))
    try:
        yield
    finally:
        session.close()


def quick_check(path: Path) -> str | None:
    """Look a SQLite file over page by page; None if it is sound. Slow: for `doctor`.

    Raises:
        LedgerFault: it is something else, or may not be read.
    """
    try:
        with closing(reading(path)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise LedgerFault(str(error), transient=False, kind="open") from error
    return None if found == "ok" else str(found)
