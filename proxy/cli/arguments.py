"""What several commands take: the settings, `--json`, names, money, spans and instants."""

import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from proxy.admin.asked import STEPS
from proxy.settings import Settings, load_settings
from proxy.settings.values import budget_micros, span_s

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(context: typer.Context, flags: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that hold for this command line."""
    path = context.find_root().params.get("config")
    return load_settings(os.environ, path, flags=flags, terminal=sys.stdout.isatty())


def name(text: str) -> str:
    """Read the name of a key or team."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise typer.BadParameter("a name is 1 to 64 letters, digits, dots, - and _")
    if text in STEPS:
        raise typer.BadParameter("a name is not . or .., which every URL takes for a step")
    return text


def team(text: str) -> str:
    """Read the name of a team; `*` is the whole installation."""
    return text if text == "*" else name(text)


def budget(text: str) -> int | None:
    """Read dollars into micro-USD; None is unlimited."""
    try:
        return budget_micros(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def span(text: str) -> float:
    """Read `90d` or `24h` into seconds."""
    try:
        return span_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def moment(text: str) -> datetime:
    """Read an RFC 3339 instant or a day; what names no zone is meant in UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("expected 2026-11-23 or 2026-11-23T14:00:00+01:00") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)
