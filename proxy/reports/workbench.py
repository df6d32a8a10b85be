"""Where statement and ledger lie side by side: a temporary database on disk, so any size fits."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Self

from proxy.reports.statement import BadLine, Line

BATCH = 10_000
EARLY_US, LATE_US = 60_000_000, 900_000_000  # a bill's time against our admission of the call

_TABLES = """
CREATE TABLE lines(number INTEGER PRIMARY KEY, prediction TEXT, at_us INTEGER, key TEXT, model TEXT,
                   micros INTEGER, charge TEXT);
CREATE TABLE bad(number INTEGER PRIMARY KEY, prediction TEXT, why TEXT);
CREATE TABLE ours(id TEXT PRIMARY KEY, prediction TEXT, account TEXT, key TEXT, team TEXT,
                  model TEXT, resolution TEXT, task TEXT, version TEXT, unit INTEGER,
                  listed INTEGER, images INTEGER, micros INTEGER, open INTEGER,
                  unpriced INTEGER, at_us INTEGER, inside INTEGER,
                  billed INTEGER DEFAULT 0) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX lines_prediction ON lines(prediction);
CREATE INDEX lines_charge ON lines(charge);
CREATE INDEX ours_prediction ON ours(prediction);
CREATE INDEX ours_alike ON ours(model,micros,at_us);
"""
_THE_ONE = """
UPDATE lines SET charge=(SELECT CASE count(*) WHEN 1 THEN min(id) END FROM ours
                         WHERE prediction=lines.prediction{})
WHERE charge IS NULL AND prediction<>'';
UPDATE ours SET billed=1 WHERE id IN (SELECT charge FROM lines);
"""
_BY_ID = _THE_ONE.format("")
_BY_ACCOUNT = _THE_ONE.format(" AND account IN (SELECT account FROM ours WHERE billed=1)")
_NOBODYS = """
UPDATE ours SET inside=0
WHERE prediction IN (SELECT prediction FROM lines WHERE charge IS NULL AND prediction<>'')
"""
# Lines whose id no charge has; what several have was not matched either.
_REST = f"""
SELECT number,prediction,at_us,key,model,micros FROM lines
WHERE charge IS NULL AND micros>0 AND number>?
  AND NOT EXISTS(SELECT 1 FROM ours WHERE prediction=lines.prediction)
ORDER BY number LIMIT {BATCH}
"""  # noqa: S608 - a number of ours
_ALIKE = """
SELECT id FROM ours
WHERE model=? AND micros=? AND at_us BETWEEN ? AND ? AND billed=0
  AND (prediction IS NULL OR ?='') AND (?='' OR key=?)
ORDER BY open, abs(at_us-?), id LIMIT 1
"""


class Workbench:
    """The two sides of a reconciliation, and what was matched with what."""

    def __init__(self, folder: Path) -> None:
        self.sql = sqlite3.connect(folder / "reconcile.db", isolation_level=None)
        self.sql.execute("PRAGMA synchronous=OFF")
        self.sql.execute("PRAGMA journal_mode=OFF")
        self.sql.execute("PRAGMA cache_size=-65536")
        self.sql.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sql.close()

    def lay_out_lines(self, lines: Iterable[Line | BadLine], model: Callable[[str], str]) -> None:
        """Lay out a statement; `model` reads its spelling of a model."""
        for batch in _batches(lines):
            good = [each for each in batch if isinstance(each, Line)]
            self._many(
                "INSERT INTO lines VALUES(?,?,?,?,?,?,NULL)",
                (
                    (e.number, e.prediction_id, e.at_us, e.key, model(e.model), e.micros)
                    for e in good
                ),
            )
            bad = (each for each in batch if isinstance(each, BadLine))
            self._many(
                "INSERT INTO bad VALUES(?,?,?)", ((b.number, b.prediction_id, b.why) for b in bad)
            )

    def lay_out_charges(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Lay out charges: the columns of `ours` up to `inside`."""
        for batch in _batches(rows):
            self._many(
                f"INSERT INTO ours VALUES({'?,' * 17}0) ON CONFLICT DO NOTHING",
                batch,
            )

    def _many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.sql.execute("BEGIN")
        self.sql.executemany(sql, rows)
        self.sql.execute("COMMIT")

    def index(self) -> None:
        """Make ready to be asked, once all is laid out."""
        self.sql.executescript(_INDEXES)

    def span(self) -> tuple[int, int] | None:
        """Find the first and last instant of the statement; None of an empty one."""
        first, last = self.sql.execute("SELECT min(at_us),max(at_us) FROM lines").fetchone()
        return None if first is None else (first, last)

    def match_ids(self) -> None:
        """Match lines with charges by prediction id, where one charge alone has it."""
        self.sql.executescript(_BY_ID)

    def match_accounts(self) -> None:
        """Match lines whose id charges of several accounts have, if one of these is billed here.

        Whatever is still in question is nobody's: its charges are neither billed nor missed.
        """
        self.sql.executescript(_BY_ACCOUNT)
        self.sql.execute(_NOBODYS)

    def strangers(self) -> Iterator[list[str]]:
        """List the prediction ids that no charge laid out has, a few hundred at a time."""
        found = self.sql.execute(
            "SELECT DISTINCT prediction FROM lines WHERE charge IS NULL AND prediction<>''"
        )
        yield from _batches((row[0] for row in found), 500)

    def match_alike(self) -> None:
        """Match what is left by key, model, amount and time; each charge is billed once.

        A charge with an id of its own is not taken for a line with another one.
        """
        last = 0
        while rest := self.sql.execute(_REST, (last,)).fetchall():
            for number, prediction, at_us, key, model, micros in rest:
                near = (at_us - LATE_US, at_us + EARLY_US)
                asked = (model, micros, *near, prediction, key, key, at_us)
                if found := self.sql.execute(_ALIKE, asked).fetchone():
                    self.sql.execute("UPDATE lines SET charge=? WHERE number=?", (*found, number))
                    self.sql.execute("UPDATE ours SET billed=1 WHERE id=?", found)
            last = rest[-1][0]

    def one(self, sql: str) -> tuple[Any, ...]:
        """Ask for one row."""
        return tuple(self.sql.execute(sql).fetchone())

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Ask for rows, streamed."""
        return iter(self.sql.execute(sql))


def _batches(things: Iterable[Any], size: int = BATCH) -> Iterator[list[Any]]:
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch
