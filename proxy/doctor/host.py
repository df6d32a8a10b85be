"""Where the ledger lies: can it be reached or written from here, is one host only on its file."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from proxy.doctor.finding import Finding, ok, on_one_line, problem
from proxy.ledger.file_system import NETWORK_FILE_SYSTEMS, file_system_of, private
from proxy.ledger.schema import open_session, quick_check, sqlite_path
from proxy.ledger.session import LedgerFault
from proxy.settings import Settings, token_path

FREE_MIN: Final = 256 * 1024 * 1024  # bytes; the ledger takes about 1 KiB a charge


def look(settings: Settings, mounts: Iterable[str]) -> Iterator[Finding]:
    """Look at the server that keeps the ledger, or at the place where a SQLite file lies."""
    path = sqlite_path(settings.database_url)
    if path is None:
        yield _server(settings.database_url)
        return
    yield _writable(path.absolute())
    yield _one_host(path.absolute(), mounts)
    yield from _private(path, token_path(settings))
    if _seen(path) and path.is_file():
        yield from _sound(path)


def _server(url: str) -> Finding:
    try:
        open_session(url, read_only=True).close()
    except LedgerFault as error:
        return problem(
            "database",
            f"PostgreSQL cannot be reached: {on_one_line(error)}; check FAREBOX_DATABASE_URL, "
            "whether the server is up, and whether it lets this host and this user in",
        )
    return ok("database", "PostgreSQL answers")


def _writable(path: Path) -> Finding:
    try:
        place = next(parent for parent in path.parents if parent.exists())
        is_there = path.exists()
    except OSError as error:
        return problem("database", f"{path}: {error.strerror}: run this as the ledger's owner")
    if not os.access(place, os.W_OK | os.X_OK):
        return problem(
            "database",
            f"{place} cannot be written by this user, and SQLite writes "
            "files beside the ledger: change its owner, or FAREBOX_DATABASE_URL",
        )
    if is_there and not os.access(path, os.R_OK | os.W_OK):
        return problem("database", f"{path} cannot be written by this user")
    if (free := shutil.disk_usage(place).free) < FREE_MIN:
        return problem(
            "database",
            f"only {free // 2**20} MiB are free on the disk of {path}: a "
            "full disk stops every paid call",
        )
    return ok("database", f"{path} can be written")


def _seen(path: Path) -> bool:
    """Say whether there is such a place, as far as this user may look."""
    try:
        return path.exists()
    except OSError:
        return False


def _sound(path: Path) -> Iterator[Finding]:
    try:
        damage = quick_check(path)
    except LedgerFault as error:
        yield problem("database", f"{path} cannot be read as a ledger: {error}")
        return
    if damage is not None:
        yield problem("database", f"{path} is damaged: {damage}; restore a backup")


def _one_host(path: Path, mounts: Iterable[str]) -> Finding:
    kind = file_system_of(path.parent, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        return problem(
            "one host",
            f"{path} lies on a network file system ({kind}): two hosts "
            "could spend the same money twice; use a local disk, or PostgreSQL",
        )
    return ok("one host", "the ledger lies on a disk of this host")


def _private(*paths: Path) -> Iterator[Finding]:
    for path in paths:
        if _seen(path) and not private(path):
            yield problem("database", f"{path} can be read by other users: chmod 600 {path}")
