"""What Farebox is told at its start: one frozen object, read once.

`values` reads text, `table` lists every setting, `load` gathers them from flags, environment
and farebox.toml, `token` makes the admin token, `reference` writes the page of the manual.
"""

from proxy.settings.load import SettingsError, load_settings
from proxy.settings.table import Settings
from proxy.settings.token import admin_token, token_path
from proxy.settings.values import sqlite_path

__all__ = [
    "Settings",
    "SettingsError",
    "admin_token",
    "load_settings",
    "sqlite_path",
    "token_path",
]
