"""What is asked of Farebox itself is counted under its route; scrapes and probes are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.counted import label_of
from tests.relay.house import ADMIN_TOKEN, Farebox, running
from tests.standin.server import Standin


@pytest.fixture(scope="module")
def farebox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farebox]:
    home: Path = tmp_path_factory.mktemp("farebox")
    with Standin() as upstream, running(home, upstream.url) as started:
        yield started


def counted(farebox: Farebox, name: str) -> dict[tuple[str, ...], float]:
    """The figures of one sample name of `farebox_*`, by the values of its labels."""
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(farebox.metrics())
        for sample in family.samples
        if sample.name == f"farebox_{name}"
    }


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/budget", "budget"),
        ("/quote", "budget"),
        ("/admin", "admin"),
        ("/admin/keys", "admin"),
        ("/administration", "page"),
        ("/", "page"),
        ("/my", "page"),
        ("/login", "page"),
        ("/static/page.css", "page"),
        ("/nowhere", "page"),
        ("/metrics", None),
        ("/healthz", None),
        ("/readyz", None),
    ],
)
def test_a_path_has_a_route(path: str, label: str | None) -> None:
    assert label_of(path) == label


def test_calls_of_our_own_are_counted_by_route_and_status(farebox: Farebox) -> None:
    key = farebox.key("asking")
    before = counted(farebox, "requests_total")
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    asked = [
        ("/budget", {"Authorization": key}, ("budget", "200")),
        ("/budget", {"Authorization": "sk-fb-wrong"}, ("budget", "401")),
        ("/admin/keys", admin, ("admin", "200")),
        ("/admin/keys/nobody", admin, ("admin", "404")),
        ("/login", {}, ("page", "200")),
        ("/made/up", {}, ("page", "404")),
        ("/readyz", {}, None),
        ("/metrics", {}, None),
    ]
    for path, headers, _ in asked:
        farebox.client.get(f"{farebox.url}{path}", headers=headers)
    after = counted(farebox, "requests_total")
    grown = {place: after[place] - before.get(place, 0) for place in after}
    assert {place: by for place, by in grown.items() if by} == {
        place: 1.0 for _, _, place in asked if place
    }


def test_each_is_timed_and_none_is_left_in_flight(farebox: Farebox) -> None:
    farebox.client.get(f"{farebox.url}/login")
    farebox.client.get(f"{farebox.url}/budget")
    assert counted(farebox, "request_duration_seconds_count")[("page",)] >= 1
    assert set(counted(farebox, "in_flight_requests").values()) == {0.0}
