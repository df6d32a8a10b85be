"""Every example of the README does what it says, with the real client and a real server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.run import need
from tests.standin.server import Standin

HOUSE = Path(__file__).parents[2]
BASE = "http://127.0.0.1:4000"
PICTURE = "https://oss.gptproto.com/output/"
NODE_MODULES = HOUSE / "tests/clients/node/node_modules"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin(polls=1) as standin:
        yield standin


def examples(language: str) -> list[str]:
    readme = (HOUSE / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"```{language}\n(.*?)```", readme, re.DOTALL)
    return [block for block in blocks if BASE in block]


def run(program: list[str], upstream: Standin) -> str:
    """Run a program that was written for Farebox on its usual port; returns what it printed."""
    told = subprocess.run(
        [part.replace(BASE, upstream.url) for part in program],
        env={
            **os.environ,
            "NO_PROXY": "127.0.0.1",
            "GPTPROTO_API_KEY": "sk-a-key",
            "NODE_PATH": str(NODE_MODULES),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.parametrize("code", examples("python"), ids=["requests", "gptproto", "wavespeed"])
def test_a_python_example_gets_its_picture(code: str, upstream: Standin) -> None:
    assert PICTURE in run([sys.executable, "-c", code], upstream)


def test_the_javascript_example_gets_its_picture(upstream: Standin) -> None:
    need("wavespeed-npm")
    (code,) = examples("js")
    assert PICTURE in run(["node", "-e", code], upstream)


def test_the_curl_example_starts_a_job(upstream: Standin) -> None:
    (code,) = examples("sh")
    head, _, body = run(["sh", "-c", code], upstream).partition("\n\n")
    assert " 200 " in head.splitlines()[0]
    assert json.loads(body)["data"]["id"]
