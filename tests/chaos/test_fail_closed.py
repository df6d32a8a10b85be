"""A ledger that cannot be written: no paid call leaves, polls go on, nothing is lost after it."""

import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from proxy.ledger.schema import open_session
from proxy.ledger.verify import verify
from proxy.ledger.writer import FAULTS_MAX
from tests.chaos.box import Box, box
from tests.chaos.load import PATH
from tests.postgres import Postgres, running_postgres
from tests.standin.server import Standin

TMPFS_BYTES = 12 << 20


@pytest.fixture
def upstream() -> Iterator[Standin]:
    with Standin(polls=1) as standin:
        yield standin


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process's transaction that does not end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def moved_away(database: Path) -> Iterator[None]:
    elsewhere = database.with_name("elsewhere.db")
    database.rename(elsewhere)
    yield
    elsewhere.rename(database)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte left on the disk."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        size = TMPFS_BYTES
        while size >= 512:
            try:
                os.write(file.fileno(), bytes(size))
            except OSError:
                size //= 2
    yield
    filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def bought(farebox: Box) -> str:
    """Buy a picture while all is well; its prediction."""
    answer = farebox.submit()
    assert answer.status_code == 200
    prediction: str = answer.json()["data"]["id"]
    return prediction


def is_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "ledger_unavailable"
    assert 0 < int(answer.headers["retry-after"]) <= 60


def stays_closed(farebox: Box, upstream: Standin, prediction: str, why: str) -> None:
    """While the ledger cannot be written: no submit leaves, a poll does, and it says why."""
    sent = len(upstream.submits)
    is_refused(farebox.submit())
    assert len(upstream.submits) == sent
    assert farebox.poll(prediction).json()["data"]["status"] == "completed"
    said = farebox.ready()
    assert said.status_code == 503
    assert why in " ".join(said.json()["why"])
    assert farebox.client.get("/healthz").status_code == 200


def comes_back(farebox: Box, prediction: str, kind: str) -> None:
    """After it: calls are taken again, what was learnt meanwhile is written, figures agree."""
    farebox.until(lambda: farebox.ready().status_code == 200)
    farebox.until(lambda: farebox.submit().status_code == 200)
    row = f"SELECT state FROM charges WHERE prediction_id='{prediction}'"  # noqa: S608
    farebox.until(lambda: farebox.rows(row) == [("settled",)])
    assert f'farebox_ledger_errors_total{{kind="{kind}"}}' in farebox.client.get("/metrics").text
    session = open_session(farebox.url, read_only=True)
    assert verify(session) == []
    session.close()


def test_a_ledger_locked_by_another_process_stops_submits_only(
    tmp_path: Path, upstream: Standin
) -> None:
    with box(f"sqlite:///{tmp_path}/farebox.db", upstream.url, tmp_path) as farebox:
        prediction = bought(farebox)
        with locked(tmp_path / "farebox.db"):
            stays_closed(farebox, upstream, prediction, "the ledger")
        comes_back(farebox, prediction, "busy")


def test_a_ledger_that_was_moved_away_stops_submits_only(tmp_path: Path, upstream: Standin) -> None:
    with box(f"sqlite:///{tmp_path}/farebox.db", upstream.url, tmp_path) as farebox:
        prediction = bought(farebox)
        with moved_away(tmp_path / "farebox.db"):
            stays_closed(farebox, upstream, prediction, "gone")
        comes_back(farebox, prediction, "gone")


def test_what_one_worker_could_not_write_no_worker_says_is_not_there(
    tmp_path: Path, upstream: Standin
) -> None:
    url = f"sqlite:///{tmp_path}/farebox.db"
    with (
        box(url, upstream.url, tmp_path, FAREBOX_WORKERS="2") as farebox,
        ThreadPoolExecutor(1) as pool,
    ):
        farebox.until(lambda: "login" in farebox.log)  # it is said once both workers serve
        asked = pool.submit(farebox.submit, "a cat standin:slow=3")
        farebox.until(lambda: len(upstream.jobs) == 1)
        prediction = upstream.jobs[0].id
        with moved_away(tmp_path / "farebox.db"):
            assert asked.result().headers["x-farebox-charge-state"] == "reserved"
            assert polled_anew(farebox, prediction) == {200, 503}  # one of them holds it
        farebox.until(lambda: polled_anew(farebox, prediction) == {200})


