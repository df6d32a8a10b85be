"""One Farebox started by exec, as an operator starts it, and what is asked of it from outside."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from proxy.ledger import registry
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store
from tests.chaos.fleet import free_port
from tests.chaos.load import PATH
from tests.chaos.run import ADMIN_TOKEN, ROOT, UPSTREAM_KEY

WAIT_S = 40.0


@dataclass
class Box:
    """A process, its database and a key with money."""

    url: str
    upstream: str
    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = free_port()
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=WAIT_S
        )
        self.secret = self._furnished()

    def _furnished(self) -> str:
        migrate(self.url)
        session = open_session(self.url)
        try:
            store = Store(session)
            store.open()
            make = registry.create_key("key", actor="chaos", daily_micros=-1)
            return store.transact(make).secret
        finally:
            session.close()

    def start(self) -> float:
        """Start it and wait until it is ready; how many seconds that took."""
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "FAREBOX_PORT": str(self.port),
            "FAREBOX_DATABASE_URL": self.url,
            "FAREBOX_UPSTREAM_URL": self.upstream,
            "FAREBOX_UPSTREAM_KEY": UPSTREAM_KEY,
            "FAREBOX_ADMIN_TOKEN": ADMIN_TOKEN,
            "FAREBOX_LOG_FORMAT": "json",
            **self.settings,
        }
        started = time.perf_counter()
        with (self.home / "log").open("ab") as log:
            command = [sys.executable, "-m", "proxy", "serve"]
            self.process = subprocess.Popen(
                command, cwd=self.home, env=environ, stdout=log, stderr=log
            )
        self.until(lambda: self.ready().status_code == 200, every_s=0.005)
        return time.perf_counter() - started

    def until(self, true: Callable[[], bool], *, every_s: float = 0.05) -> None:
        """Wait until something comes true; a refused connection is not yet."""
        give_up = time.monotonic() + WAIT_S
        while time.monotonic() < give_up:
            with contextlib.suppress(httpx.TransportError):
                if true():
                    return
            time.sleep(every_s)
        raise TimeoutError(self.log[-3000:])

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    def ready(self) -> httpx.Response:
        return self.client.get("/readyz")

    def submit(self, prompt: str = "a cat") -> httpx.Response:
        headers = {"Authorization": self.secret}
        return self.client.post(PATH.decode(), json={"prompt": prompt}, headers=headers)

    def poll(self, prediction: str) -> httpx.Response:
        target = f"/api/v3/predictions/{prediction}/result"
        return self.client.get(target, headers={"Authorization": self.secret})

    def rows(self, sql: str) -> list[Any]:
        session = open_session(self.url, read_only=True)
        try:
            return session.rows(sql)
        finally:
            session.close()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop the process; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.gone()

    def gone(self) -> int:
        """Wait until the process has ended; its exit code."""
        assert self.process is not None
        code = self.process.wait(WAIT_S)
        self.process = None
        return code


@contextlib.contextmanager
def box(url: str, upstream: str, home: Path, **settings: str) -> Iterator[Box]:
    """A Farebox that serves, and is gone at the end."""
    held = Box(url, upstream, home, settings)
    try:
        held.start()
        yield held
    finally:
        held.client.close()
        if held.process is not None:
            held.process.kill()
            held.process.wait(WAIT_S)
