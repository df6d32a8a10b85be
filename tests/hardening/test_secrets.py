"""Files that only their owner reads, comparisons that take as long for a near miss, quiet logs."""

import ast
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.relay.house import FLASH, PATH, ROOT, UNIFIED, Farebox, running
from tests.standin.server import Standin

PR_GET_DUMPABLE = 3


# Files


def test_what_it_writes_is_read_by_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Standin() as upstream, running(tmp_path, upstream.url) as farebox:
            del farebox.settings["admin_token"]
            assert farebox.end() == 0
            farebox.start()  # makes its token
            farebox.submit(farebox.key("k"))
            modes = {
                file.name: stat.S_IMODE(file.stat().st_mode)
                for file in tmp_path.iterdir()
                if file.name.startswith((farebox.database.name, "."))
            }
    finally:
        os.umask(before)
    assert {"farebox.db", "farebox.db-wal", "farebox.db-shm", "farebox.db.token"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode != 0o600} == {}


def test_a_backup_is_read_by_its_owner_only(farebox: Farebox, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    before = os.umask(0)
    try:
        subprocess.run(
            [sys.executable, "-m", "proxy", "backup", copy],
            env=farebox.environment(),  # as a shell beside the server has it
            cwd=farebox.home,
            check=True,
            capture_output=True,
        )
    finally:
        os.umask(before)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


# Starting


@pytest.mark.parametrize(
    ("host", "token"),
    [("0.0.0.0", None), ("::", ""), ("192.0.2.1", None), ("farebox.example", "")],
)
def test_no_token_is_made_up_where_others_can_reach_it(
    host: str, token: str | None, tmp_path: Path
) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FAREBOX_")}
    environ |= {"PYTHONPATH": str(ROOT)} | ({} if token is None else {"FAREBOX_ADMIN_TOKEN": token})
    told = subprocess.run(
        [sys.executable, "-m", "proxy", "serve", "--host", host, "--port", "0"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 2, told.stderr
    assert "FAREBOX_ADMIN_TOKEN" in told.stderr
    assert list(tmp_path.iterdir()) == []


# Memory


def test_a_serving_process_leaves_no_core_and_is_nobody_elses_to_read(farebox: Farebox) -> None:
    assert farebox.process is not None
    limits = Path(f"/proc/{farebox.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


def test_keeping_memory_private_clears_the_dumpable_mark() -> None:
    script = (
        "import ctypes, proxy.server; proxy.server.keep_memory_private();"
        f"print(ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0))"
    )
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    assert told.stdout == b"0\n"


def test_a_worker_keeps_its_memory_private_too(tmp_path: Path) -> None:
    with Standin() as upstream:
        farebox = Farebox(tmp_path, upstream.url)
        try:
            farebox.start("--workers", "2")
            assert farebox.process is not None
            pid = farebox.process.pid
            tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            limits = [Path(f"/proc/{child}/limits").read_text() for child in tasks]
            assert sum("Max core file size        0 " in each for each in limits) >= 2
            assert farebox.end(signal.SIGTERM) == 0
        finally:
            farebox.close()


# Comparing

SECRET = re.compile(r"secret|token|password|signature|csrf|digest|bare", re.IGNORECASE)
CONSTANT = re.compile(r" (==|!=) ('.*'|_?[A-Z_]+)$")
# What an == may stand beside, and why no caller can time it.
NOT_OURS_TO_TIME = {
    "_checksum(bare[:-CHECK_CHARS]) == bare[-CHECK_CHARS:]": "anyone can compute the checksum",
    "key == settings.admin_token": "doctor compares two settings of its own",
    "fingerprint(secret) == fare.account": "fingerprints, both of the ledger's",
}
EQUALS = (ast.Eq, ast.NotEq)


def comparisons() -> Iterator[tuple[str, str]]:
    for file in (ROOT / "proxy").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], EQUALS):
                yield str(file.relative_to(ROOT)), ast.unparse(node)


def test_no_secret_is_compared_with_an_equals_sign() -> None:
    found = [
        (file, text)
        for file, text in comparisons()
        if SECRET.search(text) and text not in NOT_OURS_TO_TIME and not CONSTANT.search(text)
    ]
    assert found == []


# Logs

ESCAPES = (
    *('\r\n{"level":"forged"}', "\x1b[2J\x1b]0;x\x07", "\u2028\u2029\x85", "\x00\x08"),
    "m" * 100_000,
)


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_callers_write_forges_no_line_of_the_log(form: str, tmp_path: Path) -> None:
    with Standin() as upstream, running(tmp_path, upstream.url, log_format=form) as farebox:
        key = farebox.key("k", daily_micros=-1)
        said = farebox.log.stat().st_size
        for text in ESCAPES:
            where = quote(text[:50], safe="")
            farebox.submit(key, text, size=text, path=PATH)
            farebox.submit(key, text, path=UNIFIED, model=f"google/{FLASH}{text}")
            farebox.submit(key, text, path=f"/api/v3/{where}/text-to-image")
            farebox.poll(key, where)
            tag = f"\x9b2J{where}".encode("latin-1")
            headers = {b"Authorization": key.encode(), b"x-farebox-tag-project": tag}
            farebox.client.post(farebox.url + PATH, json={"prompt": text}, headers=headers)
        assert farebox.end() == 0
        log = farebox.log.read_bytes()[said:].decode()
    lines = log.splitlines()
    assert len(lines) >= len(ESCAPES) * 4
    for line in lines:
        assert line.isprintable(), line[:200]
        assert len(line) < 1000
        assert "forged" not in line
        if form == "json":
            assert isinstance(json.loads(line), dict)
