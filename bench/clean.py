"""What `pip install starlette httpx uvicorn uvloop httptools` gives, out of what is installed here.

That has no sniffio: anyio wants it no more, while httpcore looks for it at every lock and event,
and has the import fail each time. The goals against a bare starlette+httpx come from figures that
were measured like this (issue 4's `performance.md`: sniffio beside it, 1.38 times less). Farebox
asks for sniffio, so it is here; with it the pass-through is measured too, without a goal.
"""

import os
import sys
from pathlib import Path

import httpx

MISSING = "sniffio"


def python(place: Path) -> tuple[list[str], dict[str, str]]:
    """Make such an installation below `place`; the command of its Python, and its environment."""
    installed, packages = Path(httpx.__file__).parents[1], place / "packages"
    packages.mkdir()
    for each in installed.iterdir():
        if not each.name.startswith(MISSING) and each.suffix != ".pth":
            (packages / each.name).symlink_to(each)
    # Without `site`, so that nothing but these is found.
    return [sys.executable, "-S"], {"PYTHONPATH": os.pathsep.join((str(packages), str(Path.cwd())))}
