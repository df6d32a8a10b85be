"""The stand-in as a whole: who may call, what it bills, how long it takes, and as a program."""

import asyncio
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.standin.bill import fingerprint, list_price, read_bill, resolution_of
from tests.standin.server import Standin

FLASH = "google/gemini-3.1-flash-image-preview"
SUBMIT = f"/api/v3/{FLASH}/text-to-image"
KEY = {"Authorization": "sk-key"}


def client(upstream: Standin, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=upstream.url, headers=headers or KEY, trust_env=False)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("sk-key", 200),
        ("Bearer sk-key", 200),
        ("bearer   sk-key", 200),
        ("", 401),
        ("gibberish", 401),
        ("sk-fb-12345678-leaked", 401),
    ],
)
def test_both_spellings_of_a_key_are_one_key(authorization: str, status: int) -> None:
    with Standin() as upstream, client(upstream, Authorization=authorization) as http:
        answer = http.post(SUBMIT, json={"prompt": "a cat"})
    assert answer.status_code == status
    assert {job.key for job in upstream.jobs} <= {"sk-key"}


def test_only_the_keys_it_was_given_are_known() -> None:
    with Standin(keys={"sk-other"}) as upstream, client(upstream) as http:
        path = http.post(SUBMIT, json={"prompt": "a cat"})
        unified = http.post("/api/v3/images", json={"prompt": "a cat", "model": FLASH})
    assert path.json()["error"]["type"] == "401"
    assert unified.json()["error"]["code"] == 401


def test_a_job_is_shown_to_its_own_key_only() -> None:
    with Standin() as upstream, client(upstream) as http:
        url = http.post(SUBMIT, json={"prompt": "a cat"}).json()["data"]["urls"]["get"]
        other = http.get(url, headers={"Authorization": "sk-somebody-else"})
        assert (other.status_code, http.get(url).status_code) == (404, 200)


@pytest.mark.parametrize(
    ("charge_on", "words", "micros"),
    [
        ("completion", "a cat", 40_200),
        ("completion", "standin:failed", 0),
        ("completion", "standin:never", 0),
        ("completion", "standin:402", 0),
        ("completion", "standin:more", 80_400),
        ("completion", "standin:reset", 40_200),
        ("completion", "standin:500 standin:late", 40_200),
        ("submit", "a cat", 40_200),
        ("submit", "standin:failed", 40_200),
        ("submit", "standin:never", 40_200),
        ("submit", "standin:402", 0),
        ("submit", "standin:reset", 40_200),
    ],
)
def test_it_bills_for_what_it_made(charge_on: Any, words: str, micros: int, tmp_path: Path) -> None:
    file = tmp_path / "bill"
    with Standin(charge_on=charge_on, bill_file=file) as upstream, client(upstream) as http:
        try:
            document = http.post(SUBMIT, json={"prompt": words}).json()
        except httpx.HTTPError:
            document = {}
        if "data" in document:
            for _ in range(3):
                http.get(document["data"]["urls"]["get"])
    assert upstream.bill.micros("sk-key") == micros == upstream.bill.micros()
    assert [line.micros for line in read_bill(file)] == ([micros] if micros else [])


def test_a_line_of_the_bill_names_its_key_by_fingerprint_only(tmp_path: Path) -> None:
    file = tmp_path / "bill"
    with Standin(charge_on="submit", bill_file=file) as upstream, client(upstream) as http:
        http.post(SUBMIT, json={"prompt": "a cat", "size": "4K"})
    (line,) = read_bill(file)
    assert (line.key, line.resolution, line.micros) == (fingerprint("sk-key"), "4K", 90_600)
    assert "sk-key" not in file.read_text()


@pytest.mark.parametrize(
    ("model", "body", "resolution", "micros"),
    [
        ("gemini-2.5-flash-image", {"size": "4K"}, "any", 23_400),
        ("gemini-3-pro-image-preview", {}, "1K", 80_400),
        ("gemini-3-pro-image-preview", {"size": "4k"}, "4K", 144_000),
        ("gemini-3.1-flash-image", {"resolution": "512"}, "0.5K", 27_000),
        ("gemini-3.1-flash-image", {"size": "2048x2048"}, "2K", 60_600),
        ("gemini-3.1-flash-image", {"size": "5504*3072"}, "4K", 90_600),
        ("dola-seedream-5-0-pro-260628", {}, "2K", 81_000),
        ("viduq2", {}, "1080P", 24_000),
        ("nobody-knows", {}, "any", 50_000),
    ],
)
def test_its_prices_are_the_published_ones(
    model: str, body: dict[str, str], resolution: str, micros: int
) -> None:
    assert resolution_of(model, body) == resolution
    assert list_price(model, resolution, body) == micros


async def test_with_speed_a_job_ends_by_itself_and_takes_what_its_model_takes() -> None:
    async with Standin(speed=0.001) as upstream:
        with client(upstream) as http:
            data = await asyncio.to_thread(http.post, SUBMIT, json={"prompt": "a cat"})
        (job,) = upstream.jobs
        assert job.done_at is not None
        assert 0.004 <= job.done_at - job.created_at <= 0.008
        assert data.json()["data"]["id"] == job.id
        await asyncio.to_thread(upstream.bill.wait, 1)
    assert job.finished


def test_the_same_seed_makes_the_same_jobs() -> None:
    def ids(seed: int) -> list[str]:
        with Standin(seed=seed) as upstream, client(upstream) as http:
            for _ in range(5):
                http.post(SUBMIT, json={"prompt": "a cat"})
        return [job.id for job in upstream.jobs]

    assert ids(7) == ids(7) != ids(8)
    assert sum(":" in one for one in ids(7)) == 1


async def test_a_test_can_wait_for_a_call() -> None:
    async with Standin() as upstream:
        with client(upstream) as http:
            post = asyncio.create_task(asyncio.to_thread(http.post, SUBMIT, json={"prompt": "a"}))
            await upstream.called(1, "text-to-image")
            await post
    assert upstream.last("text-to-image").header(b"authorization") == b"sk-key"


def test_as_a_program_it_prints_its_url_and_answers_questions(tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    command = [sys.executable, "-m", "tests.standin", "--speed", "0", "--bill", str(bill)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        try:
            with closing(httpx.Client(base_url=url, headers=KEY, trust_env=False)) as http:
                http.post("/standin/next", content="402")
                refused = http.post(SUBMIT, json={"prompt": "a cat"})
                http.post(SUBMIT, json={"prompt": "a cat"})
                http.post("/standin/finish")
                calls, billed = http.get("/standin/calls").json(), http.get("/standin/bill").json()
        finally:
            program.terminate()
    assert (refused.status_code, len(calls)) == (402, 2)
    assert [line["micros"] for line in billed] == [40_200]
    assert (len(read_bill(bill)), program.returncode) == (1, 0)
