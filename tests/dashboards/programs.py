"""Prometheus and Alertmanager from the distribution, on the files that are shipped."""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from dashboards.build import HERE

READY_S = 20.0


def free_port() -> int:
    """Take a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def need(program: str) -> str:
    """Find a program, or skip (fail, under REQUIRE_ALL=1) with what to install."""
    found = shutil.which(program)
    if found is None:
        package = "prometheus-alertmanager" if "alert" in program else program
        pytest.skip(f"{program} is missing: apt-get install {package}")
    return found


def until(holds: Callable[[], Any], *, within_s: float, what: str) -> Any:
    """Ask until the answer is true; give it out."""
    end = time.monotonic() + within_s
    while not (found := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.1)
    return found


class Receiver:
    """Takes webhooks on a loopback port and keeps what they said."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.alerts += json.loads(body)["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/alerts"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, alertname: str) -> list[dict[str, Any]]:
        return [alert for alert in self.alerts if alert["labels"]["alertname"] == alertname]


def routes(webhook: str) -> dict[str, Any]:
    """The shipped routes, with a URL in place of its file: Debian's 0.25 knows no `url_file`."""
    config: dict[str, Any] = yaml.safe_load(
        (HERE / "alertmanager" / "alertmanager.yml").read_text()
    )
    for receiver in config["receivers"]:
        for webhook_config in receiver["webhook_configs"]:
            assert webhook_config.pop("url_file").startswith("/run/secrets/")
            webhook_config["url"] = webhook
    return config


@contextlib.contextmanager
def alertmanager(home: Path, webhook: str) -> Iterator[str]:
    """Run the shipped routes, with the waits cut short; its address."""
    config = routes(webhook)
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    address = f"127.0.0.1:{free_port()}"
    (home / "alertmanager.yml").write_text(yaml.safe_dump(config))
    command = [
        need("prometheus-alertmanager"),
        f"--config.file={home / 'alertmanager.yml'}",
        f"--storage.path={home / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running(command, home / "alertmanager.log", f"http://{address}/-/ready"):
        yield address


@contextlib.contextmanager
def prometheus(home: Path, farebox: str, token: str, alerts_to: str) -> Iterator[str]:
    """Run the shipped configuration and rules, every second; the URL of its API."""
    config = yaml.safe_load((HERE / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(HERE / "prometheus" / name) for name in config["rule_files"]]
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [alerts_to]}]
    (home / "token").write_text(token)
    job = config["scrape_configs"][0]
    job["scrape_timeout"] = "1s"
    job["authorization"]["credentials_file"] = str(home / "token")
    job["static_configs"] = [{"targets": [farebox.removeprefix("http://")]}]
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        need("prometheus"),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with running(command, home / "prometheus.log", f"http://{address}/-/ready"):
        yield f"http://{address}"


@contextlib.contextmanager
def running(command: list[str], log: Path, ready: str) -> Iterator[None]:
    """Start a program, wait until it answers, and end it afterwards."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until(lambda: _answers(process, ready, log), within_s=READY_S, what=command[0])
        yield
    finally:
        process.terminate()
        process.wait(READY_S)


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-2000:]
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, trust_env=False).is_success
    return False


def ask(url: str, expr: str, *, since: float = 0, step: int = 1) -> list[dict[str, Any]]:
    """Ask Prometheus for a value now, or with `since` for the seconds up to now."""
    now, path, when = time.time(), "query", {"time": str(time.time())}
    if since:
        path = "query_range"
        when = {"start": str(now - since), "end": str(now), "step": str(step)}
    answer = httpx.get(f"{url}/api/v1/{path}", params={"query": expr, **when}, trust_env=False)
    found = answer.json()
    assert found["status"] == "success", f"{expr}: {found}"
    result: list[dict[str, Any]] = found["data"]["result"]
    return result
