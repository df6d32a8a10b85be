"""The budgets as a table, from what callers themselves can ask: `GET /budget`."""

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table

from demo.installation import Installation

FIGURES = ("limit", "spent", "reserved", "remaining")


def picture(client: httpx.Client, farebox: Installation) -> Group:
    """Draw every key's day."""
    table = Table(
        title="Today, by key, in USD", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )  # of 80 columns, so that names and money stand whole on any terminal
    for name in ("key", "team"):
        table.add_column(name, no_wrap=True)
    for name in ("limit", "spent", "held", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("used", width=8)
    table.add_column("resets", no_wrap=True)
    for name, secret in farebox.keys.items():
        day = client.get("/budget", headers={"Authorization": secret}).json()
        limit, left = float(day["limit_usd"]), float(day["remaining_usd"])
        table.add_row(
            name,
            day["team"],
            *(day[f"{figure}_usd"][:-2] for figure in FIGURES),
            ProgressBar(total=limit, completed=limit - left, width=8),
            f"{day['resets_at'][11:16]}{day['resets_at'][-6:]}",
        )
    return Group(table)
