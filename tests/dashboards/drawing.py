"""The preview: Grafana's components built once, served beside a Prometheus and a ledger."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from dashboards.build import GRAFANA, HERE
from tests.dashboards.programs import need

PREVIEW = HERE / "preview"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "farebox-preview"
INSTALL_S = 400


def built() -> Path:
    """Install Grafana's components, once for a version of package.json, and build; the pages.

    They are 400 packages and half a gigabyte, so they lie outside of the checkout. Two runs at
    once take turns.
    """
    npm = need("npm")
    packages = _installed(npm)
    pages = packages / ("dist-" + _digest(*sorted(PREVIEW.rglob("*.*"))))
    with _turn(packages / "lock"):
        if not pages.exists():
            for part in ("src", "index.html", "vite.config.js"):
                _copy(PREVIEW / part, packages / part)
            _run(packages, str(packages / "node_modules" / ".bin" / "vite"), "build")
            (packages / "dist").rename(pages)
    return pages


def _installed(npm: str) -> Path:
    packages = CACHE / _digest(PREVIEW / "package.json")
    packages.mkdir(parents=True, exist_ok=True)
    with _turn(packages / "lock"):
        if not (packages / "installed").exists():
            shutil.copy(PREVIEW / "package.json", packages)
            _run(
                packages, npm, "install", "--ignore-scripts", "--legacy-peer-deps",
                "--no-package-lock", "--no-audit", "--no-fund", "--silent",
            )  # fmt: skip
            (packages / "installed").touch()
    return packages


def _digest(*paths: Path) -> str:
    words = b"".join(path.read_bytes() for path in paths if path.is_file())
    return hashlib.sha256(words).hexdigest()[:16]


@contextlib.contextmanager
def _turn(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def _run(where: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, timeout=INSTALL_S, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


class Pages(SimpleHTTPRequestHandler):
    """The built pages, a board's JSON, and answers of Prometheus and of the ledger."""

    prometheus = ""
    ledger = ""

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        if path == "/boards":
            self._say((GRAFANA / f"{query['board']}.json").read_bytes())
        elif path.startswith("/prometheus/"):
            found = httpx.get(
                f"{self.prometheus}{self.path.removeprefix('/prometheus')}", trust_env=False
            )
            self._say(found.content)
        else:
            super().do_GET()

    def do_POST(self) -> None:
        sql = self.rfile.read(int(self.headers["content-length"])).decode()
        self._say(json.dumps(_answer(self.ledger, sql)).encode())

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _answer(path: str, sql: str) -> dict[str, Any]:
    """Answer as Grafana's SQL data source does: the columns' names, and the rows."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return {"columns": names, "rows": cursor.fetchall()}


@contextlib.contextmanager
def serving(prometheus: str, ledger: Path) -> Iterator[str]:
    """Serve the preview on a loopback port; its URL."""
    facts = {"prometheus": prometheus, "ledger": str(ledger)}
    handler = type("Handler", (Pages,), facts)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(built())))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    built()
