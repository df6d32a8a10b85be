"""What a bare starlette+httpx is measured in: all that is here, but for what nobody gets by it."""

import os
import subprocess
from pathlib import Path

from bench import clean

ASK = """
import importlib.util, bench.bare_httpx, uvicorn, uvloop, httptools
print(importlib.util.find_spec("sniffio"))
"""


def test_a_clean_installation_serves_the_pass_through_and_has_no_sniffio(tmp_path: Path) -> None:
    command, environment = clean.python(tmp_path)
    told = subprocess.run(
        [*command, "-c", ASK],
        env=os.environ | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "None\n"
