"""Where the upstream key may go: to a verified server, by the straight way, and nowhere else."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.relay.house import Farebox, charge_of, state_of
from tests.standin.server import Standin
from tests.upstream.certificates import LATER, LONG_AGO, certified
from tests.upstream.faults import Line, serving

TAKEN = json.dumps({"code": 200, "data": {"id": "p1", "status": "created"}}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TAKEN), TAKEN)


async def takes(line: Line) -> None:
    await line.serve(ANSWER)


@pytest.mark.parametrize(
    ("alternative", "until", "trusted", "state"),
    [
        pytest.param("IP:127.0.0.1", LATER, True, "accepted", id="known authority, right name"),
        pytest.param("IP:127.0.0.1", LATER, False, "released", id="self-signed"),
        pytest.param("IP:127.0.0.1", LONG_AGO, True, "released", id="expired"),
        pytest.param("DNS:elsewhere.example", LATER, True, "released", id="another's name"),
        pytest.param("DNS:127.0.0.1", LATER, True, "released", id="an address as a name"),
    ],
)
async def test_only_a_verified_upstream_is_sent_anything(
    alternative: str, until: str, trusted: bool, state: str, tmp_path: Path
) -> None:
    context = certified(tmp_path, alternative, until)
    environ = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")} if trusted else {}
    async with serving(takes, tls=context) as server:
        answer = await asyncio.to_thread(_submitted, tmp_path, server.origin, environ)
    assert answer == state
    assert server.posts == (state == "accepted")
    assert (server.raw_bytes > 0) == (state == "accepted")


def _submitted(home: Path, origin: str, environ: dict[str, str]) -> str:
    farebox = Farebox(home, origin)
    try:
        farebox.start(environ=environ)
        answer = farebox.submit(farebox.key("k"))
        refused = answer.headers.get("x-farebox-refused")
        assert refused == (None if answer.status_code == 200 else "upstream_unreachable")
        assert farebox.charge(charge_of(answer))["state"] == state_of(answer)
        return state_of(answer)
    finally:
        farebox.close()


def test_proxies_of_the_environment_are_not_asked(tmp_path: Path) -> None:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    (tmp_path / ".netrc").write_text("default login a password sk-of-the-netrc\n")
    with Standin() as sink, Standin() as upstream:
        environ = dict.fromkeys(names, sink.url) | {"NO_PROXY": "", "HOME": str(tmp_path)}
        farebox = Farebox(tmp_path, upstream.url)
        try:
            farebox.start(environ=environ)
            assert farebox.submit(farebox.key("k")).status_code == 200
        finally:
            farebox.close()
        assert sink.connections == 0
        assert not any(b"netrc" in v for call in upstream.calls for _, v in call.headers)
