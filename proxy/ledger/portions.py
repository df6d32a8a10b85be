"""Many rows in few statements, for the embedded database."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

Row = Sequence[Any]
PORTIONS = (64, 16, 4, 1)  # rows a statement


def portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows into portions of a few sizes, each a statement that is prepared once.

    Every statement lets go of Python's lock and waits up to 5 ms to get it back from a busy
    event loop: a batch in few statements waits a few times, one statement a row hundreds.
    """
    at = 0
    for size in PORTIONS:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


@lru_cache
def values(columns: int, rows: int) -> str:
    """Write `VALUES (?,?),(?,?)`."""
    return "VALUES " + ",".join([f"({','.join('?' * columns)})"] * rows)


@lru_cache
def inserting(table: str, columns: tuple[str, ...], conflict: str, rows: int) -> str:
    """Write a statement that adds so many rows."""
    names = ",".join(f'"{c}"' for c in columns)
    return f"INSERT INTO {table}({names}) {values(len(columns), rows)} {conflict}"


@lru_cache
def updating(table: str, columns: tuple[str, ...], rows: int) -> str:
    """Write a statement that changes so many rows; the last column names each."""
    assignments = ",".join(f"{c}=new.{c}" for c in columns[:-1])
    return (
        f"WITH new({','.join(columns)}) AS ({values(len(columns), rows)}) UPDATE {table}"  # noqa: S608
        f" SET {assignments} FROM new WHERE {table}.{columns[-1]}=new.{columns[-1]}"
    )
