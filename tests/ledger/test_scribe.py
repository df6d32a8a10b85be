"""The process that writes pages, asked directly: on both databases, and at its worst."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from proxy import scribe as module
from proxy.exposition import Dialect, Sampled
from proxy.ledger.schema import open_session
from proxy.ledger.store import Store
from proxy.metrics import Metrics
from proxy.money_metrics import MoneyMetrics
from proxy.pages import Pages
from proxy.scrape import Overflow
from proxy.scribe import Scribe, environment
from proxy.scribe_line import PIECE, Line, Terms, told
from tests.ledger.world import Ledger

TEXT = Dialect.accepted("")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
DIALECTS = [Dialect.accepted(a, e) for a in ("", OPENMETRICS) for e in ("", "gzip")]
SAYS = "import socket; socket.socket(fileno=0).sendall({said!r}); input()"


def counted_by(metrics: Metrics, no_room: list[tuple[int, int]]) -> module.Counted:
    def counted(*found: int) -> list[bytes]:
        no_room.append((found[0], found[1]))
        return told(map(Sampled.of, metrics.collect()), lambda: None)

    return counted


def traffic() -> Metrics:
    metrics = Metrics(CollectorRegistry())
    for number in range(200):
        metrics.refusals("art", f'a "key"\n{number}', "budget_exceeded").inc(number / 7)
        metrics.upstream("submit", f"model-{number % 9}").observe(number)
    return metrics


def ready(scribe: Scribe) -> Scribe:
    """Have it started, and wait until it is there."""
    scribe.start(TEXT)
    give_up_s = time.monotonic() + 60
    while not scribe.is_ready():
        assert time.monotonic() < give_up_s
        time.sleep(0.02)
    return scribe


@pytest.fixture
def scribe(url: str) -> Iterator[Scribe]:
    made = Scribe(Terms(url, "UTC", 700, 6, ""))
    yield made
    made.end()


@pytest.fixture
def here(url: str) -> Iterator[Store]:
    """The ledger at the machine's time, which is the scribe's."""
    session = open_session(url, read_only=True)
    yield Store(session, timezone="UTC", default_daily_micros=700)
    session.close()


@pytest.fixture
def lost(tmp_path: Any) -> Iterator[Scribe]:
    """One whose ledger is not there."""
    made = Scribe(Terms(f"sqlite:///{tmp_path}/none.db", "UTC", None, 6, ""))
    yield made
    made.end()


def test_it_writes_the_page_that_would_be_written_here(
    scribe: Scribe, ledger: Ledger, here: Store
) -> None:
    ledger.set_team("art", daily_micros=900)
    keys = [ledger.key(f"key-{number}", team="art") for number in range(8)]
    metrics, no_room, pages = traffic(), [], Pages()
    ready(scribe)
    for key in keys:
        ledger.settle(ledger.reserve(key, 40))
        read = MoneyMetrics(here.session, here.refresh(), 6)
        families = [*map(Sampled.of, metrics.collect()), *read.collect()]
        for dialect in DIALECTS:
            theirs = scribe.page(dialect, counted_by(metrics, no_room))
            assert theirs is not None
            assert max(map(len, theirs)) <= PIECE
            copies = [replaced(family) for family in families]
            assert b"".join(theirs) == b"".join(pages.write(dialect, copies))
            assert no_room.pop() == (read.folded, read.left_out)


def replaced(family: Any) -> Any:
    """A copy, to be used up."""
    more = {"labels": family.labels, "figures": dict(family.figures)}
    return type(family)(family.name, family.type, family.documentation, **more)


def test_without_a_ledger_somebody_else_must_say_so(lost: Scribe) -> None:
    first = ready(lost).pid
    assert lost.page(TEXT, counted_by(traffic(), [])) is None
    assert lost.pid == first, "it is not the scribe's fault"


def test_one_that_hangs_is_given_up_and_replaced_later(scribe: Scribe) -> None:
    counted = counted_by(traffic(), [])
    hanging = ready(scribe).pid or 0
    os.kill(hanging, signal.SIGSTOP)
    scribe.deadline_s, scribe.again_s = 0.1, 0
    assert scribe.page(TEXT, counted) is None
    with pytest.raises(ProcessLookupError):
        os.kill(hanging, 0)
    scribe.deadline_s = 20
    assert ready(scribe).page(TEXT, counted)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b'"hello"\n', id="not that it is ready"),
        pytest.param(b'"ready"\nhello\n', id="no JSON"),
        pytest.param(b'"ready"\n\xff\n', id="no text"),
        pytest.param(b'"ready"\n[1]\n', id="half of what found no room"),
        pytest.param(b'"ready"\n5\n', id="a number where two should be"),
        pytest.param(b'"ready"\n[0,0]\n"long"\n', id="no size"),
        pytest.param(b'"ready"\n[0,0]\n-1\n', id="a size below nothing"),
        pytest.param(b'"ready"\n[0,0]\n4\nabc', id="a page that breaks off"),
        pytest.param(b'"ready"\n' + b"1" * 100_000, id="no end of a line"),
    ],
)
def test_one_that_talks_nonsense_is_given_up(
    lost: Scribe, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", SAYS.format(said=said)))
    lost.deadline_s = 1
    lost.start(TEXT)
    while lost.pid is not None:
        assert lost.page(TEXT, counted_by(traffic(), [])) is None
    lost.start(TEXT)
    assert lost.pid is None, "not again at once"


def test_what_found_no_room_is_counted_once_a_page() -> None:
    metrics = Metrics(CollectorRegistry())
    overflow = Overflow(metrics)
    overflow.count(3, 2)
    overflow.count(3, 2)
    (family,) = (one for one in metrics.collect() if one.name == "farebox_series_overflow")
    assert [sample.value for sample in family.samples] == [3, 2]


def test_it_is_given_nobody_s_key() -> None:
    database = {"PGPASSFILE": "there", "HOME": "here"}
    secrets = {"FAREBOX_ADMIN_TOKEN": "t", "FAREBOX_UPSTREAM_KEY": "k", "ART_KEY": "k"}
    counts = {"PROMETHEUS_MULTIPROC_DIR": "it would count there itself"}
    given = environment(database | secrets | counts)
    assert given == database | {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_line_that_is_cut_is_an_error_at_both_ends() -> None:
    ours, theirs = (Line(end) for end in socket.socketpair())
    theirs.close()
    with pytest.raises(ConnectionError):
        ours.hear()
    with pytest.raises(ConnectionError):
        ours.tell("hello")
    ours.close()
