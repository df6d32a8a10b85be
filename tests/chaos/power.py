"""Simulated power cuts: every write and sync of the real ledger is logged, then cut off anywhere.

What was synced is there after the cut; of what was not, some is lost, some is torn at a sector
of 512 bytes, some came through. The ledger must open again and hold whatever it acknowledged.
"""

import os
import random
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import apsw

from pricing import BUNDLED, load_tables
from proxy.charge import Ground
from proxy.fares import new_id
from proxy.ledger import registry, versions
from proxy.ledger.operation import Operation
from proxy.ledger.outcomes import Accept, Decide
from proxy.ledger.reserve import Reserve
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.session import LedgerFault, SqliteSession
from proxy.ledger.store import Store
from proxy.ledger.verify import verify
from tests.chaos.prices import flash

CUTS = 400
RESERVATIONS = 200
CHECKPOINT_PAGES = 300  # a checkpoint every thirty reservations or so
SECTOR = 512

Step: TypeAlias = tuple[Any, ...]  # ("write", file, at, bytes) ("size", file, n) ("sync", file) …
Files: TypeAlias = dict[str, bytearray]


class Disk(apsw.VFS):
    """The file system as it is, with a log of everything that changes it."""

    def __init__(self) -> None:
        self.log: list[Step] = []
        self.name = f"logged-{id(self)}"
        super().__init__(self.name, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> "LoggedFile":  # noqa: N802 - apsw's name
        return LoggedFile(self.log, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        self.log.append(("delete", Path(name).name))
        super().xDelete(name, sync)


class LoggedFile(apsw.VFSFile):
    def __init__(self, log: list[Step], name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._log, self._name = log, Path(str(path)).name
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._log.append(("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._log.append(("sync", self._name))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._log.append(("size", self._name, size))
        super().xTruncate(size)


class Connection:
    """An apsw connection with as much of sqlite3's manners as the ledger uses."""

    def __init__(self, path: Path, vfs: str) -> None:
        self._real = apsw.Connection(str(path), vfs=vfs)

    def execute(self, sql: str, args: Sequence[Any] = ()) -> "Cursor":
        return Cursor(self._real.execute(sql, tuple(args)), self._real)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._real.executemany(sql, [tuple(row) for row in rows])

    def close(self) -> None:
        self._real.close()


class Cursor:
    def __init__(self, found: Any, connection: apsw.Connection) -> None:
        self._rows = list(found)
        self.rowcount = connection.changes()

    def fetchall(self) -> list[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None


@contextmanager
def connecting(disk: Disk) -> Iterator[None]:
    """Let the ledger's sessions write through a logged disk."""
    real = sqlite3.connect
    sqlite3.connect = lambda path, **_: Connection(path, disk.name)  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = real


@dataclass
class Lost:
    """What the cuts did."""

    cuts: int = 0
    losing: int = 0  # cuts after which something acknowledged was gone
    worst: int = 0  # most acknowledged changes gone after one cut
    unreadable: int = 0
    differing: int = 0  # cuts after which balances and entries disagreed
    syncs: int = 0

    @property
    def sound(self) -> bool:
        return not (self.losing or self.unreadable or self.differing)


def power_cuts(synchronous: str, *, cuts: int = CUTS, seed: int = 5) -> Lost:
    """Write a ledger with this setting, cut the power so often, and count what is lost."""
    chance = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="fb-power-", dir=_memory()) as place:
        files, log = _written(Path(place) / "farebox.db", synchronous)
        lost = Lost(syncs=sum(step[0] == "sync" for step in log))
        acknowledged: dict[str, str] = {}
        pending: dict[str, list[Step]] = {}
        at = 0
        for number, cut in enumerate(sorted(chance.randrange(len(log) + 1) for _ in range(cuts))):
            for step in log[at:cut]:
                _take(step, files, pending, acknowledged)
            at = cut
            home = Path(place) / f"cut-{number}"
            _leave(home, files, pending, chance)
            _look(home / "farebox.db", acknowledged, lost)
    return lost


def _memory() -> str | None:
    """Where it is quick: nothing of this needs a real disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def _written(path: Path, synchronous: str) -> tuple[Files, list[Step]]:
    """The files as they were at first, and the log of a ledger at work on them."""
    migrate(f"sqlite:///{path}")
    disk = Disk()
    with connecting(disk):
        session = SqliteSession(path, synchronous=synchronous)
        store = Store(session)
        store.open()
        session.run(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        store.transact(versions.add(load_tables(BUNDLED).versions, actor="t"))
        key = store.transact(registry.create_key("k", actor="t", daily_micros=-1)).key
        session.run("PRAGMA wal_checkpoint(TRUNCATE)")
        files = {file.name: bytearray(file.read_bytes()) for file in path.parent.glob("*.db*")}
        files = {name: data for name, data in files.items() if not name.endswith(("shm", "lock"))}
        disk.log.clear()
        for number in range(RESERVATIONS):
            for operation in _life(number, key):
                receipt = store.commit([operation])[0]
                disk.log.append(("acknowledged", receipt.fare.id, receipt.fare.state))
        log = list(disk.log)
        session.close()
    return files, log


def _life(number: int, key: Any) -> Iterator[Operation]:
    """Every charge is reserved, most are accepted, half are settled."""
    charge = new_id(1_800_000_000_000_000 + number)
    yield Reserve(charge, key, flash, "account", "path", "power")
    if number % 5:
        yield Accept(charge, "account", f"job-{number}")
    if number % 2:
        yield Decide(charge, 1, Ground.ANSWER, "completed")


def _take(
    step: Step, files: Files, pending: dict[str, list[Step]], acknowledged: dict[str, str]
) -> None:
    """Let one step of the log happen."""
    kind, name, *rest = step
    if kind == "acknowledged":
        acknowledged[name] = rest[0]
    elif kind == "delete":
        files.pop(name, None)
        pending.pop(name, None)
    elif kind == "sync":
        for unsynced in pending.pop(name, []):
            _apply(files.setdefault(name, bytearray()), unsynced)
    else:
        pending.setdefault(name, []).append(step)


def _leave(home: Path, files: Files, pending: dict[str, list[Step]], chance: random.Random) -> None:
    """Write down what a cut leaves of the files."""
    home.mkdir()
    left = {name: bytearray(data) for name, data in files.items()}
    for name, steps in pending.items():
        spares_none = chance.random() < 0.4
        for step in steps:
            luck = chance.random()
            if spares_none or luck < 0.4:
                continue
            torn = _torn(step, chance) if luck < 0.6 and step[0] == "write" else step
            _apply(left.setdefault(name, bytearray()), torn)
    for name, data in left.items():
        (home / name).write_bytes(data)


def _torn(step: Step, chance: random.Random) -> Step:
    kind, name, at, data = step
    return kind, name, at, data[: chance.randrange(len(data) + 1) // SECTOR * SECTOR]


def _apply(file: bytearray, step: Step) -> None:
    if step[0] == "size":
        del file[step[2] :]
        return
    _, _, at, data = step
    file.extend(bytes(max(0, at - len(file))))
    file[at : at + len(data)] = data


STEPS = {"": 0, "reserved": 1, "accepted": 2, "settled": 3}


def _look(path: Path, acknowledged: dict[str, str], lost: Lost) -> None:
    """Open what is left, as a start after the cut would."""
    lost.cuts += 1
    try:
        session = open_session(f"sqlite:///{path}")
        found = dict(session.rows("SELECT id,state FROM charges"))
        lost.differing += bool(verify(session))
        session.close()
    except LedgerFault:
        lost.unreadable += 1
        return
    gone = sum(STEPS[found.get(fare, "")] < STEPS[state] for fare, state in acknowledged.items())
    lost.losing += gone > 0
    lost.worst = max(lost.worst, gone)
