"""`farebox keys import`: keys and teams from a file that may live in version control."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import typer

from proxy.admin.roster import NotARoster, Step, bring_about, read_roster
from proxy.cli.key_shown import warn_of_models
from proxy.cli.ledger import actor, opened
from proxy.cli.output import WRONG_USAGE, CommandError, say, show_table

COLUMNS: Final = ("kind", "name", "did", "changes", "key")


def import_file(context: typer.Context, file: Path, secrets: Path | None, *, as_json: bool) -> None:
    """Do what a file says, and say what was done; secrets of new keys are told this once.

    Raises:
        CommandError: the file is no roster, or a line of it cannot be done; nothing is then.
    """
    try:
        roster = read_roster(file.read_text(encoding="utf-8"))
    except (NotARoster, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: {error}", code=WRONG_USAGE) from error
    with ExitStack() as undo:
        kept = None if secrets is None else undo.enter_context(_open_private(secrets))
        if secrets is not None:
            undo.callback(secrets.unlink)  # else it would stand in the way of the next try
        with opened(context, make=True) as store:
            steps = store.transact(bring_about(roster, actor=actor()))
            undo.pop_all()
            if kept is not None:
                _keep(kept, steps)
            for name, said in roster.keys.items():
                warn_of_models(store, said.models or [], of=f"key '{name}': ")
    _show(steps, secrets, as_json=as_json)


def _open_private(path: Path) -> IO[str]:
    """Make the file for the secrets before anything is done: they cannot be told twice."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", code=WRONG_USAGE) from error
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _keep(file: IO[str], steps: list[Step]) -> None:
    with file:
        file.writelines(f"{step.name}\t{step.secret}\n" for step in steps if step.secret)
        file.flush()
        os.fsync(file.fileno())


def _show(steps: list[Step], secrets: Path | None, *, as_json: bool) -> None:
    rows = [
        (
            step.kind,
            step.name,
            step.did,
            dict(step.changed) if as_json else _told(step),
            step.secret if secrets is None else "",
        )
        for step in steps
    ]
    show_table(COLUMNS, rows, as_json=as_json)
    made = sum(1 for step in steps if step.secret)
    if made and secrets is None:
        say("This is the only time that the new keys are shown.")
    elif made:
        say(f"{made} new keys: their secrets are in {secrets}")


def _told(step: Step) -> str:
    return "; ".join(f"{name}: {_word(a)} -> {_word(b)}" for name, (a, b) in step.changed.items())


def _word(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
