"""Writes the page that lists every body: `python -m tests.hardening.bodies FILE`."""

import sys
from pathlib import Path

from tests.hardening.bodies.page import page

Path(sys.argv[1]).write_text(page(), encoding="utf-8")
