"""The admin token: given, or made once and kept beside the database."""

import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from proxy.settings.load import SettingsError
from proxy.settings.table import Settings
from proxy.settings.values import sqlite_path

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def admin_token(settings: Settings) -> str:
    """Return the admin token, making it on the first start of a loopback installation.

    Raises:
        SettingsError: it is unset though others can reach Farebox, or its file is unusable.
    """
    if settings.admin_token is not None:
        return settings.admin_token
    if not settings.loopback:
        raise SettingsError(
            f"FAREBOX_ADMIN_TOKEN must be set to listen on {settings.host}: others can reach it"
        )
    path = token_path(settings)
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise SettingsError(f"FAREBOX_ADMIN_TOKEN is unset and {path}: {error.strerror}") from error


def token_path(settings: Settings) -> Path:
    """Return where the made token lies: beside the SQLite file, else in this directory."""
    database = sqlite_path(settings.database_url) or Path("farebox")
    return database.with_name(f"{database.name}.token")


def _make(path: Path) -> None:
    """Write a new token whole, 0600; of two that start at once, the first one's stays."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        Path(path).hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def _read(path: Path) -> str:
    token = path.read_text(encoding="ascii").strip()
    if stat.S_IMODE(path.stat().st_mode) & OTHERS:
        raise SettingsError(f"{path} can be read by others: chmod 600, or delete it")
    if not token:
        raise SettingsError(f"{path} is empty: delete it, and the next start makes a new one")
    return token
