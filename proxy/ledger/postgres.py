"""The ledger on PostgreSQL: the same verbs over psycopg, its clock deciding the day."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import errors

from proxy.ledger.portions import Constant
from proxy.ledger.session import SOME, STATEMENT_TIMEOUT_MS, LedgerFault, Row

DIRECTORY_LOCK = 0x66617265626F78  # "farebox"; locks of this kind are a database's own
RACES = (errors.SerializationFailure, errors.DeadlockDetected)
PATIENCE_S: Final = 15.0  # well beyond what the server allows itself for a statement


class _Connection(psycopg.Connection[Any]):
    """A connection that is given up when the server does not answer.

    The server's own timeouts are no help where its machine stands still, where the network drops
    everything, and in a commit, which may wait for a standby that is gone.
    """

    patience_s: float | None = PATIENCE_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer, no longer than `patience_s`; None waits for ever."""
        limit = self.patience_s if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except errors._WaitTimeout:  # noqa: SLF001 - has no other name
            self.pgconn.finish()  # what becomes of the statement nobody will hear
            raise psycopg.OperationalError(
                f"PostgreSQL has not answered for {limit} seconds"
            ) from None


@lru_cache(maxsize=512)
def _translated(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def libpq_url(url: str) -> str:
    """Strip a driver name that SQLAlchemy would want: `postgresql+psycopg://` and the like."""
    scheme, rest = url.split("://", 1)
    return f"{scheme.split('+')[0].replace('postgres:', 'postgresql:')}://{rest}"


class PostgresSession:
    """One connection, opened anew when it broke; READ COMMITTED with rows locked in order."""

    dialect, lock = "postgresql", " FOR UPDATE"
    unwritable: tuple[type[Exception], ...] = (
        psycopg.IntegrityError, psycopg.DataError, OverflowError, UnicodeError,
    )  # fmt: skip

    def __init__(
        self, url: str, *, read_only: bool = False, clock: Callable[[], int] | None = None
    ) -> None:
        self._url, self._read_only, self._clock = libpq_url(url), read_only, clock
        self._connection: _Connection | None = None
        self._begun = False
        self.patience_s: float | None = PATIENCE_S
        self._open()

    def _open(self) -> _Connection:
        with _faults():
            options = (
                f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout=5000"
                " -c idle_in_transaction_session_timeout=10000 -c synchronous_commit=on"
                f" -c default_transaction_read_only={'on' if self._read_only else 'off'}"
            )
            self._connection = _Connection.connect(
                self._url,
                autocommit=True,
                connect_timeout=5,
                options=options,
                application_name="farebox",
                prepare_threshold=2,
            )
            self._connection.patience_s = self.patience_s
        return self._connection

    def wait_for_ever(self) -> None:
        """Let statements of this connection take whatever they take."""
        self._live().patience_s = None
        for timeout in ("lock_timeout", "statement_timeout"):
            self.run(f"SET {timeout}=0")

    def _live(self) -> _Connection:
        connection = self._connection
        if connection is None or connection.closed or connection.broken:
            if self._begun:  # a new connection would write outside of the transaction
                raise LedgerFault("the connection broke in the middle of a transaction")
            return self._open()
        return connection

    def durable(self) -> str | None:
        """Say why this server may lose a commit; None if it does not."""
        for name, good in (("fsync", "on"), ("full_page_writes", "on")):
            value = self.rows(f"SHOW {name}")[0][0]
            if value != good:
                return f"PostgreSQL runs with {name}={value}"
        return None

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[Any]:
        """Fetch all rows."""
        with _faults():
            return self._live().execute(_translated(sql), args).fetchall()

    def some(self, sql: str, args: Sequence[Any] = ()) -> Iterator[list[Any]]:
        """Fetch rows, some at a time; all have come, but not as Python's objects."""
        with _faults():
            found = self._live().execute(_translated(sql), args)
            while part := found.fetchmany(SOME):
                yield part

    def run(self, sql: str, args: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it touched."""
        with _faults():
            return self._live().execute(_translated(sql), args).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once a row, all on their way before the first answer is read."""
        with _faults(), self._live().cursor() as cursor:
            cursor.executemany(_translated(sql), rows)

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Row],
        conflict: str = "",
        same: tuple[Constant, ...] = (),
    ) -> None:
        """Add rows in one statement; COPY, the cheapest there is, where all of them are new."""
        if not rows:
            return
        if same:
            added, constants = zip(*same, strict=True)
            columns, rows = (*columns, *added), [(*row, *constants) for row in rows]
        names = ",".join(f'"{c}"' for c in columns)
        if conflict:
            self._from_json(
                f"INSERT INTO {table}({names}) SELECT {names}", table, columns, rows, conflict
            )
            return
        command = f"COPY {table}({names}) FROM STDIN"
        with _faults(), self._live().cursor() as cursor, cursor.copy(command) as copy:
            for row in rows:
                copy.write_row(row)

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows in one statement; the last column names the row."""
        if not rows:
            return
        assignments = ",".join(f"{c}=new.{c}" for c in columns[:-1])
        named = f"WHERE {table}.{columns[-1]}=new.{columns[-1]}"
        head = f"UPDATE {table} SET {assignments}"  # noqa: S608 - names of ours
        self._from_json(head, table, columns, rows, named)

    def _from_json(
        self, head: str, table: str, columns: Sequence[str], rows: Sequence[Row], tail: str
    ) -> None:
        body = json.dumps([dict(zip(columns, row, strict=True)) for row in rows])
        self.run(
            f"{head} FROM json_populate_recordset(NULL::{table},?::json) AS new {tail}", (body,)
        )

    def moved(self) -> bool:
        """Say that others may have written: on a server there is no cheap way to know."""
        return True

    def now_us(self) -> int:
        """Read the database's clock, so that nodes whose clocks differ agree on the day."""
        if self._clock is not None:
            return self._clock()
        found = self.rows("SELECT (extract(epoch FROM clock_timestamp())*1000000)::bigint")
        return int(found[0][0])

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Nothing to wait for: the rows that a transaction touches are locked, one by one."""
        yield

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, roll back on an exception."""
        with _faults(), contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._live().transaction())
            except psycopg.OperationalError:  # it died while idle; nothing was begun on it
                stack.enter_context(self._open().transaction())
            self._begun = True
            stack.callback(self._ended)
            yield

    def hold_directory(self, *, alone: bool) -> None:
        """Take the directory's lock for this transaction, shared or alone.

        Without it a commit could read a key, wait for a balance, and admit what a change that was
        confirmed meanwhile refuses; and two nodes could each add to the limit that both had read.
        """
        shared = "" if alone else "_shared"
        self.rows(f"SELECT pg_advisory_xact_lock{shared}({DIRECTORY_LOCK})")

    def _ended(self) -> None:
        self._begun = False

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Hold one state of the database for several reads, however long they take.

        So may what is done between two of them: a statement is matched, a slow pipe takes a report.
        """
        connection = self._live()
        with _faults(), connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for timeout in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(f"SET LOCAL {timeout}=0")
            connection.patience_s = None
            try:
                yield
            finally:
                connection.patience_s = self.patience_s

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except RACES as error:
        raise LedgerFault(str(error), kind="race") from error
    except (psycopg.IntegrityError, psycopg.DataError):
        raise
    except errors.LockNotAvailable as error:
        raise LedgerFault(str(error), kind="busy") from error
    except errors.DiskFull as error:
        raise LedgerFault(str(error), kind="full") from error
    except psycopg.Error as error:
        raise LedgerFault(str(error) or type(error).__name__, kind="commit") from error
