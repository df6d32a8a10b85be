"""Blocks that are marked runnable: `sh runnable` is a script, `toml runnable FILE` a file."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOUSE: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(r"^ *```(\w+) runnable ?(\S*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block: a script to be run, or the text of a file to be written first."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Read the runnable blocks of a page, in order."""
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(language, file, text) for language, file, text in found]


def pages() -> list[Path]:
    """Find every page that has one."""
    files = [HOUSE / "README.md", *sorted((HOUSE / "docs").rglob("*.md"))]
    return [file for file in files if blocks(file)]
