"""Many rows in few statements, for the embedded database."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

Row = Sequence[Any]
Constant = tuple[str, Any]  # a column, and a number or a plain word of ours, or None
PORTIONS = (64, 32, *range(16, 0, -1))  # rows a statement


def portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows into portions of a few sizes, each a statement that is prepared once.

    Every statement lets go of Python's lock and waits up to 5 ms to get it back from a busy
    event loop: a batch in few statements waits a few times, one statement a row hundreds.
    """
    if not rows:
        return
    at = 0
    for size in PORTIONS:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


@lru_cache(maxsize=512)
def values(columns: int, rows: int, constants: str = "") -> str:
    """Write `VALUES (?,?),(?,?)`, each with the same `constants` at its end."""
    return "VALUES " + ",".join([f"({','.join('?' * columns)}{constants})"] * rows)


@lru_cache(maxsize=512)
def inserting(
    table: str, columns: tuple[str, ...], conflict: str, rows: int, same: tuple[Constant, ...] = ()
) -> str:
    """Write a statement that adds so many rows, with columns that are the `same` in all of them.

    `OR FAIL`: what is in the way ends the transaction anyway, so the database need not keep a
    journal of its own to undo half a statement with: a twentieth of a commit.
    """
    names = ",".join(f'"{c}"' for c in (*columns, *(name for name, _ in same)))
    verb = "INSERT" if conflict else "INSERT OR FAIL"
    constants = "".join(f",{_literal(value)}" for _, value in same)
    return f"{verb} INTO {table}({names}) {values(len(columns), rows, constants)} {conflict}"


def _literal(value: Any) -> str:
    return "NULL" if value is None else repr(value)


@lru_cache(maxsize=512)
def updating(table: str, columns: tuple[str, ...], rows: int) -> str:
    """Write a statement that changes so many rows; the last column names each."""
    assignments = ",".join(f"{c}=new.{c}" for c in columns[:-1])
    return (
        f"WITH new({','.join(columns)}) AS ({values(len(columns), rows)})"  # noqa: S608
        f" UPDATE OR FAIL {table} SET {assignments} FROM new"
        f" WHERE {table}.{columns[-1]}=new.{columns[-1]}"
    )