def polled_anew(farebox: Box, prediction: str) -> set[int]:
    """Poll on connections of their own, so that all workers are asked; the statuses."""
    found = set()
    for _ in range(12):
        with httpx.Client(base_url=farebox.client.base_url, trust_env=False, timeout=20) as client:
            target = f"/api/v3/predictions/{prediction}/result"
            answer = client.get(target, headers={"Authorization": farebox.secret})
            found.add(answer.status_code)
    return found


def test_a_full_disk_stops_submits_only(
    small_disk: Path, tmp_path: Path, upstream: Standin
) -> None:
    with box(f"sqlite:///{small_disk}/farebox.db", upstream.url, tmp_path) as farebox:
        prediction = bought(farebox)
        with full(small_disk):
            stays_closed(farebox, upstream, prediction, "full")
        comes_back(farebox, prediction, "full")


def test_a_full_disk_on_which_the_metrics_lie_too_ends_no_worker(
    small_disk: Path, tmp_path: Path, upstream: Standin
) -> None:
    url = f"sqlite:///{small_disk}/farebox.db"
    settings = {"FAREBOX_WORKERS": "2", "TMPDIR": str(small_disk)}
    with box(url, upstream.url, tmp_path, **settings) as farebox:
        prediction = bought(farebox)
        with full(small_disk):
            for _ in range(4):  # both workers count what is new to them
                with httpx.Client(base_url=farebox.client.base_url, trust_env=False) as client:
                    assert client.get("/healthz").status_code == 200
                    is_refused(
                        client.post(
                            PATH.decode(),
                            headers={"Authorization": farebox.secret},
                            json={"prompt": "a cat"},
                        )
                    )
                    target = f"/api/v3/predictions/{prediction}/result"
                    answer = client.get(target, headers={"Authorization": farebox.secret})
                    assert answer.status_code == 200
        farebox.until(lambda: farebox.submit().status_code == 200)
        assert "A worker ended" not in farebox.log


def test_a_postgresql_that_went_away_stops_submits_only(tmp_path: Path, upstream: Standin) -> None:
    with running_postgres() as server, box(server.create(), upstream.url, tmp_path) as farebox:
        prediction = bought(farebox)
        with stopped(server):
            stays_closed(farebox, upstream, prediction, "the ledger")
        comes_back(farebox, prediction, "commit")


@contextmanager
def stopped(server: Postgres) -> Iterator[None]:
    assert server.control is not None
    home = server.url.partition("host=")[2]
    server.control("pg_ctl", "-m", "immediate", "-s", "stop")
    yield
    options = f"-k {home} -c listen_addresses= -c max_connections=60"
    server.control("pg_ctl", "-w", "-s", "-o", options, "-l", f"{home}/log", "start")


def test_commits_that_keep_failing_stop_the_process_rather_than_guess(
    tmp_path: Path, upstream: Standin
) -> None:
    with box(f"sqlite:///{tmp_path}/farebox.db", upstream.url, tmp_path) as farebox:
        bought(farebox)
        assert farebox.process is not None
        no_more = (tmp_path / "farebox.db").stat().st_size // 2
        resource.prlimit(farebox.process.pid, resource.RLIMIT_FSIZE, (no_more, no_more))
        sent = len(upstream.submits)
        with suppress(httpx.TransportError):  # it is gone
            for _ in range(FAULTS_MAX):
                is_refused(farebox.submit())
        assert farebox.gone() == 1
        assert len(upstream.submits) == sent
        assert "the ledger cannot be written" in farebox.log
