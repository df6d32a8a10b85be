"""The locks on a database's file stay where SQLite put them; its log is the one that is read."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.ledger.database_file import make
from proxy.ledger.schema import open_session
from tests.ledger.world import Ledger, fails

pytestmark = pytest.mark.parametrize("database", ["sqlite"])
ELSEWHERE = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
    " print(c.execute('SELECT count(*) FROM charges').fetchone()[0]); c.close()"
)


def path_of(ledger: Ledger) -> Path:
    return Path(ledger.url.removeprefix("sqlite:///"))


def locks_on(path: Path) -> int:
    """How many locks processes hold on a file, as the kernel knows them."""
    inode = f":{path.stat().st_ino} "
    return sum(inode in line for line in Path("/proc/locks").read_text().splitlines())


def counted_elsewhere(path: Path) -> int:
    """What another process reads, which closes the database as one that may be the last does."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, path], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_second_connection_of_a_process_takes_nothing_from_the_first(
    ledger: Ledger, *, read_only: bool
) -> None:
    path, key = path_of(ledger), ledger.key()
    log, before = Path(f"{path}-wal"), locks_on(path)
    inode = log.stat().st_ino
    open_session(ledger.url, read_only=read_only).close()
    assert locks_on(path) == before > 0
    assert counted_elsewhere(path) == 0
    ledger.reserve(key)
    assert log.stat().st_ino == inode
    assert counted_elsewhere(path) == 1


def test_nothing_is_written_to_a_log_that_was_deleted(ledger: Ledger) -> None:
    key, log = ledger.key(), Path(f"{path_of(ledger)}-wal")
    kept = log.with_name("kept")
    log.rename(kept)
    fails("gone", lambda: ledger.reserve(key))
    log.write_bytes(b"")
    fails("gone", lambda: ledger.reserve(key))
    kept.replace(log)
    ledger.reserve(key)


def test_a_file_is_made_once_and_for_its_owner_alone(database: str, tmp_path: Path) -> None:
    path = tmp_path / f"{database}.db"
    make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    path.write_bytes(b"x")
    make(path)
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o640, b"x")
