"""A real nginx with the configuration of the guide, its addresses exchanged for ours."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs/operations/nginx.md"
START_S = 20.0
# Everything it writes goes into a directory of its own, and it stays in the foreground.
MAIN = """\
daemon off;
master_process off;
pid {home}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    add_header x-node $upstream_addr always;
{site}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """Where it listens, and what its certificate is to be checked against."""

    port: int
    certificate: Path

    @property
    def trust(self) -> ssl.SSLContext:
        """Trust its certificate and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))

    @property
    def url(self) -> str:
        """The base URL that callers are given."""
        return f"https://127.0.0.1:{self.port}/farebox"


def need_nginx() -> str:
    """Find the program, or skip saying why; under REQUIRE_ALL=1 that is a failure."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        reason = "nginx is not installed (apt-get install nginx-light)"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def in_front(home: Path, *nodes: str) -> Iterator[Nginx]:
    """Run it before these nodes (`host:port`) until the block ends."""
    program = need_nginx()
    _certify(home)
    port = _free_port()
    configuration = home / "nginx.conf"
    configuration.write_text(MAIN.format(home=home, site=_site(home, port, nodes)))
    command = [program, "-p", str(home), "-c", str(configuration), "-e", str(home / "log")]
    process = subprocess.Popen(command)
    try:
        _until_listening(process, port, home / "log")
        yield Nginx(port, home / "farebox.pem")
    finally:
        process.terminate()
        process.wait(START_S)


def _site(home: Path, port: int, nodes: tuple[str, ...]) -> str:
    """Take the guide's block and put our nodes, port and certificate in."""
    found = re.search(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"no nginx block in {GUIDE}"
    servers = "".join(f"    server {node};\n" for node in nodes)
    site = re.sub(r"(    server 10\.[\d.]+:4000;\n)+", servers, found[1])
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    return site.replace("/etc/ssl/", f"{home}/")


def _certify(home: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", home / "farebox.key", "-out", home / "farebox.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_listening(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        else:
            return
