"""Large pages are written by another process, and whatever becomes of it, they are right."""

import asyncio
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from proxy.app import create_app
from proxy.edge import ServerStatus
from proxy.scrape import LARGE
from proxy.settings import load_settings
from tests.postgres import Postgres, postgres
from tests.relay.house import Farebox
from tests.relay.test_metrics import MONEY
from tests.standin.server import Standin

__all__ = ["postgres"]

ACCEPTED = ("text/plain", "application/openmetrics-text;version=1.0.0")
GIVEN_UP = "is given up"
PLACE = 'key="prompt",model="gemini-3.1-flash-image-preview",resolution="1K",team=""'


def fill(farebox: Farebox) -> None:
    """Let so much be sold that a page of it is large."""
    columns = ("team", "key_name", "model", "resolution", "spend_micros", "images")
    sold = [("art", f"key-{n}", "model", "1K", 40_200 * n, n) for n in range(LARGE // 2)]
    with farebox.ledger() as store, store.session.transaction():
        store.session.insert("totals", columns, sold)


def page(farebox: Farebox, accept: str = "") -> str:
    """Scrape on a connection of its own: of several workers any may answer."""
    headers = {"Accept": accept}
    answer = httpx.get(f"{farebox.url}/metrics", headers=headers, trust_env=False, timeout=30)
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == answer.num_bytes_downloaded
    return answer.text


def money(text: str) -> list[str]:
    return [line for line in text.splitlines() if MONEY.match(line)]


def writers(farebox: Farebox) -> list[int]:
    """The processes that said that they write, in the order in which they came."""
    return [int(pid) for pid in re.findall(r"written by process (\d+)", farebox.log.read_text())]


def ended(pid: int) -> bool:
    """Whether a process is gone, though perhaps its parent has not heard yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(") ")[2].startswith("Z")


def scraped_until(farebox: Farebox, true: Callable[[], bool]) -> None:
    farebox.until(lambda: bool(page(farebox)) and true(), within_s=60)


@pytest.fixture
def large(upstream: Standin, tmp_path: Path) -> Iterator[Farebox]:
    """One whose pages are written by another process."""
    farebox = Farebox(tmp_path, upstream.url)
    fill(farebox)
    try:
        scraped_until(farebox.start(), lambda: bool(writers(farebox)))
        yield farebox
    finally:
        farebox.close()


def test_a_small_installation_has_no_other_process(farebox: Farebox) -> None:
    for _ in range(3):
        page(farebox)
    assert farebox.process is not None
    threads = Path(f"/proc/{farebox.process.pid}/task").glob("*/children")
    assert [thread.read_text() for thread in threads if thread.read_text()] == []


@pytest.mark.parametrize("accept", ACCEPTED)
def test_it_writes_what_was_written_before_it(
    upstream: Standin, tmp_path: Path, accept: str
) -> None:
    farebox = Farebox(tmp_path, upstream.url)
    fill(farebox)
    try:
        farebox.start().key("limited", daily_micros=100, team="art")
        before = page(farebox, accept)
        assert not writers(farebox), "the first page does not wait for another process"
        scraped_until(farebox, lambda: bool(writers(farebox)))
        after = page(farebox, accept)
    finally:
        farebox.close()
    assert len(money(after)) > LARGE
    assert money(after) == money(before)
    told = [[line for line in text.splitlines() if line[:1] == "#"] for text in (before, after)]
    assert told[0] == told[1]


def test_each_page_shows_what_was_paid_and_counted_before_it(large: Farebox) -> None:
    key = large.key("prompt", daily_micros=-1)
    for count in range(1, 4):
        large.submit(key, "standin:sync")
        text = page(large)
        assert f"farebox_images_total{{{PLACE}}} {count}.0" in text
        assert f'farebox_requests_total{{route="submit",status="200"}} {count}.0' in text


def test_scrapes_at_once_each_see_what_was_paid_before_them(large: Farebox) -> None:
    key = large.key("prompt", daily_micros=-1)
    with ThreadPoolExecutor(6) as readers:
        for count in range(1, 4):
            large.submit(key, "standin:sync")
            pages = readers.map(lambda accept: page(large, accept), 3 * ACCEPTED)
            line = f"farebox_images_total{{{PLACE}}} {count}.0"
            assert [line in text for text in pages] == [True] * 6


def test_pages_go_on_without_it(large: Farebox) -> None:
    before = money(page(large))
    os.kill(writers(large)[0], signal.SIGKILL)
    assert [money(page(large)) for _ in range(3)] == [before] * 3
    assert large.log.read_text().count(GIVEN_UP) == 1
    assert len(writers(large)) == 1, "it is not started again at once"


def test_a_page_is_written_though_it_dies_over_it(large: Farebox) -> None:
    key = large.key()
    before = money(page(large))
    os.kill(writers(large)[0], signal.SIGSTOP)
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(page, large)
        large.budget(key)  # calls go on meanwhile
        os.kill(writers(large)[0], signal.SIGKILL)
        assert money(waiting.result()) == before
    assert large.log.read_text().count(GIVEN_UP) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_it_goes_with_its_worker(large: Farebox, number: int, code: int) -> None:
    (writer,) = writers(large)
    assert large.end(number) == code
    large.until(lambda: ended(writer))
    assert large.log.read_text().count("Traceback") == 0


async def test_it_goes_when_nobody_scrapes_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])  # the app puts its own there
    monkeypatch.setattr(root, "level", root.level)
    farebox = Farebox(tmp_path, "http://127.0.0.1:1")
    fill(farebox)
    url = farebox.settings["database_url"]
    settings = load_settings({"FAREBOX_DATABASE_URL": url, "FAREBOX_ADMIN_TOKEN": "t" * 40})
    app = create_app(settings, ServerStatus())
    told, heard = asyncio.Queue[dict[str, str]](), asyncio.Queue[dict[str, str]]()
    living = asyncio.create_task(app({"type": "lifespan"}, told.get, heard.put))
    await told.put({"type": "lifespan.startup"})
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        await client.get("/metrics")
        writer = app.scribe.pid
        monkeypatch.setattr("proxy.scrape.IDLE_S", 0.01)
        await client.get("/metrics")
    assert writer is not None
    await asyncio.to_thread(farebox.until, lambda: app.scribe.pid is None and ended(writer))
    await told.put({"type": "lifespan.shutdown"})
    await asyncio.wait_for(living, 20)


def test_each_of_two_workers_has_its_own(upstream: Standin, tmp_path: Path) -> None:
    farebox = Farebox(tmp_path, upstream.url, workers="2")
    fill(farebox)
    try:
        key = farebox.start().key("prompt", daily_micros=-1)
        scraped_until(farebox, lambda: len(writers(farebox)) == 2)
        for _ in range(4):
            httpx.post(
                f"{farebox.url}/api/v3/google/gemini-3.1-flash-image-preview/text-to-image",
                json={"prompt": "standin:sync"}, headers={"Authorization": key}, trust_env=False,
            )  # fmt: skip
        farebox.until(lambda: 'route="submit",status="200"} 4.0' in page(farebox))
        pages = [page(farebox) for _ in range(12)]
        assert {tuple(sorted(money(text))) for text in pages} == {tuple(sorted(money(pages[0])))}
        assert f"farebox_images_total{{{PLACE}}} 4.0" in pages[0]
        both = writers(farebox)
        assert farebox.end() == 0
        farebox.until(lambda: all(map(ended, both)))
    finally:
        farebox.close()


def test_on_postgresql_too(postgres: Postgres, upstream: Standin, tmp_path: Path) -> None:
    url = postgres.create()
    farebox = Farebox(tmp_path, upstream.url, database_url=url)
    fill(farebox)
    try:
        key = farebox.start().key("prompt", daily_micros=-1)
        scraped_until(farebox, lambda: bool(writers(farebox)))
        farebox.submit(key, "standin:sync")
        assert f"farebox_images_total{{{PLACE}}} 1.0" in page(farebox)
    finally:
        farebox.close()
        postgres.drop(url)
