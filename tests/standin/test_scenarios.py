"""Each scenario, told in a prompt: what the submit says and what the finished job shows."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.standin.faults import FAULTS
from tests.standin.scenarios import FAULTS as FAULT_WORDS
from tests.standin.scenarios import SCENARIOS, UNREAD
from tests.standin.server import Standin

FLASH = "google/gemini-3.1-flash-image-preview"
SUBMIT = f"/api/v3/{FLASH}/text-to-image"
GPT_IMAGE = "/api/v3/openai/gpt-image-2/text-to-image"


@pytest.fixture
def upstream() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def http(upstream: Standin) -> Iterator[httpx.Client]:
    headers = {"Authorization": "sk-key"}
    with httpx.Client(base_url=upstream.url, headers=headers, trust_env=False) as client:
        yield client


def submit(http: httpx.Client, words: str, path: str = SUBMIT, **body: Any) -> httpx.Response:
    return http.post(path, json={"prompt": words, **body})


def ended(http: httpx.Client, words: str, path: str = SUBMIT, **body: Any) -> Any:
    """The finished job's data, two polls later."""
    url = submit(http, words, path, **body).json()["data"]["urls"]["get"]
    http.get(url)
    return http.get(url).json()["data"]


def shows(**members: object) -> Callable[[Any], bool]:
    return lambda data: all(data[name] == value for name, value in members.items())


def pictures(count: int) -> Callable[[Any], bool]:
    return lambda data: data["status"] == "completed" and len(data["outputs"]) == count


ENDINGS = [
    ("a cat", {}, pictures(1)),
    ("standin:failed=no+cats", {}, shows(status="failed", error="no cats", outputs=[])),
    ("standin:failed-silent", {}, shows(status="failed", error="", outputs=[])),
    ("standin:failed-null", {}, shows(status="failed", error=None)),
    ("standin:never", {}, shows(status="processing", outputs=[])),
    ("standin:end=succeeded", {}, shows(status="succeeded")),
    ("standin:end=cancelled", {}, shows(status="cancelled", outputs=[])),
    ("standin:end=expired", {}, shows(status="expired", outputs=[])),
    ("standin:never standin:middle=running", {}, shows(status="running")),
    ("standin:never standin:middle=queued", {}, shows(status="queued")),
    ("standin:never standin:unknown", {}, shows(status="pondering")),
    ("standin:warning", {}, shows(status="completed", error="low quality input")),
    ("standin:outputs=3", {}, pictures(3)),
    ("standin:more", {}, pictures(2)),
    ("standin:empty", {}, pictures(0)),
    ("standin:no-outputs", {}, lambda data: "outputs" not in data),
    ("standin:big=4001", {}, lambda data: len(data["outputs"][0]) == 4001),
    ("n is not for this model", {"n": 4}, pictures(1)),
    ("inline", {"enable_base64_output": True}, lambda data: data["outputs"][0][:4] == "iVBO"),
]


@pytest.mark.parametrize(("words", "body", "is_right"), ENDINGS, ids=[e[0] for e in ENDINGS])
def test_a_job_ends_as_its_prompt_says(
    http: httpx.Client, words: str, body: dict[str, Any], is_right: Callable[[Any], bool]
) -> None:
    assert is_right(ended(http, words, **body))


@pytest.mark.parametrize(
    ("words", "count"), [("a", 3), ("standin:fewer", 2), ("standin:more=2", 5)]
)
def test_a_model_that_counts_makes_as_many_as_asked(
    http: httpx.Client, upstream: Standin, words: str, count: int
) -> None:
    assert pictures(count)(ended(http, words, GPT_IMAGE, n=3))
    assert upstream.bill.lines[-1].images == count


ANSWERS = [
    ("standin:sync", 200, shows(status="completed")),
    ("standin:sync-5004", 200, shows(status="processing", code=5004)),
    ("standin:sync standin:sync-created", 200, shows(status="created", outputs=[])),
    ("standin:sync-slow=0.01", 200, shows(status="completed")),
    ("standin:id=job/1", 200, shows(id="job/1")),
    ("standin:id-kind=colon", 200, lambda data: ":" in data["id"]),
    ("standin:list", 200, lambda data: data[0]["status"] == "created"),
    ("standin:urls-list", 200, lambda data: data["urls"][0]["get"].endswith("/result")),
    ("standin:no-id", 200, lambda data: "id" not in data),
    ("standin:elsewhere=http://evil.test", 200, lambda data: "evil.test" in data["urls"]["get"]),
    ("standin:envelope=402", 200, lambda data: data is None),
]


