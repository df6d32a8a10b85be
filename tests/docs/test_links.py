"""Every page of the guide can be found from the README."""

import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]


def linked(page: Path) -> set[Path]:
    """What a page links to in this house; a directory stands for its pages."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    found = {(page.parent / target).resolve() for target in targets}
    return found | {inside for place in found if place.is_dir() for inside in place.glob("*.md")}


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    ahead = {HOUSE / "README.md"}
    while ahead:
        seen |= ahead
        ahead = {to for page in ahead for to in linked(page) if to.suffix == ".md"} - seen
    assert set((HOUSE / "docs").rglob("*.md")) - seen == set()
