"""A real Farebox in a process of its own, before a stand-in upstream, with some history."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.page import made_up
from tests.standin.server import Standin

ROOT = Path(__file__).parents[2]
TOKEN = "admin-token-of-the-tests"
SUBMIT = "/api/v3/google/gemini-3.1-flash-image-preview/text-to-image"


@dataclass
class House:
    """Where it is, who may call, and what is uncertain in it."""

    url: str
    upstream: Standin
    process: subprocess.Popen[str]
    secrets: dict[str, str] = field(default_factory=dict)
    uncertain: list[str] = field(default_factory=list)

    def call(self, secret: str, path: str = SUBMIT, **body: Any) -> httpx.Response:
        """Submit an image, as a team would."""
        return httpx.post(
            f"{self.url}{path}",
            json={"prompt": "a lighthouse", "size": "1K", **body},
            headers={"authorization": secret},
            trust_env=False,
            timeout=30,
        )

    def client(self) -> httpx.Client:
        """Come as a browser that nobody has logged in with."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    @contextmanager
    def admin(self) -> Iterator[httpx.Client]:
        """Come as the admin."""
        with self.client() as client:
            log_in(client, TOKEN)
            yield client


def mark(text: str) -> str:
    """Read what a page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found, "no form on this page"
    return found[1]


def log_in(client: httpx.Client, secret: str, **more: str) -> httpx.Response:
    """Fill in the login form."""
    asked = client.get("/login")
    form = {"csrf": mark(asked.text), "secret": secret, **more}
    return client.post("/login", data=form)


@contextmanager
def serving(database: Path, **settings: str) -> Iterator[House]:
    """Serve a database until the block ends."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FAREBOX_")}
    with Standin() as upstream:
        ours = {
            "FAREBOX_ADMIN_TOKEN": TOKEN,
            "FAREBOX_DATABASE_URL": f"sqlite:///{database}",
            "FAREBOX_UPSTREAM_URL": upstream.url,
            "FAREBOX_UPSTREAM_KEY": "sk-the-real-one",
            "FAREBOX_POLL_AFTER": "1h",
            "FAREBOX_GIVE_UP_AFTER": "90d",
            "FAREBOX_LOG_FORMAT": "console",
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "serve", "--port", "0"],
            cwd=database.parent, env=kept | ours | settings, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield House(_ready(process), upstream, process)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _ready(process: subprocess.Popen[str]) -> str:
    assert process.stderr
    said = ""
    for line in process.stderr:
        said += line
        if found := re.search(r"page +(http://127\.0\.0\.1:\d+)/", line):
            return found[1]
    raise AssertionError(f"it did not start: {said}")


@contextmanager
def lived_in(directory: Path, *, calls: int = 120, **settings: str) -> Iterator[House]:
    """Serve a ledger with a month of history."""
    database = directory / "farebox.db"
    history = made_up.month(database, calls=calls)
    history.store.session.close()
    with serving(database, **settings) as house:
        house.secrets, house.uncertain = history.secrets, history.uncertain
        yield house
