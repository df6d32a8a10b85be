"""Every block that is marked runnable is run, page by page, as a newcomer would from nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import HOUSE, Block, blocks, pages
from tests.relay.house import Farebox, running
from tests.standin.server import Standin

BASE = "http://127.0.0.1:4000"
# These are the ways of a developer and of an operator; they may not lose their marks.
MUST = ("getting-started", "keys-and-budgets", "prices", "rollout", "database")
SHIM = '#!/bin/sh\nexec "{python}" -m proxy "$@"\n'


def test_the_ways_of_newcomers_are_run() -> None:
    assert set(MUST) <= {page.stem for page in pages()}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_what_a_page_says_can_be_typed(page: Path, tmp_path: Path) -> None:
    with Standin(polls=1) as upstream, running(tmp_path, upstream.url) as farebox:
        where = _environment(farebox)
        for block in blocks(page):
            if block.file:
                _write(block, farebox)
            else:
                _run(block, where, farebox)


def _environment(farebox: Farebox) -> dict[str, str]:
    """Make `farebox` a command in an installation's directory, as `make setup` does."""
    programs = farebox.home / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "farebox").write_text(SHIM.format(python=sys.executable))
    (programs / "farebox").chmod(0o755)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FAREBOX_")}
    ours = ("database_url", "upstream_url", "upstream_key", "admin_token")
    return kept | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(HOUSE),
        "NO_PROXY": "127.0.0.1",
        "GPTPROTO_API_KEY": "sk-a-key-of-a-developer",
        **{f"FAREBOX_{name.upper()}": farebox.settings[name] for name in ours},
    }


def _write(block: Block, farebox: Farebox) -> None:
    (farebox.home / block.file).write_text(block.text, encoding="utf-8")
    if block.file == "farebox.toml":  # settings are read at the start
        farebox.end()
        farebox.start()


def _run(block: Block, environment: dict[str, str], farebox: Farebox) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text.replace(BASE, farebox.url)],
        cwd=farebox.home, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = f"{block.text}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    assert '"error"' not in done.stdout, told
