"""Every real client against the stand-in itself: what its user sees is what the contract says.

Another module can import these tests and run them elsewhere: it gives its own `upstream`,
`base_url` and `key`.
"""

from collections.abc import Iterator

import pytest

from tests.clients.run import CLIENTS, need, run_client
from tests.standin.server import Standin

KEY = "sk-a-real-looking-key"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def base_url(upstream: Standin) -> str:
    return upstream.url


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    need(name)
    return name


def test_a_generation_comes_back_with_its_picture(
    client: str, upstream: Standin, base_url: str, key: str
) -> None:
    seen = run_client(client, base_url, key, prompt="a cat", size="2K")
    assert (seen.outcome, seen.exit) == ("completed", 0), seen
    assert [url.startswith("https://oss.gptproto.com/output/") for url in seen.outputs] == [True]
    assert upstream.bill.lines[-1].micros == 60_600


def test_a_failed_job_shows_its_reason(client: str, base_url: str, key: str) -> None:
    seen = run_client(client, base_url, key, prompt="standin:failed=too+many+cats")
    assert (seen.outcome, seen.exit) == ("failed", 1), seen
    assert "too many cats" in seen.message


def test_a_job_that_fails_without_a_word_still_ends(client: str, base_url: str, key: str) -> None:
    seen = run_client(client, base_url, key, prompt="standin:failed-silent")
    assert (seen.outcome, seen.exit) == ("failed", 1), seen


REFUSALS = [
    ("article", "402", "402 Client Error: Payment Required"),
    ("gptproto", "402", "unexpected empty response: None"),
    ("gptproto", "400", "request rejected: code=400 message=Invalid request"),
    ("gptproto", "policy", "request rejected: code=400 message=Blocked by the content policy."),
    ("wavespeed-python", "402", "HTTP 402: "),
    ("wavespeed-python", "402", "Insufficient balance"),
    ("wavespeed-npm", "402", "Insufficient balance"),
    ("curl", "402", "402 Insufficient balance"),
    ("curl", "503 standin:html", "nginx"),
]


@pytest.mark.parametrize(("name", "word", "shown"), REFUSALS)
def test_a_refusal_shows_what_that_client_can_show(
    name: str, word: str, shown: str, base_url: str, key: str
) -> None:
    need(name)
    seen = run_client(name, base_url, key, prompt=f"standin:{word}")
    assert seen.outcome == "refused", seen
    assert shown in seen.message


@pytest.mark.parametrize("name", ["wavespeed-python", "wavespeed-npm"])
@pytest.mark.parametrize(
    ("word", "sees"),
    [
        ("sync", ("completed", "")),
        ("base64", ("completed", "")),
        ("sync-5004", ("failed", "Sync mode timed out")),
        ("failed", ("failed", "could not make this image")),
    ],
)
def test_a_client_that_waits_in_its_submit(
    name: str, word: str, sees: tuple[str, str], base_url: str, key: str
) -> None:
    need(name)
    seen = run_client(name, base_url, key, prompt=f"standin:{word}", SYNC="1")
    assert seen.outcome == sees[0], seen
    assert sees[1] in seen.message


@pytest.mark.parametrize("name", ["wavespeed-python", "wavespeed-npm"])
def test_polls_survive_a_bad_moment(name: str, base_url: str, key: str) -> None:
    need(name)
    seen = run_client(name, base_url, key, prompt="standin:poll-503=1 standin:poll-reset=2")
    assert seen.outcome == "completed", seen


@pytest.mark.parametrize("name", ["wavespeed-python", "wavespeed-npm"])
def test_a_client_told_to_retry_submits_again(
    name: str, upstream: Standin, base_url: str, key: str
) -> None:
    need(name)
    before = len(upstream.submits)
    run_client(name, base_url, key, prompt="standin:failed=HTTP+503", MAX_RETRIES="1")
    assert len(upstream.submits) - before == 2


@pytest.mark.parametrize(
    ("name", "spelling"),
    [("article", b"" + KEY.encode()), *((n, b"Bearer " + KEY.encode()) for n in CLIENTS[1:])],
)
def test_each_client_spells_its_key_its_own_way(
    name: str, spelling: bytes, upstream: Standin, base_url: str, key: str
) -> None:
    need(name)
    run_client(name, base_url, key)
    assert upstream.last().header(b"authorization") == spelling


def test_the_sdk_loses_a_paid_job_to_one_bad_poll(base_url: str, key: str) -> None:
    seen = run_client("gptproto", base_url, key, prompt="standin:poll-500=1")
    assert (seen.outcome, seen.message) == ("refused", "unexpected empty response: None")
