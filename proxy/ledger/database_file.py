"""The file of an embedded database: made once, and still the one that was opened."""

import contextlib
import os
import sqlite3
from pathlib import Path


def make(path: Path) -> None:
    """Make the file, for its owner alone, where there is none.

    One that is there must not be opened but by SQLite: to close any descriptor of a file drops
    all locks that this process has on it, also those of its other connections. The next process
    to close the database would then take itself for the last, and delete the log of a live one
    (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def reading(path: Path) -> sqlite3.Connection:
    """Open a database that is there, and that nothing is written to; whatever its name holds.

    With a `?`, `#` or `%` that is not escaped, SQLite takes a path for another and makes that file.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(address, uri=True, isolation_level=None)


class DatabaseFile:
    """Which file a connection writes to, and which log; a name may come to mean another one."""

    def __init__(self, path: Path) -> None:
        self._path, self._log = path, Path(f"{path}-wal")
        self._inode, self._log_inode = _inode(path), 0

    def opened(self) -> None:
        """Note which log it is: one is there as soon as a transaction was begun."""
        if not self._log_inode:
            self._log_inode = _inode(self._log)

    def is_same(self) -> bool:
        """Say whether both are there yet: what goes to a file without a name, nobody finds."""
        return _inode(self._path) == self._inode and (
            not self._log_inode or _inode(self._log) == self._log_inode
        )


def _inode(path: Path) -> int:
    """Number a file; 0 is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0