@pytest.mark.parametrize(("words", "status", "is_right"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_a_submit_answers_as_its_prompt_says(
    http: httpx.Client, words: str, status: int, is_right: Callable[[Any], bool]
) -> None:
    answer = submit(http, words)
    assert answer.status_code == status
    assert is_right(answer.json()["data"])


@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504]
)
def test_a_refusal_has_the_shape_of_its_surface_and_makes_no_job(
    http: httpx.Client, upstream: Standin, status: int
) -> None:
    words = f"standin:{status}"
    path = submit(http, words)
    unified = submit(http, words, "/api/v3/images", model=FLASH)
    assert (path.status_code, path.json()["error"]["type"]) == (status, str(status))
    assert (unified.status_code, unified.json()["error"]["code"]) == (status, status)
    assert upstream.jobs == ()


@pytest.mark.parametrize(
    ("words", "status", "body"),
    [
        ("standin:503 standin:html", 503, "<html>"),
        ("standin:500 standin:text", 500, "Internal server error"),
        ("standin:402 standin:shape=string", 402, '{"error": "Insufficient balance"}'),
        ("standin:403 standin:shape=flat", 403, '{"code": 403, "message": "Insufficient'),
        ("standin:policy", 400, "content policy"),
        ("standin:echo-key", 400, "bad request by sk-key"),
        ("standin:redirect", 307, ""),
        ("standin:unreadable", 200, "<html>"),
        ("standin:nothing", 200, ""),
        ("standin:half-json", 200, '{"data": {'),
    ],
)
def test_an_answer_that_is_no_acceptance(
    http: httpx.Client, words: str, status: int, body: str
) -> None:
    answer = submit(http, words)
    assert answer.status_code == status
    assert body in answer.text


def test_the_unified_surface_speaks_its_own_words(http: httpx.Client) -> None:
    taken = submit(http, "a cat", "/api/v3/images", model=FLASH)
    assert (taken.status_code, taken.json()["status"]) == (202, "pending")
    url = taken.json()["polling_url"]
    looks = [http.get(url).json() for _ in range(2)]
    assert [look["status"] for look in looks] == ["in_progress", "completed"]
    assert len(looks[1]["unsigned_urls"]) == 1
    assert "usage" not in looks[1]


def test_one_id_can_be_handed_out_twice(http: httpx.Client, upstream: Standin) -> None:
    first, second = (submit(http, "standin:dup").json()["data"]["id"] for _ in range(2))
    assert first == second
    assert len(upstream.jobs) == 2


def test_a_finished_job_can_change_its_mind(http: httpx.Client) -> None:
    url = submit(http, "standin:flip standin:polls=1").json()["data"]["urls"]["get"]
    assert [http.get(url).json()["data"]["status"] for _ in range(2)] == ["completed", "failed"]


def test_polls_go_wrong_as_often_as_told(http: httpx.Client) -> None:
    url = submit(http, "standin:poll-500=1 standin:polls=1").json()["data"]["urls"]["get"]
    assert [http.get(url).status_code for _ in range(2)] == [500, 200]


def test_a_gzip_answer_comes_unasked(http: httpx.Client) -> None:
    headers = {"Accept-Encoding": "identity"}
    body = {"prompt": "standin:gzip"}
    with http.stream("POST", SUBMIT, json=body, headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert json.loads(gzip.decompress(raw))["code"] == 200


def test_a_model_can_carry_the_word(http: httpx.Client) -> None:
    assert submit(http, "a cat", "/api/v3/google/standin-429/text-to-image").status_code == 429


def test_a_word_nobody_knows_is_an_error_of_the_test(http: httpx.Client) -> None:
    answer = submit(http, "standin:faild")
    assert answer.status_code == 501
    assert "faild" in answer.text


def test_every_fault_that_is_told_of_is_done() -> None:
    assert set(FAULT_WORDS) | set(UNREAD) <= set(FAULTS) <= set(SCENARIOS)
