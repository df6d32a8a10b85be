"""What Prometheus is told: every metric from the start, money from the ledger, labels of ours."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.upstream import Upstream
from tests.relay.house import ADMIN_TOKEN, PATH, PRICE_MICROS, Farebox, prediction_of, running
from tests.relay.wire import read
from tests.standin.server import Standin

COUNTERS = (
    *("spend_usd", "images", "corrections_usd", "refusals", "overruns", "unpriced", "requests"),
    *("upstream_errors", "reconciler_polls", "ledger_errors", "series_overflow"),
    *("contradictions", "clock_steps"),
)
GAUGES = (
    *("budget_limit_usd", "budget_spent_usd", "budget_reserved_usd", "budget_remaining_usd"),
    *("budget_resets_timestamp_seconds", "charges_open", "open_usd", "oldest_open_charge_seconds"),
    *("in_flight_requests", "reconciliation_difference_usd", "price_table_info"),
    "price_table_effective_timestamp_seconds",
)
HISTOGRAMS = (
    *("request_duration_seconds", "overhead_seconds", "upstream_duration_seconds"),
    *("generation_duration_seconds", "ledger_commit_seconds", "ledger_batch_size"),
)
LABELS = {
    "farebox_spend_usd_total": {"team", "key", "model", "resolution"},
    "farebox_images_total": {"team", "key", "model", "resolution"},
    "farebox_budget_limit_usd": {"scope", "window", "team", "key"},
    "farebox_charges_open": {"state"},
    "farebox_oldest_open_charge_seconds": set(),
    "farebox_refusals_total": {"team", "key", "reason"},
    "farebox_requests_total": {"route", "status"},
    "farebox_upstream_duration_seconds_sum": {"route", "model"},
    "farebox_generation_duration_seconds_sum": {"model", "resolution"},
    "farebox_in_flight_requests": {"route"},
    "farebox_upstream_errors_total": {"kind"},
    "farebox_price_table_info": {"version"},
}
OVERFLOW = "farebox_series_overflow_total"
MONEY = re.compile(
    r"^farebox_(spend|images|corrections|budget|charges_open|open_usd|overruns|contradictions).*"
)


def announced(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def samples(text: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(dict(sample.labels))
    return found


@pytest.fixture(scope="module", params=["1", "2"])
def fresh(
    request: pytest.FixtureRequest, upstream: Standin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Farebox]:
    """One that nobody has called, with one worker and with two."""
    home: Path = tmp_path_factory.mktemp("fresh")
    with running(home, upstream.url, workers=request.param) as started:
        yield started


def test_every_metric_is_announced_before_the_first_call(fresh: Farebox) -> None:
    types = announced(fresh.metrics())
    for name in COUNTERS:
        assert types.get(f"farebox_{name}_total") == "counter", name
    for name in GAUGES:
        assert types.get(f"farebox_{name}") == "gauge", name
    for name in HISTOGRAMS:
        assert types.get(f"farebox_{name}") == "histogram", name


def test_openmetrics_is_spoken_to_who_asks_for_it(fresh: Farebox) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    answer = fresh.client.get(f"{fresh.url}/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    types = announced(answer.text)
    assert all(types.get(f"farebox_{name}") == "counter" for name in COUNTERS)


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_a_page_is_packed_for_who_unpacks_it(fresh: Farebox, accept: str) -> None:
    answers = [
        fresh.client.get(
            f"{fresh.url}/metrics", headers={"Accept": accept, "Accept-Encoding": encoding}
        )
        for encoding in ("identity", "gzip")
    ]
    plain, packed = answers
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert 4 * int(packed.headers["content-length"]) < len(packed.content)
    assert [announced(answer.text) for answer in answers] == [announced(plain.text)] * 2
    for answer in answers:
        assert answer.headers["vary"] == "accept, accept-encoding"
        assert answer.headers["content-type"] == plain.headers["content-type"]


def test_promtool_finds_nothing_to_complain_of(fresh: Farebox) -> None:
    if shutil.which("promtool") is None:
        reason = "promtool is not installed (apt-get install prometheus)"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    fresh.submit("sk-own-for-promtool")
    fresh.submit("sk-own-for-promtool", "standin:sync")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=fresh.metrics().encode(), capture_output=True,
        check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_labels_are_those_of_the_contract(farebox: Farebox) -> None:
    key = farebox.key("labelled", team="art", daily_micros=2 * PRICE_MICROS)
    taken = farebox.submit(key, "standin:sync")
    assert taken.status_code == 200
    for _ in range(3):
        farebox.poll(key, prediction_of(taken))
    farebox.submit(key)
    farebox.submit(key)  # refused
    farebox.submit(farebox.key(), "standin:402")
    farebox.until(lambda: "farebox_refusals_total{" in farebox.metrics())
    found = samples(farebox.metrics())
    for name, labels in LABELS.items():
        assert [set(one) for one in found[name][:1]] == [labels], name
    spent = {"team": "art", "key": "labelled", "model": "gemini-3.1-flash-image-preview",
             "resolution": "1K"}  # fmt: skip
    assert spent in found["farebox_spend_usd_total"]
    refused = {"team": "art", "key": "labelled", "reason": "budget_exceeded"}
    assert refused in found["farebox_refusals_total"]
    assert {"kind": "balance_empty"} in found["farebox_upstream_errors_total"]
    routes = {one["route"] for one in found["farebox_requests_total"]}
    assert routes <= {"submit", "poll", "relay", "budget", "admin", "page"}


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        pytest.param("GET /x", 400, "bad_request", id="no HTTP"),
        pytest.param(f"POST {PATH}/../x HTTP/1.1", 400, "bad_request", id="a dotted path"),
        pytest.param("GET http://else.where/ HTTP/1.1", 400, "bad_request", id="another origin"),
        pytest.param(
            f"POST {PATH} HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            400, "bad_request", id="two framings",
        ),
        pytest.param(
            f"POST {PATH} HTTP/1.1\r\nX-A: " + 40_000 * "a", 431, "headers_too_large",
            id="a huge head",
        ),
    ],
)  # fmt: skip
def test_what_the_edge_refuses_is_counted(
    farebox: Farebox, sent: str, status: int, reason: str
) -> None:
    requests = f'farebox_requests_total{{route="relay",status="{status}"}}'
    refusals = f'farebox_refusals_total{{key="other",reason="{reason}",team=""}}'

    def counts() -> list[float]:
        found = dict(line.rsplit(" ", 1) for line in farebox.metrics().splitlines())
        return [float(found.get(name, 0)) for name in (requests, refusals)]

    before = counts()
    with socket.create_connection(("127.0.0.1", farebox.port), timeout=20) as line:
        line.sendall(f"{sent}\r\nHost: x\r\n\r\n".encode())
        assert read(line, "GET").status == status
    assert counts() == [count + 1 for count in before]


async def flood(farebox: Farebox, key: str, first: int, count: int) -> None:
    """Call by made-up names, a few at once."""
    client, numbers = Upstream(farebox.url, timeout_s=60), iter(range(first, first + count))

    async def one_after_another() -> None:
        for i in numbers:
            method, path, body = "POST", f"/api/v3/vendor{i}/model-{i}/task-{i}", "{}"
            if i % 4 == 0:
                method, path, body = "GET", f"/api/v3/predictions/made-up-{i}/result", ""
            elif i % 4 == 1:
                method, path, body = "GET", f"/made/up/{i}", ""
            elif i % 4 == 2:
                body = f'{{"model":"m{i}"}}'
            headers = [(b"authorization", key.encode())]
            answer = await client.send(
                method.encode(), path.encode(), headers, body.encode(), pool="", submit=False
            )
            assert await answer.read(1 << 16) is not None

    await asyncio.gather(*(one_after_another() for _ in range(8)))
    await client.aclose()


async def test_made_up_names_make_no_series(farebox: Farebox) -> None:
    def series() -> set[str]:
        return {line.rsplit(" ", 1)[0] for line in farebox.metrics().splitlines()}

    key = farebox.key("flooding")
    await flood(farebox, key, 0, 40)
    farebox.until(lambda: "price_unknown" in farebox.metrics())
    before = series()
    await flood(farebox, key, 40, 10_000)
    assert series() - before == set()


def test_money_is_the_same_from_every_worker(upstream: Standin, tmp_path: Path) -> None:
    farebox = Farebox(tmp_path, upstream.url, workers="2")
    key = farebox.key("web", daily_micros=100 * PRICE_MICROS)
    try:
        farebox.start()
        for _ in range(6):
            farebox.submit(key, "standin:sync")
        seen = set()
        for _ in range(12):  # a connection each: the workers take turns
            text = httpx.get(f"{farebox.url}/metrics", trust_env=False).text
            money = (line for line in text.splitlines() if MONEY.match(line))
            seen.add(tuple(sorted(line for line in money if "_bucket" not in line)))
        assert len(seen) == 1
        (lines,) = seen
        spent = [line for line in lines if line.startswith("farebox_spend_usd_total{")]
        assert [line.rsplit(" ")[-1] for line in spent] == ["0.2412"]
    finally:
        farebox.close()


def test_figures_are_never_older_than_the_question(farebox: Farebox) -> None:
    key = farebox.key("prompt-figures", daily_micros=-1)
    for count in range(1, 4):
        farebox.submit(key, "standin:sync")
        place = 'key="prompt-figures",model="gemini-3.1-flash-image-preview",resolution="1K"'
        line = f'farebox_images_total{{{place},team=""}} {count}.0'
        assert line in farebox.metrics()


def test_the_metrics_need_the_admin_token_where_told_so(start: Callable[..., Farebox]) -> None:
    farebox = start(metrics_auth="1")
    url = f"{farebox.url}/metrics"
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": ADMIN_TOKEN[:-1]}):
        assert farebox.client.get(url, headers=given).status_code == 401
    allowed = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    assert farebox.client.get(url, headers=allowed).status_code == 200


def test_guessing_at_the_metrics_takes_longer_and_longer(start: Callable[..., Farebox]) -> None:
    farebox = start(metrics_auth="1", own_keys="adopted")  # one of its own: its guesses count

    def asked(path: str, token: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {token}"}
        return farebox.client.get(f"{farebox.url}{path}", headers=sent)

    guesses = [asked("/metrics", f"guess-{number}") for number in range(30)]
    assert [each.status_code for each in guesses[:5]] == [401] * 5
    waits = [each.headers["retry-after"] for each in guesses if each.status_code == 429]
    assert waits
    assert all(int(wait) > 0 for wait in waits)
    assert asked("/admin/keys", ADMIN_TOKEN).status_code == 200, "who asks elsewhere need not wait"
    farebox.until(lambda: asked("/metrics", ADMIN_TOKEN).status_code == 200)


def test_a_series_too_many_folds_into_other_and_sums_stay(start: Callable[..., Farebox]) -> None:
    farebox = start(metrics_series_max="2")
    for _ in range(4):
        assert farebox.submit(farebox.key(), "standin:sync", path=PATH).status_code == 200
    spend = {
        (s.labels["key"], s.value)
        for f in text_string_to_metric_families(farebox.metrics())
        for s in f.samples
        if s.name == "farebox_spend_usd_total"
    }
    assert len(spend) == 3
    assert ("other", 0.0804) in spend


def test_series_that_find_no_room_are_counted(start: Callable[..., Farebox]) -> None:
    farebox = start(metrics_series_max="3")
    for _ in range(4):
        key = farebox.key(daily_micros=2 * PRICE_MICROS)
        assert farebox.submit(key, "standin:sync", path=PATH).status_code == 200
    over = [line for line in farebox.metrics().splitlines() if line.startswith(OVERFLOW)]
    assert over == [f'{OVERFLOW}{{metric="spend"}} 1.0', f'{OVERFLOW}{{metric="budget"}} 2.0']
    again = [line for line in farebox.metrics().splitlines() if line.startswith(OVERFLOW)]
    assert again == [f'{OVERFLOW}{{metric="spend"}} 2.0', f'{OVERFLOW}{{metric="budget"}} 4.0']


def test_scrapes_at_once_each_see_what_was_paid_before_them(farebox: Farebox) -> None:
    key = farebox.key("scraped-at-once", daily_micros=-1)
    with ThreadPoolExecutor(6) as readers:
        for count in range(1, 5):
            farebox.submit(key, "standin:sync")
            pages = readers.map(lambda _: httpx.get(f"{farebox.url}/metrics").text, range(6))
            place = 'key="scraped-at-once",model="gemini-3.1-flash-image-preview",resolution="1K"'
            line = f'farebox_images_total{{{place},team=""}} {count}.0'
            assert [line in page for page in pages] == [True] * 6


def test_an_own_key_has_no_name_in_metrics(farebox: Farebox) -> None:
    for _ in range(2):
        farebox.submit("sk-own-unnamed-0123", "standin:sync")
    text = farebox.metrics()
    assert 'farebox_spend_usd_total{key="other",model' in text
    assert "own-" not in text
    assert "own_" not in text
