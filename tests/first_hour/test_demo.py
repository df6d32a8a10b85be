"""`make demo`: it starts on ports of its own, shows money, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

HOUSE = Path(__file__).parents[2]
ENDS_WITHIN_S = 120


@pytest.fixture(autouse=True)
def _as_from_a_terminal() -> Iterator[None]:
    """Let what is started hear Ctrl-C: the tests may run in the background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def demo(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start it in a directory, with settings around that it must not read."""
    temporary = home / "tmp"
    temporary.mkdir()
    database = {"FAREBOX_DATABASE_URL": f"sqlite:///{home}/mine.db", "FAREBOX_NONSENSE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "demo", "--port", "0", *arguments],
        cwd=home, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, **database, "PYTHONPATH": str(HOUSE), "TMPDIR": str(temporary)},
    )  # fmt: skip


def test_it_shows_three_teams_spending_and_ends(tmp_path: Path) -> None:
    process = demo(tmp_path, "--seconds", "3", "--stop")
    said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 0, said
    assert len(re.findall(r"key +(?:web|campaigns|research) +sk-fb-", said)) == 3
    table = said[said.index("Today, by key") :]
    for name in ("web", "campaigns", "research", "storefront", "marketing", "labs"):
        assert name in table, "names and money stand whole, in a pipe too"
    spent = [float(figure) for figure in re.findall(r"\d+\.\d{4}", table)]
    assert len(spent) == 12, table
    assert any(spent)
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"], "nobody's database is touched"
    assert not list((tmp_path / "tmp").iterdir())


def tried(said: str) -> str:
    """Paste the printed call."""
    found = re.search(r"curl -i .+\\\n.+", said)
    assert found, said
    command = found[0].replace("curl ", "curl -s --noproxy '*' ", 1)
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30
    ).stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_goes_on_until_it_is_ended(number: int, tmp_path: Path) -> None:
    process = demo(tmp_path, "--seconds", "1")
    assert process.stdout
    said = ""
    while "Farebox goes on" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    found = re.search(r"page +(\S+)/", said)
    assert found
    assert httpx.get(f"{found[1]}/healthz", trust_env=False).is_success
    assert tried(said).startswith("HTTP/1.1 200"), "the traffic has left its budget alone"
    process.send_signal(number)
    process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{found[1]}/healthz", trust_env=False)
