"""The webhook of a real Farebox, told of real purchases, by a real receiver."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import queue
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from proxy.instants import instant
from proxy.notify.rules import Mark, Notice
from proxy.notify.webhook import NotTaken, deliver
from tests.admin.serving import Served, serving
from tests.notify.receiver import Delivery, Receiver
from tests.standin.server import Standin

SECRET = "a-secret-of-the-webhook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def upstream() -> Iterator[Standin]:
    with Standin() as running:
        yield running


def start(
    directory: Path, upstream: Standin, receiver: Receiver, query: str = ""
) -> AbstractContextManager[Served]:
    return serving(
        directory,
        upstream.url,
        FAREBOX_NOTIFY_URL=receiver.url + query,
        FAREBOX_NOTIFY_SECRET=SECRET,
        FAREBOX_NOTIFY_AT="50,100",
    )


def key(farebox: Served, limit: str) -> str:
    made = farebox.admin.post("/admin/keys", json={"name": "web", "daily_budget_usd": limit})
    secret: str = made.json()["key"]
    return secret


def signed(delivery: Delivery) -> bool:
    headers = delivery.headers
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + delivery.body
    mac = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
    return headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


def test_a_passed_threshold_is_told_signed_and_told_again_when_over(
    tmp_path: Path, upstream: Standin, receiver: Receiver
) -> None:
    with start(tmp_path, upstream, receiver) as farebox:
        secret = key(farebox, "0.06")
        assert farebox.submit(secret).status_code == 200
        (half,) = receiver.taken(1)
        facts = half.facts
        assert signed(half)
        assert (facts["state"], facts["threshold_percent"], facts["name"]) == ("raised", 50, "web")
        assert (facts["limit_usd"], facts["reserved_usd"]) == ("0.060000", "0.040200")
        farebox.admin.post("/admin/keys/web/top-up", json={"usd": "0.03"}).raise_for_status()
        (over,) = receiver.taken(1)
        assert (over.facts["state"], over.facts["threshold_percent"]) == ("resolved", 50)
        assert farebox.submit(secret).status_code == 200
        (again,) = receiver.taken(1)
        assert (again.facts["state"], again.facts["threshold_percent"]) == ("raised", 50)
        assert again.headers["webhook-id"] != half.headers["webhook-id"]


def test_after_a_restart_nothing_is_told_twice(
    tmp_path: Path, upstream: Standin, receiver: Receiver
) -> None:
    with start(tmp_path, upstream, receiver) as farebox:
        secret = key(farebox, "0.0804")
        farebox.submit(secret)
        assert receiver.taken(1)[0].facts["threshold_percent"] == 50
    with start(tmp_path, upstream, receiver) as farebox:
        farebox.submit(secret)
        assert receiver.taken(1)[0].facts["threshold_percent"] == 100
    with pytest.raises(queue.Empty):
        receiver.deliveries.get_nowait()


def test_what_was_not_taken_is_told_again_under_the_same_id(
    tmp_path: Path, upstream: Standin, receiver: Receiver
) -> None:
    receiver.refuse = 1
    with start(tmp_path, upstream, receiver) as farebox:
        farebox.submit(key(farebox, "0.06"))
        first, second = receiver.next(), receiver.next()
    assert (first.answered, second.answered) == (500, 200)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_slack_is_told_in_a_sentence(tmp_path: Path, upstream: Standin, receiver: Receiver) -> None:
    with start(tmp_path, upstream, receiver, "?format=slack") as farebox:
        farebox.submit(key(farebox, "0.06"))
        (told,) = receiver.taken(1)
    assert list(told.facts) == ["text"]
    assert told.facts["text"].startswith("Daily budget of key 'web': 50% reached")


@contextlib.asynccontextmanager
async def dripping(first: bytes, drop: bytes) -> AsyncIterator[str]:
    """Answer with some bytes, then drop by drop without end; yields the address."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while True:
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(0.02)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


HEAD = b"HTTP/1.1 200 OK\r\n"
NOTICE = Notice(Mark("installation", "day", "2026-11-23", 80), "raised", "{}")


async def test_a_receiver_that_goes_on_answering_has_taken_it() -> None:
    endless = HEAD + b"content-length: 1000000\r\n\r\n"
    async with asyncio.timeout(5), dripping(endless, b"x") as url, httpx.AsyncClient() as client:
        await deliver(client, url, None, NOTICE, instant(0))


async def test_a_receiver_that_does_not_come_to_the_point_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.notify.webhook.WHOLE_S", 0.2)
    async with dripping(HEAD, b"x-more: 1\r\n") as url, httpx.AsyncClient() as client:
        with pytest.raises(NotTaken, match="in time"):
            async with asyncio.timeout(5):
                await deliver(client, url, None, NOTICE, instant(0))
