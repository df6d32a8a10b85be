"""Read the settings: flags win over the environment, the environment over farebox.toml."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from proxy.settings import values
from proxy.settings.table import VARIABLES, Settings, Variable, is_loopback

PREFIX: Final = "FAREBOX_"
CONFIG: Final = Path("farebox.toml")
"""Read when it is there and no other file was named."""


class SettingsError(Exception):
    """A setting that cannot be used; the message names its variable."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it, and where."""

    text: str
    where: str


def load_settings(
    environ: Mapping[str, str],
    toml_path: Path | None = None,
    *,
    flags: Mapping[str, str] | None = None,
    terminal: bool = False,
) -> Settings:
    """Return the settings.

    `flags` are values from the command line by variable name (`port`); `terminal` says
    whether somebody is looking, which decides the form of the log.

    Raises:
        SettingsError: an unknown name, a bad value, or a file that cannot be read.
    """
    given: dict[str, Given] = {"log_format": Given("console", "")} if terminal else {}
    given |= _from_toml(toml_path)
    given |= _from_environ(environ)
    given |= {name: Given(text, f"--{name}") for name, text in (flags or {}).items()}
    settings = _build(given)
    _agree(settings)
    return settings


def _build(given: Mapping[str, Given]) -> Settings:
    host = _value(VARIABLES["host"][1], given, loopback=True)
    loopback = is_loopback(str(host))
    read = {place: _value(told, given, loopback=loopback) for place, told in VARIABLES.values()}
    return Settings(**read)  # type: ignore[arg-type]  # each reader returns its field's type


def _value(told: Variable, given: Mapping[str, Given], *, loopback: bool) -> object:
    found = given.get(told.name)
    if found is None:
        return told.fallback(loopback=loopback)
    try:
        return told.read(found.text)
    except ValueError as error:
        shown = "" if told.secret else f"={values.starred(found.text)}"
        raise SettingsError(f"{told.environment}{shown} ({found.where}): {error}") from error


def _agree(settings: Settings) -> None:
    if settings.max_buffered < settings.max_body:
        raise SettingsError("FAREBOX_MAX_BUFFERED is below FAREBOX_MAX_BODY: no such body fits")
    directory = settings.price_tables
    if directory is not None and not directory.is_dir():
        raise SettingsError(f"FAREBOX_PRICE_TABLES: no directory {str(directory)!r}")


def _from_environ(environ: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    for name, text in environ.items():
        if not name.startswith(PREFIX):
            continue
        plain = name.removeprefix(PREFIX).lower()
        if plain not in VARIABLES:
            raise _unknown(name, f"the environment; did you mean {PREFIX}{_near(plain).upper()}?")
        if text.strip():  # an empty variable is how compose files say unset
            yield plain, Given(text.strip(), "environment")


def _from_toml(path: Path | None) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for name, content in _toml(path).items():
        where = f"{name} in {path or CONFIG}"
        known = name.removeprefix(PREFIX.lower())
        if known not in VARIABLES:
            raise _unknown(name, f"{path or CONFIG}; {_meant(name, content)}")
        if known in found:
            raise SettingsError(f"{where} is there twice, with and without {PREFIX.lower()}")
        found[known] = Given(_as_text(content, where), where)
    return found


def _toml(path: Path | None) -> dict[str, object]:
    try:
        if path is None and not CONFIG.is_file():
            return {}
        with (path or CONFIG).open("rb") as file:
            return tomllib.load(file, parse_float=str)  # money never becomes a float
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path or CONFIG}: {error}") from error


def _as_text(content: object, where: str) -> str:
    if isinstance(content, bool):
        return "1" if content else "0"
    if isinstance(content, str | int):
        return str(content).strip()
    if isinstance(content, list):
        return ",".join(_as_text(part, where) for part in content) or "none"
    raise SettingsError(f"{where}: expected a text, a number, true, false or a list")


def _unknown(name: str, rest: str) -> SettingsError:
    return SettingsError(f"unknown setting {name} in {rest}")


def _meant(name: str, content: object) -> str:
    """Say what a name in a file may stand for; there they are in lower case."""
    if isinstance(content, dict):
        return "it is a table, and settings stand at the top of the file, in none"
    return f"did you mean {_near(name.lower().removeprefix(PREFIX.lower()))}?"


def _near(plain: str) -> str:
    return get_close_matches(plain, VARIABLES, n=1, cutoff=0)[0]
