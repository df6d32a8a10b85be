"""Whom Farebox is measured against, and how each is started: one worker on one core."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import configurations
from bench.processes import free_port, until_listening
from bench.upstream import pinned
from proxy.ledger import registry
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store

Start = Callable[[Path, int, int], tuple[list[str], dict[str, str]]]


@dataclass(frozen=True)
class Peer:
    """A proxy: `start` gives command and environment for a folder, our port, the upstream's."""

    name: str
    start: Start
    program: str = ""


@dataclass(frozen=True)
class Running:
    """A proxy that is up."""

    port: int
    pid: int
    key: str


def found(peer: Peer) -> bool:
    """Say whether a peer's program is on this machine."""
    return not peer.program or shutil.which(peer.program) is not None


@contextlib.contextmanager
def running(peer: Peer, folder: Path, upstream: int) -> Iterator[Running]:
    """Start a peer, alone on the first core, until the block ends."""
    port = free_port()
    place = folder / f"{peer.name}-{port}"
    place.mkdir()
    key = farebox_key(place) if peer.name == "farebox" else "sk-own"
    command, environment = peer.start(place, port, upstream)
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [*pinned(0), *command], env=os.environ | environment, stdout=log, stderr=log
        )
        try:
            until_listening(port, process)
            yield Running(port, process.pid, key)
        finally:
            process.terminate()
            process.wait(30)
    shutil.rmtree(place)


def farebox_key(place: Path) -> str:
    """Make a ledger with a key without a limit."""
    url = f"sqlite:///{place}/farebox.db"
    migrate(url)
    store = Store(open_session(url))
    store.open()
    made = store.transact(registry.create_key("bench", actor="bench", daily_micros=-1))
    store.session.close()
    return made.secret


def _farebox(place: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "proxy", "serve", "--port", str(port)], {
        "FAREBOX_UPSTREAM_URL": f"http://127.0.0.1:{upstream}",
        "FAREBOX_UPSTREAM_KEY": "sk-upstream",
        "FAREBOX_DATABASE_URL": f"sqlite:///{place}/farebox.db",
        "FAREBOX_LOG_FORMAT": "json",
    }


def _bare(app: str) -> Start:
    def start(_place: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
        command = [sys.executable, "-m", "uvicorn", f"bench.bare:{app}", "--port", str(port)]
        quiet = ["--no-access-log", "--log-level", "error", "--loop", "uvloop"]
        return [*command, *quiet, "--http", "httptools"], {"BENCH_UPSTREAM": str(upstream)}

    return start


def _configured(program: str, text: str, *arguments: str) -> Start:
    def start(place: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
        conf = place / "conf.yaml"  # the ending is what Envoy goes by
        values = {"$FOLDER": str(place), "$PORT": str(port), "$UPSTREAM": str(upstream)}
        written = text
        for name, value in values.items():
            written = written.replace(name, value)
        conf.write_text(written)
        return [program, *(a.replace("$CONF", str(conf)) for a in arguments)], {"GOMAXPROCS": "1"}

    return start


PEERS = (
    Peer("farebox", _farebox),
    Peer("bare starlette+httpx", _bare("over_httpx")),
    Peer("bare, our client", _bare("over_ours")),
    Peer("nginx", _configured("nginx", configurations.NGINX, "-c", "$CONF"), "nginx"),
    Peer("haproxy", _configured("haproxy", configurations.HAPROXY, "-f", "$CONF"), "haproxy"),
    Peer(
        "caddy",
        _configured(
            "caddy", configurations.CADDY, "run", "--config", "$CONF", "--adapter", "caddyfile"
        ),
        "caddy",
    ),
    Peer(
        "envoy",
        _configured(
            "envoy", configurations.ENVOY, "-c", "$CONF", "--concurrency", "1", "-l", "error"
        ),
        "envoy",
    ),
)
