"""Bodies that are small on the wire and large in memory: refused before they become large."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.house import PATH, Farebox, running
from tests.standin.server import Standin

SIZE = 24 << 20
SPARE_BYTES = 2 * SIZE + (64 << 20)  # the body where it comes in, joined, and what a process takes
BOMBS = {
    "lists": b"[],",
    "objects": b'{"a":0},',
    "lists in lists": b"[" * 58 + b"]" * 58 + b",",
}


@pytest.fixture
def fresh(upstream: Standin, tmp_path: Path) -> Iterator[Farebox]:
    """A Farebox of its own: the highest that its memory ever was is never lower again."""
    with running(tmp_path, upstream.url) as started:
        yield started


def peak_bytes(farebox: Farebox) -> int:
    assert farebox.process is not None
    status = Path(f"/proc/{farebox.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.parametrize("pattern", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_and_takes_no_memory(
    pattern: bytes, fresh: Farebox, upstream: Standin
) -> None:
    bomb = b'{"prompt":"x","a":[' + pattern * (SIZE // len(pattern)) + b"0]}"
    asked = b'{"path":"%b","body":%b}' % (PATH.encode(), bomb)
    key, before, calls = fresh.key(daily_micros=-1), peak_bytes(fresh), len(upstream.calls)
    for path, body, who in (
        (PATH, bomb, key),
        (PATH, bomb, "sk-made-up"),
        ("/quote", asked, key),
        ("/quote", asked, "sk-made-up"),
    ):
        headers = {"Authorization": who}
        answer = fresh.client.post(f"{fresh.url}{path}", content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (
            400,
            "request_not_understood",
        )
    assert peak_bytes(fresh) - before < SPARE_BYTES
    assert len(upstream.calls) == calls
    assert fresh.rows("SELECT count(*) FROM charges") == [(0,)]


def test_a_picture_as_large_is_none(fresh: Farebox, upstream: Standin) -> None:
    picture = "data:image/png;base64," + "QUJD" * (SIZE // 4)
    key, calls = fresh.key(daily_micros=-1), len(upstream.calls)
    body = {"prompt": "x", "images": [picture]}
    assert fresh.submit(key, images=[picture]).status_code == 200
    assert len(upstream.calls) == calls + 1
    asked = {"path": PATH, "body": body}
    headers = {"Authorization": key}
    quoted = fresh.client.post(f"{fresh.url}/quote", json=asked, headers=headers)
    assert quoted.json()["admitted"] is True
