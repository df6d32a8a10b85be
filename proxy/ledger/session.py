"""A connection that the ledger writes through: SQLite or PostgreSQL, the same few verbs.

Statements are written once, with `?`; PostgreSQL's driver gets `%s`. Every statement of
the hot path is in `rows.py`.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeVar

from proxy.clock import now_us
from proxy.ledger.database_file import DatabaseFile, make
from proxy.ledger.portions import Constant, inserting, portions, updating
from proxy.ledger.turns import Turns

T = TypeVar("T")
Row = Sequence[Any]

BUSY_S = 5.0  # how long a writer waits for another process before it says so
STATEMENT_TIMEOUT_MS = 10_000
SOME = 50  # rows


class LedgerFault(Exception):
    """The database could not be read or written. `transient` says whether to try again."""

    def __init__(self, message: str, *, transient: bool = True, kind: str = "commit") -> None:
        super().__init__(message)
        self.transient, self.kind = transient, kind


class Session(Protocol):
    """One connection: transactions, rows, and the ledger's clock."""

    dialect: str
    lock: str  # what a SELECT that is going to be written to ends with
    unwritable: tuple[type[Exception], ...]  # what one operation brings in that no row can hold

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[Any]:
        """Fetch all rows."""
        ...

    def some(self, sql: str, args: Sequence[Any] = ()) -> Iterator[list[Any]]:
        """Fetch rows, `SOME` at a time: to free thousands at once holds everybody up."""
        ...

    def run(self, sql: str, args: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it touched."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once a row."""
        ...

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Row],
        conflict: str = "",
        same: tuple[Constant, ...] = (),
    ) -> None:
        """Add rows, all of them new unless `conflict` says; `same` are columns equal in all."""
        ...

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows; the last column names the row."""
        ...

    def now_us(self) -> int:
        """Read the ledger's clock, in microseconds."""
        ...

    def moved(self) -> bool:
        """Say whether anybody else may have written since this was last asked."""
        ...

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from writing; a transaction in it need not wait for them."""
        ...

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """Hold the write lock; commit at the end, roll back on an exception."""
        ...

    def hold_directory(self, *, alone: bool) -> None:
        """Keep keys, teams and prices as they are until the transaction ends.

        `alone` is for who changes them: it waits for all who hold them, and they for it.
        """
        ...

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        """Hold one state of the database for several reads."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class SqliteSession:
    """The embedded database: WAL, every commit synced, writers take turns on file locks.

    They make waiting fair between processes (see `turns`), and keep a checkpoint from racing
    a commit, the precondition of the WAL-reset fault in SQLite before 3.51.3.
    """

    dialect, lock = "sqlite", ""
    unwritable: tuple[type[Exception], ...] = (sqlite3.IntegrityError, OverflowError, UnicodeError)

    def __init__(
        self,
        path: Path,
        *,
        synchronous: str = "FULL",
        read_only: bool = False,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self.path, self._clock = path, clock
        self._turns = None if read_only else Turns(path)
        if not read_only:
            make(path)
        self._connection = sqlite3.connect(
            path,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        self._file, self._version = DatabaseFile(path), -1
        try:
            self._set_up(synchronous, read_only=read_only)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise LedgerFault(f"{path}: {error}", transient=False, kind="open") from error
            raise

    def _set_up(self, synchronous: str, *, read_only: bool) -> None:
        run = self._connection.execute
        if read_only:
            run("PRAGMA query_only=1")
            run("PRAGMA wal_autocheckpoint=0")
            return
        with self.turn():
            if run("PRAGMA journal_mode").fetchone()[0] != "wal":
                run("PRAGMA journal_mode=WAL")
        run(f"PRAGMA synchronous={synchronous}")
        run("PRAGMA wal_autocheckpoint=4000")
        run("PRAGMA journal_size_limit=67108864")
        run("PRAGMA cache_size=-16384")
        run("PRAGMA temp_store=MEMORY")  # a large statement's own journal is no file

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[Any]:
        """Fetch all rows."""
        with _FAULTS:
            return self._connection.execute(sql, args).fetchall()

    def some(self, sql: str, args: Sequence[Any] = ()) -> Iterator[list[Any]]:
        """Fetch rows, some at a time."""
        with _FAULTS:
            found = self._connection.execute(sql, args)
            while part := found.fetchmany(SOME):
                yield part

    def run(self, sql: str, args: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it touched."""
        with _FAULTS:
            return self._connection.execute(sql, args).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once a row."""
        with _FAULTS:
            self._connection.executemany(sql, rows)

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Row],
        conflict: str = "",
        same: tuple[Constant, ...] = (),
    ) -> None:
        """Add rows, all of them new unless `conflict` says; `same` are columns equal in all."""
        for portion in portions(rows):
            sql = inserting(table, tuple(columns), conflict, len(portion), same)
            self.run(sql, [*chain.from_iterable(portion)])

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows; the last column names the row."""
        for portion in portions(rows):
            sql = updating(table, tuple(columns), len(portion))
            self.run(sql, [*chain.from_iterable(portion)])

    def moved(self) -> bool:
        """Say whether another connection has written: its commits, not ours, count this up."""
        before, self._version = self._version, self.rows("PRAGMA data_version")[0][0]
        return before != self._version

    def now_us(self) -> int:
        """Read the host's clock: the embedded database has none of its own."""
        return self._clock()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other processes from writing; a transaction in it need not wait for them."""
        if self._turns is None:
            raise LedgerFault("the ledger was opened for reading", transient=False, kind="open")
        if self._turns.held:
            yield
            return
        try:
            self._turns.take(BUSY_S)
        except OSError as error:  # it did not come in time, or the system has no lock to give
            why = error.strerror or "another process holds the ledger"
            raise LedgerFault(why, kind="busy") from None
        try:
            yield
        finally:
            self._turns.give()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the write lock; commit at the end, roll back on an exception."""
        with self.turn():
            if not self._file.is_same():
                raise LedgerFault("the database file is gone or was replaced", kind="gone")
            with _FAULTS:
                self._connection.execute("BEGIN IMMEDIATE")
            self._file.opened()
            try:
                yield
                with _FAULTS:
                    self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def hold_directory(self, *, alone: bool) -> None:
        """Nothing to do: whoever writes is alone."""

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Hold one state of the database for several reads; what they sort may go to disk."""
        with _FAULTS:
            self._connection.execute("PRAGMA temp_store=FILE")
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")
            if self._turns is not None:
                self._connection.execute("PRAGMA temp_store=MEMORY")

    def close(self) -> None:
        """Let go of the connection; the last one checkpoints, so it takes its turn."""
        if self._turns is None:
            self._connection.close()
            return
        with contextlib.suppress(LedgerFault), self.turn():
            self._connection.close()
        self._turns.close()
        self._turns = None


class _SqliteFaults:
    """Turns the driver's errors into ours. A class: entering it costs a tenth of a generator."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, sqlite3.DatabaseError) or isinstance(
            error, sqlite3.IntegrityError
        ):
            return
        if isinstance(error, sqlite3.OperationalError):
            kind = {"database is locked": "busy", "database or disk is full": "full"}
            raise LedgerFault(str(error), kind=kind.get(str(error), "commit")) from error
        raise LedgerFault(str(error), transient=False, kind="corrupt") from error


_FAULTS = _SqliteFaults()


def retried(action: Callable[[], T], *, tries: int = 3) -> T:
    """Run a transaction again when the database says that it only lost a race."""
    for attempt in range(tries):
        try:
            return action()
        except LedgerFault as fault:
            if fault.kind != "race" or attempt == tries - 1:
                raise
    raise AssertionError
