"""What a command prints: tables for people, tabs for pipes, JSON for programs.

Exit codes: 0 fine, 1 a finding, 2 wrong usage.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

FINDING: Final = 1
WRONG_USAGE: Final = 2
PROSE_WIDTH: Final = 24  # of a terminal; what holds spaces may be folded into that


class CommandError(Exception):
    """Ends a command with one line on stderr and an exit code."""

    def __init__(self, message: str, *, code: int = FINDING) -> None:
        super().__init__(message)
        self.code = code


def unwritable(path: Path | None, error: OSError) -> Exception:
    """Say that a file, or standard output, cannot be written.

    Wrong usage where it is the place that is wrong.
    """
    if isinstance(error, BrokenPipeError):
        return ReaderLeft()
    misplaced = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
    code = WRONG_USAGE if isinstance(error, misplaced) else FINDING
    where = path or "standard output"
    return CommandError(f"{where}: {os.strerror(error.errno or 0)}", code=code)


def is_there(path: Path) -> bool:
    """Say whether a file is there.

    Raises:
        CommandError: this user may not even look.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", code=WRONG_USAGE) from error


class ReaderLeft(Exception):
    """The other end of the pipe was closed."""


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, as_json: bool = False
) -> None:
    """Print rows under their columns; as JSON, a list of objects."""
    kept = [tuple(row) for row in rows]
    if as_json:
        _show_json([dict(zip(columns, row, strict=True)) for row in kept])
    elif sys.stdout.isatty():
        _show_rich(columns, kept)
    else:
        for line in (tuple(columns), *kept):
            _write("\t".join(_cell(value) for value in line))


def show_facts(facts: Mapping[str, object], *, as_json: bool = False) -> None:
    """Print one thing, a line a fact; as JSON, an object."""
    if as_json:
        _show_json(facts)
        return
    width = max((len(name) for name in facts), default=0) if sys.stdout.isatty() else 0
    for name, value in facts.items():
        gap = "  " if width else "\t"
        _write(f"{name.ljust(width)}{gap}{_cell(value)}")


def say(message: str) -> None:
    """Tell a person something on stderr, where it is in no pipe's way."""
    sys.stderr.write(f"{message}\n")


def printable(text: str) -> str:
    """Return the text on one line and without what could drive a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _show_json(content: object) -> None:
    _write(json.dumps(content, indent=2, default=_cell))


def _show_rich(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        figures = all(_is_figure(row[place]) for row in rows)
        least = _least([*name.split("_"), *(_cell(row[place]) for row in rows)])
        table.add_column(
            name.replace("_", " "),
            justify="right" if figures else "left",
            overflow="fold",
            min_width=least,
        )
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    Console(file=sys.stdout).print(table, crop=False)


def _least(cells: Sequence[str]) -> int:
    """Say how wide a column has to be: half an id or amount is worse than a line too long."""
    longest = max(map(cell_len, cells), default=0)
    return min(longest, PROSE_WIDTH) if any(" " in cell for cell in cells) else longest


def _is_figure(value: object) -> bool:
    if isinstance(value, str):
        return value.removeprefix("-").replace(".", "", 1).isdecimal()
    return value is None or (isinstance(value, int | Decimal) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ",".join(_cell(part) for part in value)
    return printable(str(value))


def _write(line: str) -> None:
    try:
        sys.stdout.write(f"{line}\n")
    except BrokenPipeError as error:
        raise ReaderLeft from error
