"""A broken SQLite: nothing is written by halves, the fault is named, and it heals."""

import fcntl
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from proxy.charge import Ground
from proxy.directory import Key
from proxy.ledger import session as sessions
from proxy.ledger.file_system import file_system_of, mounted, refuse_network
from proxy.ledger.outcomes import Decide
from proxy.ledger.schema import migrate, quick_check
from proxy.ledger.session import LedgerFault
from tests.ledger.books import differences
from tests.ledger.world import Ledger, fails

only_sqlite = pytest.mark.parametrize("database", ["sqlite"])
DAY = "2026-11-23"


def path_of(ledger: Ledger) -> Path:
    return Path(ledger.url.removeprefix("sqlite:///"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "BUSY_S", 0.2)


@only_sqlite
@pytest.mark.usefixtures("impatient")
def test_a_database_that_another_program_locks_is_busy(ledger: Ledger, url: str) -> None:
    key = ledger.key()
    node = ledger.another()
    fare = node.reserve(key)
    other = sqlite3.connect(path_of(ledger), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    fails("busy", lambda: node.reserve(key))
    fails("busy", lambda: node.settle(fare))
    other.execute("ROLLBACK")
    node.settle(fare)
    assert ledger.used(key, DAY) == (100, 0)
    other.close()
    node.close()


@only_sqlite
@pytest.mark.usefixtures("impatient")
def test_a_process_that_does_not_give_up_its_turn_makes_the_others_say_so(ledger: Ledger) -> None:
    key = ledger.key()
    with Path(f"{path_of(ledger)}.lock").open("w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fails("busy", lambda: ledger.reserve(key))
        fcntl.flock(turn, fcntl.LOCK_UN)
    ledger.reserve(key)
    assert ledger.used(key, DAY) == (0, 100)


@contextmanager
def small_disk(directory: Path) -> Iterator[bool]:
    """Mount two megabytes; False where that is not allowed."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(directory)], check=True)


@only_sqlite
def test_a_full_disk_refuses_and_loses_nothing(url: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as mounted:
        path = tmp_path / "disk" / "ledger.db"
        shutil.copy(url.removeprefix("sqlite:///"), path)
        ballast = tmp_path / "disk" / "ballast"
        ballast.write_bytes(bytes(1_200_000))
        ledger = Ledger(f"sqlite:///{path}")
        if not mounted:
            ledger.session.run("PRAGMA max_page_count=80")
        taken = fill(ledger)
        assert differences(ledger.session) == []
        ballast.unlink()
        ledger.session.run("PRAGMA max_page_count=100000")
        for name in taken:
            ledger.do(Decide(name, 1, Ground.ANSWER))
        assert ledger.count("charges") == ledger.count("charges", "state='settled'") == len(taken)
        assert differences(ledger.session) == []
        ledger.close()


def fill(ledger: Ledger) -> list[str]:
    """Reserve until the disk is full; which charges were admitted."""
    key, taken = ledger.key(), list[str]()
    for _ in range(2000):
        order = ledger.order(key, tags="x" * 2000)
        try:
            ledger.do(order)
        except LedgerFault as fault:
            assert fault.kind == "full"  # noqa: PT017 - the loop ends here
            fails("full", lambda: ledger.reserve(key, tags="y" * 2000))
            return taken
        taken.append(order.charge_id)
    raise AssertionError("the disk does not fill")


@only_sqlite
def test_a_file_that_was_moved_away_is_not_written_any_more(ledger: Ledger, tmp_path: Path) -> None:
    key = ledger.key()
    fare = ledger.reserve(key)
    path_of(ledger).rename(tmp_path / "away")
    fails("gone", lambda: ledger.settle(fare))
    (tmp_path / "away").rename(path_of(ledger))
    ledger.settle(fare)
    assert ledger.used(key, DAY) == (100, 0)


@only_sqlite
def test_a_file_that_was_replaced_is_not_written_any_more(ledger: Ledger, tmp_path: Path) -> None:
    key = ledger.key()
    shutil.copy(path_of(ledger), tmp_path / "copy")
    (tmp_path / "copy").replace(path_of(ledger))
    fails("gone", lambda: ledger.reserve(key))


@only_sqlite
def test_a_database_that_may_only_be_read_refuses_and_names_it(ledger: Ledger) -> None:
    key = ledger.key()
    ledger.session.run("PRAGMA query_only=1")
    fails("commit", lambda: ledger.reserve(key))
    ledger.session.run("PRAGMA query_only=0")
    assert ledger.count("charges") == 0


def test_a_place_that_cannot_be_written_is_an_error_at_start() -> None:
    with pytest.raises(LedgerFault, match=r"/proc/ledger\.db") as fault:
        migrate("sqlite:////proc/ledger.db")
    assert not fault.value.transient


@only_sqlite
def test_noise_for_a_page_is_corruption_and_not_an_empty_ledger(ledger: Ledger, url: str) -> None:
    key = ledger.key()
    for _ in range(200):
        ledger.reserve(key)
    ledger.close()
    path = path_of(ledger)
    noise = random.Random(1).randbytes(4096)  # noqa: S311 - noise, not a secret
    with path.open("r+b") as file:
        for page in range(4, path.stat().st_size // 4096, 2):
            file.seek(page * 4096)
            file.write(noise)
    assert quick_check_fails(path)
    with pytest.raises(LedgerFault) as fault:
        use(url, key)
    assert fault.value.kind in {"open", "corrupt"}
    assert not fault.value.transient


def use(url: str, key: Key) -> None:
    with closing(Ledger(url)) as ledger:
        for _ in range(100):
            ledger.reserve(key)


def quick_check_fails(path: Path) -> bool:
    try:
        return quick_check(path) is not None
    except LedgerFault:
        return True


def test_a_file_that_is_no_database_is_an_error_at_start(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this was never a database, whatever its name says" * 100)
    with pytest.raises(LedgerFault) as fault:
        migrate(f"sqlite:///{path}")
    assert not fault.value.transient


MOUNTS = """\
/dev/vda / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
server:/export /srv/data nfs4 rw 0 0
//nas/share /srv/data\\040two cifs rw 0 0
/dev/vdb /srv/data/local xfs rw 0 0
host /mnt/host 9p rw 0 0
user@host:/ /mnt/ssh fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/farebox.db", None),
        ("/srv/data/farebox.db", "nfs4"),
        ("/srv/data/deep/er/farebox.db", "nfs4"),
        ("/srv/data two/farebox.db", "cifs"),
        ("/srv/data/local/farebox.db", None),
        ("/srv/database/farebox.db", None),
        ("/mnt/host/farebox.db", "9p"),
        ("/mnt/ssh/farebox.db", "fuse.sshfs"),
    ],
)
def test_a_network_file_system_is_refused(path: str, kind: str | None) -> None:
    lines = MOUNTS.splitlines()
    if kind is None:
        refuse_network(Path(path), lines)
        return
    assert file_system_of(Path(path), lines) == kind
    with pytest.raises(LedgerFault, match="network file system"):
        refuse_network(Path(path), lines)


def test_what_else_is_mounted_may_be_called_anything(tmp_path: Path) -> None:
    listed = tmp_path / "mounts"
    listed.write_bytes("/dev/a / ext4 rw 0 0\n/dev/b /media/\x85 vfat rw 0 0\n".encode())
    assert len(mounted(listed)) == 2
    listed.write_bytes(b"/dev/b /media/b\xe4r vfat rw 0 0\nserver:/a /srv nfs4 rw 0 0\n")
    assert file_system_of(Path("/srv"), mounted(listed)) == "nfs4"
    assert mounted(tmp_path / "not-linux") == []


@only_sqlite
def test_sqlite_syncs_every_commit(ledger: Ledger) -> None:
    assert ledger.session.rows("PRAGMA synchronous")[0][0] == 2
    assert ledger.session.rows("PRAGMA journal_mode")[0][0] == "wal"
