"""Run a real client against any base URL and say what its user saw."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).parent
NODE = HERE / "node"
INSTALL_S = 180.0
CLIENTS = ("article", "gptproto", "wavespeed-python", "wavespeed-npm", "curl")
UNIFIED = frozenset({"gptproto"})  # all others speak the path surface


@dataclass(frozen=True, slots=True)
class ClientResult:
    """What one run showed: completed, failed (job), refused (submit), crashed or timeout."""

    outcome: str
    outputs: tuple[str, ...]
    message: str
    exit: int
    lines: tuple[str, ...]


def run_client(
    name: str,
    base: str,
    key: str,
    *,
    prompt: str = "a cat",
    model: str = "google/gemini-3.1-flash-image-preview",
    size: str = "1K",
    timeout_s: float = 60.0,
    **settings: str,
) -> ClientResult:
    """One generation by one client; `settings` are POLL_S, SYNC, MAX_RETRIES."""
    command = [*_command(name), prompt, model, size]
    environment = _environment() | {"BASE": base, "KEY": key, "POLL_S": "0.05"} | settings
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        return ClientResult("timeout", (), str(error), -1, ())
    lines = tuple(done.stdout.decode().splitlines())
    said = _read_curl(lines) if name == "curl" else _read_json(lines)
    message = said.get("message") or done.stderr.decode()[-2000:]
    outputs = tuple(said.get("outputs") or ())
    return ClientResult(said["outcome"], outputs, message, done.returncode, lines)


def _command(name: str) -> list[str]:
    return {
        "article": [sys.executable, str(HERE / "article_script.py")],
        "gptproto": [sys.executable, str(HERE / "gptproto_sdk.py")],
        "wavespeed-python": [sys.executable, str(HERE / "wavespeed_python.py")],
        "wavespeed-npm": ["node", str(NODE / "wavespeed_npm.js")],
        "curl": ["sh", str(HERE / "curl.sh")],
    }[name]


def _environment() -> dict[str, str]:
    """Ours without proxies: the clients are to reach the base URL itself."""
    return {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


def _read_json(lines: Sequence[str]) -> dict[str, Any]:
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return next((one for one in reversed(said) if "outcome" in one), {"outcome": "crashed"})


def _read_curl(lines: Sequence[str]) -> dict[str, Any]:
    """The last answer decides; the first one refused is a refusal."""
    if not lines:
        return {"outcome": "crashed"}
    status, _, body = lines[-1].partition(" ")
    try:
        document = json.loads(body)
    except ValueError:
        return {"outcome": "refused" if len(lines) == 1 else "failed", "message": body}
    if status != "200" or not isinstance(document.get("data"), dict):
        outcome = "refused" if len(lines) == 1 else "failed"
        return {"outcome": outcome, "message": f"{status} {_message(document)}"}
    data = document["data"]
    completed = data.get("status") == "completed"
    return {
        "outcome": "completed" if completed else "failed",
        "outputs": data.get("outputs"),
        "message": data.get("error"),
    }


def _message(document: dict[str, Any]) -> str:
    error = document.get("error")
    return str(error.get("message") if isinstance(error, dict) else error or document)


def ready(name: str) -> str:
    """Empty if that client can run here, else the reason why not."""
    if name == "wavespeed-npm":
        return node_client_ready()
    return "" if name != "curl" or shutil.which("curl") else "curl is not installed"


def node_client_ready() -> str:
    """Install the npm client if it is missing; the reason why it cannot run, or nothing."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not installed"
    with (NODE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test workers install once, not each
        if (NODE / "node_modules" / "wavespeed" / "package.json").exists():
            return ""
        return _install()


def _install() -> str:
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(command, cwd=NODE, capture_output=True, timeout=INSTALL_S, check=True)
    except subprocess.SubprocessError as error:
        return f"npm could not install the client: {error}"
    return ""


def need(name: str) -> None:
    """Skip the test, saying why, if the client cannot run; fail it under REQUIRE_ALL=1."""
    if reason := ready(name):
        _without(reason)


def _without(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
