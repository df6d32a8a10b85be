"""The demo's own Farebox: its database, its keys, its process."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from proxy.ledger import registry
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store

TOKEN = "demo-token"  # noqa: S105 - of a Farebox that holds nothing
STARTS_WITHIN_S = 30
USD = 1_000_000

# name: team, daily budget, zone
KEYS = {
    "web": ("storefront", 2 * USD, "Europe/Berlin"),
    "campaigns": ("marketing", 1 * USD, "America/New_York"),
    "research": ("labs", 3 * USD, "Asia/Kathmandu"),
}
YOURS = "yours"  # of whoever looks on: the traffic leaves its budget alone
TEAMS = {"storefront": 5 * USD, "marketing": 3 * USD // 2, "labs": None}


@dataclass(frozen=True)
class Installation:
    """Where the demo's Farebox is, and who may call it."""

    url: str
    token: str
    keys: dict[str, str]  # of the teams that make the traffic
    yours: str


@contextlib.contextmanager
def serving(folder: Path, upstream_url: str, port: int) -> Iterator[Installation]:
    """Make keys and serve, until the block ends."""
    database = f"sqlite:///{folder}/demo.db"
    keys = _made(database)
    yours = keys.pop(YOURS)
    url = f"http://127.0.0.1:{port}"
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "proxy", "serve", "--port", str(port)],
            env=_environment(database, upstream_url),
            stdout=log,
            stderr=log,
        )
        try:
            _await_ready(url, process)
            yield Installation(url, TOKEN, keys, yours)
        finally:
            process.terminate()
            process.wait(STARTS_WITHIN_S)


def _environment(database: str, upstream_url: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FAREBOX_")}
    return kept | {
        "FAREBOX_DATABASE_URL": database,
        "FAREBOX_UPSTREAM_URL": upstream_url,
        "FAREBOX_UPSTREAM_KEY": "sk-demo",
        "FAREBOX_ADMIN_TOKEN": TOKEN,
        "FAREBOX_POLL_AFTER": "5s",
    }


def _made(database: str) -> dict[str, str]:
    migrate(database)
    store = Store(open_session(database))
    store.open()
    try:
        for team, limit in TEAMS.items():
            store.transact(registry.set_team(team, {"daily_micros": limit}, actor="demo"))
        return {
            name: store.transact(
                registry.create_key(
                    name, actor="demo", team=team, daily_micros=limit, timezone=zone
                )
            ).secret
            for name, (team, limit, zone) in {**KEYS, YOURS: ("", 5 * USD, None)}.items()
        }
    finally:
        store.session.close()


def _await_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").is_success:
                return
        time.sleep(0.1)
    raise SystemExit("Farebox did not start; see demo.log")
