"""`farebox keys`: who may call, and how much they may spend."""

import typer

app = typer.Typer(help="Who may call, and how much they may spend.")
