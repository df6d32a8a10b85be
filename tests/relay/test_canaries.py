"""No key, no token and no prompt in anything that Farebox writes: searched for, byte by byte."""

import contextlib
from pathlib import Path

import httpx
import pytest

from tests.relay.house import ADMIN_TOKEN, PATH, UNIFIED, UPSTREAM_KEY, Farebox, running
from tests.standin.server import Standin

OWN_KEY = "sk-own-canary-b52f1d"
STRANGER = "sk-stranger-canary-77aa01"
PROMPT = "canary-in-a-prompt-91c3"
QUERY = "canary-in-a-query-0f0e"
WORDS = [
    *("", "standin:sync", "standin:failed", "standin:echo-key", "standin:402", "standin:500"),
    *("standin:reset", "standin:garbage", "standin:truncated", "standin:redirect"),
    *("standin:unreadable", "standin:half-json", "standin:policy", "standin:no-id"),
    *("standin:sync standin:big=200000", "standin:sync standin:big=200000 standin:cut-chunk"),
]
CALLERS = 6
BAD_BODIES = [
    f'{{"prompt":"{PROMPT}","size":"{PROMPT}"}}',
    f'{{"prompt":"{PROMPT}"',
    f'{{"size":"1K","size":"{PROMPT}"}}',
    f'{{"prompt":"{PROMPT}","n":"{PROMPT}"}}',
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Everything that two busy installations wrote and said of themselves, by where."""
    found: dict[str, bytes] = {}
    for log_format in ("json", "console"):
        home: Path = tmp_path_factory.mktemp("canaries")
        with (
            Standin(keys={UPSTREAM_KEY, OWN_KEY}) as upstream,
            running(home, upstream.url, log_format=log_format) as farebox,
        ):
            said = use(farebox) + farebox.metrics().encode()
            files = {str(p): p.read_bytes() for p in home.rglob("*") if p.is_file()}
        files |= {f"{p} at rest": p.read_bytes() for p in home.rglob("*") if p.is_file()}
        found |= files | {f"{home} said": said}
    return found


def use(farebox: Farebox) -> bytes:
    """Call in every way, well and badly; our own refusals and answers of our own routes."""
    key = farebox.key("web", daily_micros=2_000_000)
    poor = farebox.key("poor", daily_micros=0)
    said = []
    callers = (key, OWN_KEY, STRANGER, poor, ADMIN_TOKEN, UPSTREAM_KEY)
    assert len(callers) == CALLERS
    for secret in callers:
        for words in WORDS:
            for path in (f"{PATH}?q={QUERY}", UNIFIED):
                with contextlib.suppress(httpx.RemoteProtocolError):  # an answer that was cut off
                    said.append(farebox.submit(secret, f"{PROMPT} {words}", path=path))
        for body in BAD_BODIES:
            headers = {"Authorization": secret}
            said.append(farebox.client.post(f"{farebox.url}{PATH}", content=body, headers=headers))
            asked = {"path": PATH, "body": {"prompt": PROMPT, "size": PROMPT}}
            url = f"{farebox.url}/quote"
            said.append(farebox.client.post(url, json=asked, headers=headers))
        said.append(farebox.budget(secret))
        said.append(farebox.poll(secret, "nothing"))
    ours = [answer for answer in said if "x-farebox-refused" in answer.headers]
    assert len(ours) > 100
    return b"".join(repr(one.headers.raw).encode() + one.content for one in ours)


@pytest.mark.parametrize(
    "secret", [OWN_KEY, STRANGER, UPSTREAM_KEY, ADMIN_TOKEN, PROMPT, QUERY, "sk-fb-"]
)
def test_what_is_secret_is_written_nowhere(secret: str, written: dict[str, bytes]) -> None:
    assert any(name.endswith("farebox.db at rest") for name in written)
    assert any(name.endswith("log") for name in written)
    assert [name for name, content in written.items() if secret.encode() in content] == []


def test_the_log_has_a_line_a_call_and_none_of_a_fault_of_ours(written: dict[str, bytes]) -> None:
    # At rest: while it runs, the lines of the last moment are still being gathered.
    logs = [content.decode() for name, content in written.items() if name.endswith("log at rest")]
    assert len(logs) == 2
    for log in logs:
        assert log.count("submit") >= CALLERS * (2 * len(WORDS) + len(BAD_BODIES))
        assert "Traceback" not in log
        assert '"level":"error"' not in log
        assert "ERROR" not in log
