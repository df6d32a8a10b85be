"""The whole map of commands, and how each one ends."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli import (
    charges,
    doctor,
    keys,
    price_import,
    prices,
    reconcile,
    report,
    serve,
    teams,
    upkeep,
    whatif,
)
from proxy.cli.output import WRONG_USAGE, CommandError, ReaderLeft, printable, say
from proxy.settings import SettingsError
from proxy.version import __version__

INTERRUPTED = 130

app = typer.Typer(
    name="farebox",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve.serve)
app.command()(reconcile.reconcile)
app.command()(whatif.whatif)
app.command()(whatif.advise)
app.add_typer(keys.app, name="keys")
app.add_typer(teams.app, name="teams")
prices.app.command("import")(price_import.import_prices)
app.add_typer(prices.app, name="prices")
app.add_typer(charges.app, name="charges")
app.add_typer(report.app, name="report")
app.command()(upkeep.verify)
app.command()(upkeep.backup)
app.command()(upkeep.restore)
app.command()(doctor.doctor)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    if wanted:
        typer.echo(f"farebox {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def farebox(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Settings file, ./farebox.toml if there is one.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Price every image, hold each key to its budget, show where the money went."""
    del config, version  # read by settings_of and the callback
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except (ReaderLeft, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    try:
        code = app(args=list(arguments), prog_name="farebox", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        message = error.format_message().rstrip(".")
        end = "" if message.endswith("?") else "."  # it may ask what was meant
        return _fail(f"{message}{_where_to_look(error, end)}", error.exit_code)
    except SettingsError as error:
        return _fail(str(error), WRONG_USAGE)
    except CommandError as error:
        return _fail(str(error), error.code)
    return code if isinstance(code, int) else 0


def _where_to_look(error: typer.TyperException, end: str) -> str:
    context = getattr(error, "ctx", None)
    return f"{end} See: {context.command_path} --help" if context else ""


def _fail(message: str, code: int) -> int:
    say(f"farebox: {printable(' '.join(message.split()))}")
    return code
