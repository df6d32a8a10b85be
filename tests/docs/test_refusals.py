"""The page about refusals knows every one: its type, its status, and where it is a 400 instead."""

import re
from pathlib import Path

import pytest

from proxy import errors
from proxy.edge import refusals
from proxy.errors import Refusal

MODULES = {errors.__name__, refusals.__name__}  # the admin API has some of its own
PAGE = Path(__file__).parents[2] / "docs/guide/refusals.md"


def kinds(above: type[Refusal] = Refusal) -> list[type[Refusal]]:
    below = [each for child in above.__subclasses__() for each in kinds(child)]
    return [*below, above] if "type" in vars(above) else below


def told() -> dict[str, str]:
    """Read the table: the status that stands beside a type."""
    found: dict[str, str] = {}
    for types, statuses in re.findall(
        r"^\| (`[^|]+) \| ([\d*, ]+) \|", PAGE.read_text(), re.MULTILINE
    ):
        names, codes = re.findall(r"`(\w+)`", types), statuses.strip().split(", ")
        codes = codes if len(codes) == len(names) else codes * len(names)
        found |= dict(zip(names, codes, strict=True))
    return found


@pytest.mark.parametrize("kind", [k for k in kinds() if k.__module__ in MODULES])
def test_the_page_tells_of_a_refusal(kind: type[Refusal]) -> None:
    star = "*" if kind.unified_status == 400 else ""
    assert told().get(kind.type) == f"{kind.code}{star}"
