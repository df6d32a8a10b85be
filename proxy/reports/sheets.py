"""Rows under columns, on their way out as CSV, JSON or Parquet, never held all at once."""

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

Kind = Literal["text", "count", "money", "instant"]
Columns = Sequence[tuple[str, Kind]]
BATCH_ROWS = 10_000
_LIVE = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the start of a formula


class NoParquet(Exception):
    """The library that writes Parquet is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Parquet needs pyarrow, which is not installed: pip install 'farebox[parquet]'"
        )


def as_csv(columns: Columns, rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Print rows as CSV, RFC 4180 with plain line ends, a piece a batch.

    A text that a spreadsheet would take for a formula gets a `'` before it: callers choose tags.
    """
    yield _written([[name for name, _ in columns]])
    cells = [_text if kind == "text" else _plain for _, kind in columns]
    spelt = ([cell(v) for cell, v in zip(cells, row, strict=True)] for row in rows)
    yield from map(_written, batches(spelt))


def _written(rows: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def as_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Print rows as a JSON list of objects, one object a line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(dict(zip(columns, map(_member, row), strict=True)))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def write_parquet(
    target: Any, columns: Columns, rows: Iterable[Sequence[Any]], *, scale: int
) -> None:
    """Write rows to a path or binary file; money is a decimal with `scale` places.

    Raises:
        NoParquet: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415
        import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415
    except ImportError as error:
        raise NoParquet from error
    types = {
        "text": pa.string(),
        "count": pa.int64(),
        "money": pa.decimal128(30, scale),
        "instant": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in columns])
    with pq.ParquetWriter(target, schema) as writer:
        for batch in batches(rows):
            arrays = [
                pa.array([_typed(v, kind) for v in column], type=types[kind])
                for (_, kind), column in zip(columns, zip(*batch, strict=True), strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def batches(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Cut a stream into lists of at most `BATCH_ROWS`."""
    rest = iter(rows)
    while batch := list(itertools.islice(rest, BATCH_ROWS)):
        yield batch


def _typed(value: Any, kind: Kind) -> Any:
    return Decimal(value) if kind == "money" and isinstance(value, str) else value


def _member(value: Any) -> Any:
    return value if isinstance(value, int | str | None) else _plain(value)


def _text(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_LIVE):
        return f"'{value}"
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else value


@lru_cache(maxsize=4096)
def _instant(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")
