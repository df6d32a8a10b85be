"""Our pages are those of `prometheus_client`, byte for byte, whatever moved since the last."""

import gzip
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from proxy.exposition import Dialect, Measured, Page, Sampled, packed
from proxy.metrics import Metrics

OPENMETRICS = "application/openmetrics-text"
ACCEPTED = [  # not OpenMetrics with `values`: there it names a family and its samples differently
    "",
    "*/*",
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "text/plain;version=1.0.0;escaping=dots",
    "text/plain;version=1.0.0;escaping=values",
    OPENMETRICS,
    f"{OPENMETRICS};version=0.0.1,text/plain;version=0.0.4;q=0.5",
    f"{OPENMETRICS};version=1.0.0;escaping=underscores;q=0.6,text/plain;q=0.2",
    f"{OPENMETRICS};version=1.0.0;escaping=allow-utf-8",
    f"{OPENMETRICS};version=1.0.0;escaping=dots",
]
# The ledger's figures: money to the micro-dollar, counts, instants; and what a gauge might hold.
figures = st.one_of(
    st.integers(0, 10**15).map(lambda micros: micros / 1e6),
    st.integers(0, 10**12),
    st.floats(),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "a b", 'x"y', "back\\slash", "line\nbreak", "ü", "\\n", "}"]
)
kinds = st.sampled_from(["counter", "gauge"])
label_names = st.lists(
    st.sampled_from(["team", "key", "model", "time_zone", "a"]), unique=True, max_size=3
)


@pytest.mark.parametrize(
    ("encodings", "is_packed"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("br, gzip;q=0.5, *", True),
        ("deflate ,gzip ; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000 , br", False),
        ("gzip;q=0.001", True),
        ("identity", False),
        ("*", False),
        ("not-gzip", False),
        ("gzipped", False),
    ],
)
def test_a_page_is_packed_where_gzip_is_named(encodings: str, is_packed: bool) -> None:
    assert Dialect.accepted("", encodings).packed == is_packed


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_a_packed_page_is_the_page(pieces: list[bytes]) -> None:
    assert gzip.decompress(b"".join(packed(pieces))) == b"".join(pieces)


class Given(Collector):
    """Families as they are."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families


def as_metric(family: Measured) -> Metric:
    """The same, as `prometheus_client` holds it."""
    metric = Metric(family.name, family.documentation, family.type)
    name = family.name + ("_total" if family.type == "counter" else "")
    for values, figure in family.figures.items():
        metric.add_sample(name, dict(zip(family.labels, values, strict=True)), figure)
    return metric


@st.composite
def family(draw: st.DrawFn) -> Callable[[], Measured]:
    """A family whose figures are drawn anew each time it is asked for."""
    name, kind = draw(st.sampled_from(["farebox_spend_usd", "a_b", "x"])), draw(kinds)
    labels, words = tuple(draw(label_names)), draw(texts)
    series = st.dictionaries(st.tuples(*(texts for _ in labels)), figures, max_size=5)
    return lambda: Measured(name, kind, words, labels, draw(series))


@pytest.mark.parametrize("accept", ACCEPTED)
@given(ask=family(), pages=st.integers(1, 3))
def test_a_page_is_what_prometheus_client_would_write(
    accept: str, ask: Callable[[], Measured], pages: int
) -> None:
    encode, content_type = choose_encoder(accept)
    page = Page(Dialect.accepted(accept))
    assert page.dialect.content_type == content_type
    for _ in range(pages):
        asked = ask()
        theirs = encode(Given([as_metric(asked)]))
        assert b"".join(page.write([asked])) == theirs
        again = Page(page.dialect).write([Sampled.of(as_metric(asked))])
        assert b"".join(again) == theirs


@pytest.mark.parametrize("accept", ACCEPTED)
def test_the_traffic_of_a_process_is_written_as_prometheus_client_does(accept: str) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    encode, _ = choose_encoder(accept)
    page = Page(Dialect.accepted(accept))
    for number in range(4):
        metrics.seconds("poll" if number % 2 else 'su"bmit').observe(number / 3)
        metrics.refusals("art", f"key\n{number}", "budget_exceeded").inc(10**6 * number + 0.5)
        metrics.in_flight("poll").set(-number)
        metrics.batch_size.observe(number)
        pieces = page.write(map(Sampled.of, metrics.collect()))
        assert b"".join(pieces) == encode(registry)


def test_a_series_that_is_gone_is_not_kept() -> None:
    page = Page(Dialect.accepted(""))
    for key in ("one", "two"):
        left = Measured("left", "gauge", "", ("key",), {(key,): 1})
        text = b"".join(page.write([left])).decode()
        assert [line for line in text.splitlines() if "{" in line] == [f'left{{key="{key}"}} 1.0']
