"""A real Farebox in a process of its own, on a free port, for the tests of API and command line."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from proxy.ledger.schema import migrate

HOUSE = Path(__file__).parents[2]
TOKEN = "an-admin-token-of-the-tests"
UPSTREAM_KEY = "sk-the-real-key-of-the-house"


@dataclass(frozen=True)
class Served:
    """Where it is, what it was started with, and a client that holds the admin token."""

    url: str
    environ: dict[str, str]
    admin: httpx.Client
    process: subprocess.Popen[bytes]

    def submit(self, secret: str, prompt: str = "a cat", **body: object) -> httpx.Response:
        """Buy an image."""
        return httpx.post(
            f"{self.url}/api/v3/google/gemini-3.1-flash-image-preview/text-to-image",
            headers={"authorization": secret},
            json={"prompt": prompt, **body},
            trust_env=False,
            timeout=20,
        )

    def quote(self, secret: str, **body: object) -> httpx.Response:
        """Ask what it would cost."""
        asked = {"path": "/api/v3/google/gemini-3.1-flash-image-preview/edit", "body": body}
        headers = {"authorization": secret}
        return httpx.post(f"{self.url}/quote", headers=headers, json=asked, trust_env=False)


def environ(directory: Path, upstream: str, **more: str) -> dict[str, str]:
    """Make the environment of an installation of its own."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FAREBOX_")}
    return kept | {
        "PYTHONPATH": str(HOUSE),
        "FAREBOX_DATABASE_URL": f"sqlite:///{directory}/farebox.db",
        "FAREBOX_ADMIN_TOKEN": TOKEN,
        "FAREBOX_UPSTREAM_URL": upstream,
        "FAREBOX_UPSTREAM_KEY": UPSTREAM_KEY,
        **more,
    }


@contextmanager
def serving(directory: Path, upstream: str, **more: str) -> Iterator[Served]:
    """Start it, and end it whatever happens."""
    setting = environ(directory, upstream, **more)
    migrate(setting["FAREBOX_DATABASE_URL"])  # quick: Alembic is loaded here
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "serve", "--port", "0"],
        cwd=directory,
        env=setting,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        url = _url(process)
        with httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            timeout=20,
        ) as admin:
            yield Served(url, setting, admin, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            assert process.stderr
            process.stderr.close()


def _url(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr
    said = ""
    while not (found := re.search(r"page +(http://[\d.:]+)/", said)):
        line = process.stderr.readline().decode()
        assert line, f"it ended after {said!r}"
        said += line
    return found[1]
