"""Price tables on disk -> `PriceBook`. The only module of this package that opens a file."""

from pathlib import Path

from pricing.errors import TableError
from pricing.lines import line_of
from pricing.parse import load_table
from pricing.table import PriceBook, PriceTable

BUNDLED = Path(__file__).parent / "tables"


def read_table(path: Path) -> PriceTable:
    """Read one file; raises `TableError`, also where it cannot be read at all."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(str(path), None, "", f"cannot be read: {error}") from None
    return load_table(text, name=str(path))


def load_tables(*directories: Path) -> PriceBook:
    """Read every `*.toml` of these directories, in order, as one book.

    A file that says exactly what an earlier one says is passed over; otherwise two files with
    one version or one `effective_from` are a `TableError`, and so is a first directory without
    tables. Those after it may wait for theirs.
    """
    tables: list[PriceTable] = []
    for directory in directories:
        for path in sorted(directory.glob("*.toml")):
            table = read_table(path)
            if table not in tables:
                _refuse_twins(table, tables, path)
                tables.append(table)
        if not tables:
            raise TableError(str(directory), None, "", "holds no price table")
    return PriceBook(tables)


def _refuse_twins(table: PriceTable, earlier: list[PriceTable], path: Path) -> None:
    for other in earlier:
        for member in ("version", "effective_from"):
            if getattr(table, member) == getattr(other, member):
                line = line_of(table.text, (member,))
                raise TableError(str(path), line, member, f"is also that of {other.version}")
