"""`farebox teams`: caps over the keys of a team, and over the whole installation."""

import typer

app = typer.Typer(help="Caps over the keys of a team; the team '*' is the whole installation.")
