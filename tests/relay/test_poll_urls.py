"""Poll URLs point at us where the setting says so, at the base that the caller knows us by."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.relay.house import PATH, UNIFIED, Farebox, prediction_of, running
from tests.standin.server import Standin

FORMS = [
    pytest.param(PATH, "", id="object"),
    pytest.param(PATH, "standin:urls-list", id="list"),
    pytest.param(PATH, "standin:list", id="data is a list"),
    pytest.param(PATH, "standin:list standin:urls-list", id="both lists"),
    pytest.param(UNIFIED, "standin:absolute", id="absolute polling_url"),
]
MODES = [
    pytest.param("auto", "farebox", True, id="auto, a Farebox key"),
    pytest.param("auto", "own", False, id="auto, an own key"),
    pytest.param("proxy", "farebox", True, id="proxy, a Farebox key"),
    pytest.param("proxy", "own", True, id="proxy, an own key"),
    pytest.param("unchanged", "farebox", False, id="unchanged, a Farebox key"),
    pytest.param("unchanged", "own", False, id="unchanged, an own key"),
]


def key_for(farebox: Farebox, kind: str) -> str:
    if kind == "own":
        return "sk-own-polling"
    return farebox.secrets.get("polling") or farebox.key("polling", daily_micros=-1)


def poll_url(answer: httpx.Response) -> str:
    """The one URL that an acceptance says to poll."""
    (found,) = re.findall(r'"(?:get|polling_url)": ?"([^"]*)"', answer.text)
    return str(found)


@pytest.mark.parametrize(("path", "form"), FORMS)
@pytest.mark.parametrize(("mode", "kind", "ours"), MODES)
def test_whose_poll_url_it_is(
    mode: str,
    kind: str,
    ours: bool,
    path: str,
    form: str,
    *,
    start: Callable[..., Farebox],
    upstream: Standin,
) -> None:
    farebox = start(poll_urls=mode)
    key = key_for(farebox, kind)
    taken = farebox.submit(key, form, path=path)
    url = poll_url(taken)
    assert url.startswith(f"{farebox.url if ours else upstream.url}/api/v3/")
    assert len(taken.content) == int(taken.headers["content-length"])
    if ours:
        polled = farebox.client.get(url, headers={"Authorization": key})
        assert polled.status_code == 200
        assert prediction_of(polled) == prediction_of(taken)


def test_only_the_base_changes(start: Callable[..., Farebox], upstream: Standin) -> None:
    farebox = start(poll_urls="proxy")
    words = "standin:extra-members standin:id-kind=slash"
    taken = farebox.submit("sk-own-polling", words)
    back = taken.text.replace(farebox.url, upstream.url)
    document = json.loads(back)
    assert json.dumps(document, ensure_ascii=False) == back


@pytest.mark.parametrize(
    "words", ["standin:elsewhere=https://evil.example/other/x", "standin:no-urls"]
)
def test_what_is_no_v3_url_stays(words: str, start: Callable[..., Farebox]) -> None:
    farebox = start(poll_urls="proxy")
    taken = farebox.submit("sk-own-polling", words)
    assert farebox.url not in taken.text


def test_an_answer_that_is_packed_though_nobody_asked_is_unpacked_for_its_poll_url(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    taken = farebox.submit(rich, "standin:gzip")
    assert poll_url(taken).startswith(f"{farebox.url}/api/v3/")
    assert "content-encoding" not in taken.headers
    assert len(taken.content) == int(taken.headers["content-length"])
    own = farebox.submit("sk-own-polling", "standin:gzip")
    assert own.headers["content-encoding"] == "gzip"
    assert poll_url(own).startswith(f"{upstream.url}/api/v3/")


def test_a_packed_answer_without_one_stays_packed(farebox: Farebox, rich: str) -> None:
    taken = farebox.submit(rich, "standin:gzip", path=UNIFIED)
    assert taken.headers["content-encoding"] == "gzip"
    assert poll_url(taken).startswith("/api/v3/")


def test_a_relative_poll_url_stays(farebox: Farebox, rich: str) -> None:
    taken = farebox.submit(rich, path=UNIFIED)
    assert poll_url(taken).startswith("/api/v3/")


@pytest.mark.parametrize("words", ["", "standin:base64", "standin:big=300000"])
def test_a_poll_s_answer_and_a_stream_are_swapped_too(
    words: str, farebox: Farebox, rich: str
) -> None:
    taken = farebox.submit(rich, words)
    for _ in range(2):
        polled = farebox.poll(rich, prediction_of(taken))
    assert poll_url(polled).startswith(farebox.url)
    if "big" in words:
        assert "content-length" not in polled.headers


def test_a_public_url_with_a_path_is_written_into_poll_urls(
    upstream: Standin, tmp_path: Path
) -> None:
    public = "https://images.example/farebox/"
    with running(tmp_path, upstream.url, public_url=public, trusted_proxies="127.0.0.1") as farebox:
        answer = farebox.submit(farebox.key(), headers={"X-Forwarded-Host": "other.example"})
        assert poll_url(answer).startswith("https://images.example/farebox/api/v3/predictions/")


FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "images.example, inner.example",
    "X-Forwarded-Prefix": "/farebox/",
}


@pytest.mark.parametrize(
    ("trusted", "base"),
    [("127.0.0.0/8", "https://images.example/farebox"), ("10.0.0.0/8", None), ("none", None)],
)
def test_what_a_trusted_proxy_says_of_our_address_is_believed(
    trusted: str, base: str | None, start: Callable[..., Farebox]
) -> None:
    farebox = start(trusted_proxies=trusted)
    key = key_for(farebox, "farebox")
    answer = farebox.submit(key, headers=FORWARDED)
    assert poll_url(answer).startswith(f"{base or farebox.url}/api/v3/predictions/")


def test_a_caller_s_own_name_for_us_is_used(farebox: Farebox, rich: str) -> None:
    answer = farebox.submit(rich, headers={"Host": "farebox.internal:81"})
    assert poll_url(answer).startswith("http://farebox.internal:81/api/v3/predictions/")
