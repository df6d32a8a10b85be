"""The reference is what the code says: `make docs` would change nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from proxy import metrics_reference
from proxy.admin import reference as api_reference
from proxy.cli import reference as cli_reference
from proxy.cli.program import app
from proxy.settings import reference as settings_reference

REFERENCE = Path(__file__).parents[2] / "docs/reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("settings", settings_reference.page),
        ("metrics", metrics_reference.page),
        ("cli", cli_reference.page),
        ("api", api_reference.page),
    ],
)
def test_a_page_is_up_to_date(name: str, made: Any) -> None:
    assert page(name) == made(), "run `make docs`"


def test_every_command_has_its_place() -> None:
    def leaves(command: Any, path: str) -> list[str]:
        below = getattr(command, "commands", {})
        return [path] if not below else [
            leaf for name in below for leaf in leaves(below[name], f"{path} {name}")
        ]  # fmt: skip

    told = re.findall(r"^## (.+)$", page("cli"), re.MULTILINE)
    assert set(leaves(typer.main.get_command(app), "farebox")) <= set(told)
