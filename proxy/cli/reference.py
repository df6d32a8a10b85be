"""Write docs/reference/cli.md from the commands themselves."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from proxy.cli.program import app

HEAD: Final = """\
# Command line

Written by `make docs` from `proxy/cli`; change it there. `farebox COMMAND --help` says the same.

`farebox` is `.venv/bin/farebox` after `make setup`; `python -m proxy` is the same program.
Commands read the settings that `farebox serve` reads, so give them the same environment or
`farebox.toml`. Names and ids are interchangeable. Answers are tables on a terminal, lines with
tabs in a pipe, and JSON with `--json`.

Exit codes: 0 fine, 1 a finding (a difference, a failed check), 2 wrong usage.
"""
_SILENT: Final = frozenset({"--install-completion", "--show-completion", "--help"})


def page() -> str:
    """Return the reference page."""
    return HEAD + "".join(_told(typer.main.get_command(app), "farebox"))


def _told(command: Any, path: str) -> Iterator[str]:
    """Tell of a command and, where it is a group, of those below it."""
    context = command.context_class(command, info_name=path)
    below = getattr(command, "commands", {})
    rows = [_row(record) for record in _records(command, context)]
    if rows or not below:
        usage = " ".join((path, *command.collect_usage_pieces(context)))
        yield f"\n## {path}\n\n{_words(command.help)}\n\n`{usage}`\n"
    if rows:
        yield "\n| argument or option | meaning |\n|---|---|\n" + "".join(rows)
    for name in sorted(below):
        yield from _told(below[name], f"{path} {name}")


def _records(command: Any, context: Any) -> list[tuple[str, str]]:
    return [
        record
        for parameter in command.get_params(context)
        if not _SILENT & set(parameter.opts) and (record := parameter.get_help_record(context))
    ]


def _row(record: tuple[str, str]) -> str:
    name, words = (_words(part).replace("|", "\\|") for part in record)
    return f"| `{name}` | {words} |\n"


def _words(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
