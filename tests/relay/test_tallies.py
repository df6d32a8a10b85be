"""Calls that are counted many at a time come to the same figures."""

import asyncio
import logging
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from proxy.app import create_app
from proxy.edge import ServerStatus
from proxy.metrics import OVERHEAD, SECONDS, Metrics
from proxy.settings import load_settings
from proxy.tallies import LONG, Ended, Tallies

Figures = dict[tuple[str, ...], float]

times = st.one_of(st.sampled_from((0.0, *SECONDS, *OVERHEAD)), st.floats(0, 700))
ended = st.builds(
    Ended,
    st.sampled_from(["poll", "submit", "relay"]),
    st.sampled_from([200, 402, 503]),
    times,
    times,
    times,
    st.sampled_from(["other", "gemini-2.5-flash-image"]),
)


def figures(metrics: Metrics) -> Figures:
    return {
        (sample.name, *(f"{n}={v}" for n, v in sample.labels.items())): round(sample.value, 6)
        for metric in metrics.collect()
        for sample in metric.samples
        if sample.labels
    }


def one_by_one(calls: list[Ended]) -> Figures:
    metrics = Metrics(CollectorRegistry())
    for call in calls:
        metrics.in_flight(call.route).set(0)
        metrics.requests(call.route, str(call.status)).inc()
        metrics.seconds(call.route).observe(call.took)
        metrics.overhead(call.route).observe(call.ours)
        if call.upstream:
            metrics.upstream(call.route, call.model).observe(call.upstream)
    return figures(metrics)


@given(st.lists(ended, max_size=12))
def test_many_at_a_time_count_as_one_by_one(calls: list[Ended]) -> None:
    async def counted() -> Figures:
        metrics = Metrics(CollectorRegistry())
        tallies = Tallies(metrics)
        for call in calls:
            tallies.begin(call.route)
            tallies.end(call)
        tallies.flush()
        return figures(metrics)

    assert asyncio.run(counted()) == one_by_one(calls)


POLL = Ended("poll", 200, 0.2, 0.001, 0.199, "other")


async def test_calls_in_flight_are_told_until_they_end() -> None:
    metrics = Metrics(CollectorRegistry())
    tallies = Tallies(metrics)
    told = []
    for step in (tallies.begin, tallies.begin):
        step("poll")
        tallies.flush()
        told.append(figures(metrics)["farebox_in_flight_requests", "route=poll"])
    tallies.end(POLL)
    tallies.flush()
    told.append(figures(metrics)["farebox_in_flight_requests", "route=poll"])
    assert told == [1, 2, 1]


async def test_a_long_list_does_not_wait() -> None:
    metrics = Metrics(CollectorRegistry())
    tallies = Tallies(metrics)
    for _ in range(LONG + 1):
        tallies.begin("poll")
        tallies.end(POLL)
    counted = figures(metrics)["farebox_requests_total", "route=poll", "status=200"]
    assert counted == LONG


async def test_what_waits_is_counted_after_a_moment_again_and_again() -> None:
    metrics = Metrics(CollectorRegistry())
    flushed = asyncio.Event()

    class Heard(Tallies):
        def flush(self) -> None:
            super().flush()
            flushed.set()

    tallies = Heard(metrics)
    for calls in (1, 2):
        tallies.begin("poll")
        await asyncio.wait_for(flushed.wait(), 10)
        flushed.clear()
        tallies.end(POLL)
        await asyncio.wait_for(flushed.wait(), 10)
        flushed.clear()
        told = figures(metrics)
        assert told["farebox_requests_total", "route=poll", "status=200"] == calls
        assert told["farebox_in_flight_requests", "route=poll"] == 0


async def test_what_waits_when_the_app_ends_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])  # the app puts its own there
    monkeypatch.setattr(root, "level", root.level)
    url = f"sqlite:///{tmp_path}/farebox.db"
    settings = load_settings({"FAREBOX_DATABASE_URL": url, "FAREBOX_ADMIN_TOKEN": "t" * 40})
    app = create_app(settings, ServerStatus())
    told, heard = asyncio.Queue[dict[str, str]](), asyncio.Queue[dict[str, str]]()
    living = asyncio.create_task(app({"type": "lifespan"}, told.get, heard.put))
    await told.put({"type": "lifespan.startup"})
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        answer = await client.get("/api/v3/predictions/nobody-s")
    await told.put({"type": "lifespan.shutdown"})
    await asyncio.wait_for(living, 20)
    assert answer.status_code == 401
    assert figures(app.metrics)["farebox_requests_total", "route=poll", "status=401"] == 1
