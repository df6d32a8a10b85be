"""Whom Farebox is measured against, and how each is started: one worker on one core."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import clean, configurations
from bench.install import where
from bench.load import BODY, SUBMIT, Ask
from bench.processes import end, end_of, free_port, until_listening
from bench.upstream import pinned
from proxy.ledger import registry
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.store import Store

Start = Callable[[Path, int, int], tuple[list[str], dict[str, str]]]

PROXY_CORES = (0,)
MASTER_KEY = "sk-0123456789abcdef0123456789abcdef"
OPENAI = '{"model":"%s","prompt":"' + "x" * 500 + '","n":1,"size":"1024x1024"}'
CHAT = '{"model":"m","messages":[{"role":"user","content":"' + "x" * 500 + '"}]}'


@dataclass(frozen=True)
class Peer:
    """A proxy: `start` gives command and environment for a folder, our port, the upstream's."""

    name: str
    start: Start
    program: str = ""
    submit: Ask = Ask("POST", SUBMIT, BODY)  # noqa: RUF009 - frozen
    polls: bool = True  # some relay only what their makers know of
    prepare: Callable[[Path], str] = lambda _: "sk-own"


@dataclass(frozen=True)
class Running:
    """A proxy that is up."""

    port: int
    pid: int
    key: str
    place: Path


def found(peer: Peer) -> bool:
    """Say whether a peer's program is on this machine."""
    return not peer.program or where(peer.program) is not None


@contextlib.contextmanager
def running(
    peer: Peer,
    folder: Path,
    upstream: int,
    *,
    cores: tuple[int, ...] = PROXY_CORES,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start a peer, alone on the first core unless told otherwise, until the block ends."""
    port = free_port()
    place = folder / f"{peer.name.replace(' ', '-')}-{port}"
    place.mkdir()
    key = peer.prepare(place)
    command, environment = peer.start(place, port, upstream)
    log = place / "log"
    with log.open("wb") as kept:
        process = subprocess.Popen(
            [*pinned(*cores), *command],
            env=os.environ | {"NO_PROXY": "*"} | environment | dict(environ or {}),
            stdout=kept, stderr=kept, cwd=place if peer.program else None,
        )  # fmt: skip
        try:
            until_listening(port, process, log)
            yield Running(port, process.pid, key, place)
        except Exception as error:
            error.add_note(f"{peer.name} said{end_of(log)}")
            raise
        finally:
            end(process)
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


def farebox_by(*module: str) -> Start:
    """Start Farebox by a module of ours that serves it."""

    def start(place: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", *module, "serve", "--port", str(port)], {
            "FAREBOX_UPSTREAM_URL": f"http://127.0.0.1:{upstream}",
            "FAREBOX_UPSTREAM_KEY": "sk-upstream",
            "FAREBOX_DATABASE_URL": f"sqlite:///{place}/farebox.db",
            "FAREBOX_LOG_FORMAT": "json",
        }

    return start


Python = Callable[[Path], tuple[list[str], dict[str, str]]]


def _bare(module: str, python: Python = lambda _: ([sys.executable], {})) -> Start:
    """Start a pass-through of ours by a Python: its command and environment, for a folder."""

    def start(place: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
        command, environment = python(place)
        command += ["-m", "uvicorn", f"{module}:app", "--port", str(port)]
        quiet = ["--no-access-log", "--log-level", "error", "--loop", "uvloop"]
        environment |= {"BENCH_UPSTREAM": str(upstream), "BENCH_LEDGER": f"{place}/booked.db"}
        return [*command, *quiet, "--http", "httptools"], environment

    return start


def _program(program: str, arguments: str, text: str = "", **environment: str) -> Start:
    """Start a program with a configuration of `text`; $-names stand for what only a run knows."""

    def start(place: Path, port: int, upstream: int) -> tuple[list[str], dict[str, str]]:
        conf = place / "conf.yaml"  # the ending is what Envoy goes by
        values = {"$FOLDER": str(place), "$PORT": str(port), "$UPSTREAM": str(upstream)}
        values |= {"$CONF": str(conf), "$KEY": MASTER_KEY}
        written = _filled(text, values)
        conf.write_text(written)
        command = [str(where(program)), *_filled(arguments, values).split()]
        if command[0].endswith(".js"):
            command.insert(0, str(where("node")))
        return command, {name: _filled(value, values) for name, value in environment.items()}

    return start


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


BARE, BOOKED = "bare+client", "booked+client"
FAREBOX = Peer("farebox", farebox_by("proxy"), prepare=farebox_key)
PEERS = (
    FAREBOX,
    Peer(BARE, _bare("bench.bare")),
    Peer(BOOKED, _bare("bench.bare_booked"), polls=False),
    Peer("bare starlette+httpx", _bare("bench.bare_httpx", clean.python)),
    Peer("bare starlette+httpx+sniffio", _bare("bench.bare_httpx")),
    Peer("nginx", _program("nginx", "-c $CONF", configurations.NGINX), "nginx"),
    Peer("haproxy", _program("haproxy", "-f $CONF", configurations.HAPROXY), "haproxy"),
    Peer(
        "caddy",
        _program(
            "caddy", "run --config $CONF --adapter caddyfile", configurations.CADDY, GOMAXPROCS="1"
        ),
        "caddy",
    ),
    Peer(
        "envoy",
        _program("envoy", "-c $CONF --concurrency 1 -l error", configurations.ENVOY),
        "envoy",
    ),
    Peer(
        "litellm",
        _program(
            "litellm", "--config $CONF --port $PORT --host 127.0.0.1", configurations.LITELLM,
            LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR",
        ),
        "litellm", prepare=lambda _: f"Bearer {MASTER_KEY}",
    ),
    Peer(
        "portkey",
        _program("portkey", "--port=$PORT --headless", PORT="$PORT", NODE_ENV="production"),
        "portkey", polls=False,
        submit=Ask(
            "POST", "/v1/images/generations", OPENAI % "dall-e-3",
            (
                ("x-portkey-provider", "openai"),
                ("x-portkey-custom-host", "http://127.0.0.1:$UPSTREAM/v1"),
            ),
        ),
    ),
    Peer(
        "tollgate",
        _program(
            "tollgate", "serve --port $PORT --quiet --out $FOLDER/captured.jsonl",
            TOLLGATE_UPSTREAM_OPENAI="http://127.0.0.1:$UPSTREAM",
        ),
        "tollgate", polls=False, submit=Ask("POST", "/v1/chat/completions", CHAT),
    ),
)  # fmt: skip


def asks(peer: Peer, proxy: Running, upstream: int) -> Ask:
    """Spell a peer's submit, with its key and where the upstream is."""
    told = [
        (name, _filled(value, {"$UPSTREAM": str(upstream)})) for name, value in peer.submit.headers
    ]
    return Ask("POST", peer.submit.path, peer.submit.body, (("Authorization", proxy.key), *told))
