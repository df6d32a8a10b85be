"""The provider's bill: lines of a CSV in any layout, read one at a time."""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy.reports.layout import Layout, Unreadable

LINE_MAX = 1 << 20


class NoStatement(ValueError):
    """A file that is no statement in this layout; says which columns it lacks."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that could be read; money in micro-USD."""

    number: int
    prediction_id: str
    at_us: int
    model: str
    micros: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that could not be read, and why."""

    number: int
    prediction_id: str
    why: str


def read(path: Path, layout: Layout) -> Iterator[Line | BadLine]:
    """Read a statement line by line.

    Raises:
        NoStatement: it lacks a column, or is not text in the layout's encoding.
    """
    csv.field_size_limit(LINE_MAX)
    try:
        with path.open(encoding=layout.encoding, newline="") as file:
            lines = csv.DictReader(file, delimiter=layout.delimiter, restval="")
            _complete(lines.fieldnames or (), layout)
            for fields in lines:
                if any(fields.values()):
                    yield _line(fields, layout, lines.line_num)
    except (UnicodeDecodeError, LookupError, csv.Error) as error:
        raise NoStatement(f"{path}: {error}") from error


def _complete(found: object, layout: Layout) -> None:
    names = list(found) if isinstance(found, list | tuple) else []
    if missing := [column for column in layout.columns.values() if column not in names]:
        raise NoStatement(
            f"no column {', '.join(missing)}; there are {', '.join(names) or 'none'}"
            " (a mapping says which is which)"
        )


def _line(fields: Mapping[str, str], layout: Layout, number: int) -> Line | BadLine:
    text = {name: fields[column].strip() for name, column in layout.columns.items()}
    if any("\0" in each for each in text.values()):  # no database takes it for text
        return BadLine(number, "", "holds the character NUL")
    currency = text.get("currency", layout.currency)
    if currency.upper() != layout.currency:
        return BadLine(number, text["prediction_id"], f"is in {currency}, not {layout.currency}")
    try:
        return Line(
            number,
            text["prediction_id"],
            layout.at_us(text["created_at"]),
            text["model"],
            layout.micros(text["amount"]),
            text.get("key", ""),
        )
    except Unreadable as error:
        return BadLine(number, text["prediction_id"], str(error))


def digest(path: Path) -> str:
    """Say which file it was: its SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
