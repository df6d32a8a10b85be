"""A whole Farebox: the real program in a process of its own, on a ledger in a directory."""

import contextlib
import itertools
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from proxy.ledger import registry
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
UPSTREAM_KEY = "sk-upstream-0123456789abcdef"
ADMIN_TOKEN = "admin-token-0123456789abcdef"
START_S = 40.0
WAIT_S = 15.0
FLASH = "gemini-3.1-flash-image-preview"
PATH = f"/api/v3/google/{FLASH}/text-to-image"
UNIFIED = "/api/v3/images"
PRICE = "0.040200"
PRICE_MICROS = 40_200
_READY = re.compile(r"^Farebox \S+ (http://127\.0\.0\.1:\d+) ->", re.MULTILINE)
_numbers = itertools.count(1)


class Farebox:
    """One installation: its directory, its settings, and its process while it runs."""

    program = "proxy"

    def __init__(self, home: Path, upstream: str, **settings: str) -> None:
        self.home = home
        self.database = home / "farebox.db"
        self.log = home / "log"
        self.port = 0
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(trust_env=False, timeout=30)
        self.secrets: dict[str, str] = {}
        self.settings = {
            "upstream_url": upstream,
            "upstream_key": UPSTREAM_KEY,
            "admin_token": ADMIN_TOKEN,
            "database_url": f"sqlite:///{self.database}",
            "log_format": "json",
            **settings,
        }

    # The process

    def start(self, *flags: str, environ: Mapping[str, str] | None = None) -> "Farebox":
        migrate(self.settings["database_url"])  # quick: Alembic is loaded here; see tests/setup
        command = [sys.executable, "-m", self.program, "serve", "--port", str(self.port), *flags]
        with self.log.open("a") as log:
            said = log.tell()
            self.process = subprocess.Popen(
                command,
                cwd=self.home,
                env=self.environment() | dict(environ or {}),
                stdout=log,
                stderr=log,
            )
        self.until(lambda: self._listens(said), within_s=START_S)
        return self

    def _listens(self, said: int) -> bool:
        """Whether it has told its address, in the log behind what was said before."""
        assert self.process is not None
        told = self.log.read_bytes()[said:].decode()
        assert self.process.poll() is None, f"Farebox did not start:\n{told[-3000:]}"
        if found := _READY.search(told):
            self.url = found[1]
            self.port = int(self.url.rpartition(":")[2])
        return found is not None

    def environment(self) -> dict[str, str]:
        ours = {f"FAREBOX_{name.upper()}": value for name, value in self.settings.items()}
        kept = {k: v for k, v in os.environ.items() if not k.startswith("FAREBOX_")}
        return kept | ours | {"PYTHONPATH": str(ROOT)}

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop the process with a signal; returns its exit code."""
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(number)
        return process.wait(START_S)

    def close(self) -> None:
        self.client.close()
        if self.process is not None:
            self.end()

    # The ledger, beside the process, as the command line does it

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Store]:
        url = self.settings["database_url"]
        migrate(url)
        session = open_session(url)
        try:
            store = Store(
                session,
                timezone=self.settings.get("timezone", "UTC"),
                default_daily_micros=25_000_000,
            )
            store.open()
            yield store
        finally:
            session.close()

    def change(self, change: Callable[[Store], T]) -> T:
        with self.ledger() as store:
            return store.transact(change)

    def key(self, name: str = "", **facts: Any) -> str:
        """Make a Farebox key (budgets in micro-USD) and wait until the process knows it."""
        name = name or f"key-{next(_numbers)}"
        made = self.change(registry.create_key(name, actor="test", **facts))
        self.secrets[name] = made.secret
        if self.process is not None:
            self.until(lambda: self.budget(made.secret).status_code == 200)
        return made.secret

    def until(self, true: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
        """Wait until something is true; AssertionError if it does not come true."""
        give_up = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < give_up, f"did not come true: {true}"
            time.sleep(0.02)

    def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as database:
            return database.execute(sql, args).fetchall()

    def charge(self, charge_id: str) -> dict[str, Any]:
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as database:
            database.row_factory = sqlite3.Row
            found = database.execute("SELECT * FROM charges WHERE id=?", (charge_id,)).fetchone()
        return dict(found)

    def entries(self, charge_id: str) -> list[tuple[str, int, int]]:
        """The kinds of a charge's entries with what each moved: held, spent."""
        return self.rows(
            "SELECT kind,reserved_micros,settled_micros FROM entries WHERE charge_id=?"
            " ORDER BY seq",
            charge_id,
        )

    def balance(self, key: str) -> tuple[int, int]:
        """Spent and held today by the key of this secret, in micro-USD."""
        said = self.budget(key).json()
        return micros(said["spent_usd"]), micros(said["reserved_usd"])

    # Calls

    def budget(self, key: str) -> httpx.Response:
        return self.client.get(f"{self.url}/budget", headers={"Authorization": key})

    def submit(
        self,
        key: str,
        prompt: str = "a cat",
        *,
        path: str = PATH,
        headers: Mapping[str, str] | None = None,
        **body: object,
    ) -> httpx.Response:
        """Ask for a picture; on the unified surface the model stands in the body."""
        if path == UNIFIED:
            body = {"model": f"google/{FLASH}", **body}
        return self.client.post(
            f"{self.url}{path}",
            json={"prompt": prompt, **body},
            headers={"Authorization": key, **(headers or {})},
        )

    def poll(self, key: str, prediction: str, *, unified: bool = False) -> httpx.Response:
        where = f"tasks/result/{prediction}" if unified else f"predictions/{prediction}/result"
        return self.client.get(f"{self.url}/api/v3/{where}", headers={"Authorization": key})

    def metrics(self, **headers: str) -> str:
        return self.client.get(f"{self.url}/metrics", headers=headers).text


def micros(usd: str) -> int:
    whole, _, part = usd.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))


def prediction_of(answer: httpx.Response) -> str:
    """The id of an acceptance on either surface."""
    document = answer.json()
    data = document.get("data", document)
    found: str = (data[0] if isinstance(data, list) else data)["id"]
    return found


def state_of(answer: httpx.Response) -> str:
    return answer.headers["x-farebox-charge-state"]


def charge_of(answer: httpx.Response) -> str:
    return answer.headers["x-farebox-charge-id"]


@contextlib.contextmanager
def running(home: Path, upstream: str, **settings: str) -> Iterator[Farebox]:
    """A Farebox that serves; ended at the end if it still runs."""
    farebox = Farebox(home, upstream, **settings)
    try:
        yield farebox.start()
    finally:
        farebox.close()
