"""Where a database file lies, and who may read it."""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from proxy.ledger.session import LedgerFault

MOUNTS: Final = Path("/proc/mounts")
NETWORK_FILE_SYSTEMS = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs",
    "lustre",
}  # fmt: skip


def mounted(listed: Path = MOUNTS) -> list[str]:
    """List what is mounted, a line each; nothing where the system does not say.

    The names of other mounts are in there, too, in whatever bytes they were given.
    """
    try:
        return listed.read_text(encoding="utf-8", errors="surrogateescape").split("\n")[:-1]
    except OSError:
        return []


def file_system_of(path: Path, mounts: Iterable[str]) -> str:
    """Name the type of the file system a path lies on, from lines of /proc/mounts."""
    best, found = "", ""
    target = str(path.resolve())
    for line in mounts:
        _, where, kind, *_ = line.split(" ")
        where = where.replace("\\040", " ")
        inside = target == where or target.startswith(where.rstrip("/") + "/")
        if inside and len(where) >= len(best):
            best, found = where, kind
    return found


def refuse_network(path: Path, mounts: Iterable[str] | None = None) -> None:
    """Refuse a database on a network file system: its locks do not bind two hosts.

    Raises:
        LedgerFault: it lies on one.
    """
    kind = file_system_of(path.parent, mounted() if mounts is None else mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise LedgerFault(
            f"{path} lies on a network file system ({kind}); two hosts on one SQLite file could"
            " spend the same money twice. Use a local disk, or PostgreSQL.",
            transient=False,
            kind="network",
        )


def private(path: Path) -> bool:
    """Say whether a file can be read by its owner only."""
    return stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
