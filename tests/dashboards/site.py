"""A running site: stand-in, Farebox on a seeded ledger, Prometheus, Alertmanager, a receiver."""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from proxy.ledger.schema import migrate
from tests.dashboards.history import FLASH, PRO, seed
from tests.dashboards.programs import Receiver, alertmanager, ask, prometheus, until
from tests.relay.house import ADMIN_TOKEN, Farebox, prediction_of
from tests.standin.server import Standin

TRAFFIC_S = 30.0
# What one round of traffic asks for: who, which model, which size, what the provider is told.
ROUND = (
    ("web", FLASH, "1K", "a cat"),
    ("web", FLASH, "4K", "a dog"),
    ("research", PRO, "1K", "a bird"),
    ("research", PRO, "2K", "a bird standin:failed"),
    ("research", FLASH, "2K", "a fish standin:500"),
    ("campaigns", "no-such-model", "1K", "a tree"),
    ("loner", FLASH, "1K", "a bee"),
)


@dataclass(frozen=True)
class Site:
    """Where everything is."""

    farebox: Farebox
    prometheus: str
    receiver: Receiver
    secrets: dict[str, str]
    upstream: Standin


@contextlib.contextmanager
def running_site(home: Path) -> Iterator[Site]:
    """Start all of it, and drive traffic until it ends."""
    receiver = Receiver()
    with contextlib.ExitStack() as stack:
        stack.callback(receiver.close)
        upstream = stack.enter_context(Standin(seed=3))
        farebox = Farebox(home, upstream.url, metrics_auth="1", poll_after="1s", own_keys="refuse")
        stack.callback(farebox.close)
        migrate(farebox.settings["database_url"])
        secrets = seed(farebox.settings["database_url"], datetime.now(UTC)).secrets
        farebox.start()
        routes = stack.enter_context(alertmanager(home, receiver.url))
        figures = stack.enter_context(prometheus(home, farebox.url, ADMIN_TOKEN, routes))
        site = Site(farebox, figures, receiver, secrets, upstream)
        stack.enter_context(_traffic(site))
        until(lambda: _is_seen(site), within_s=TRAFFIC_S, what="traffic in Prometheus")
        yield site


def _is_seen(site: Site) -> bool:
    """Whether every kind of traffic has been scraped often enough for a rate."""
    wanted = (
        "rate(farebox_generation_duration_seconds_count[20s]) > 0",
        "rate(farebox_ledger_commit_seconds_count[20s]) > 0",
        'increase(farebox_requests_total{route="poll"}[20s]) > 0',
        "increase(farebox_upstream_errors_total[20s]) > 0",
        "increase(farebox_refusals_total[20s]) > 0",
        "farebox:spend_usd:increase1h > 0",
        "farebox:budget_exhausts:timestamp_seconds",
    )
    return all(ask(site.prometheus, expr) for expr in wanted)


@contextlib.contextmanager
def _traffic(site: Site) -> Iterator[None]:
    over = threading.Event()
    failed: list[BaseException] = []

    def drive() -> None:
        try:
            for key, model, size, prompt in itertools.cycle(ROUND):
                if over.wait(0.1):
                    return
                _call(site, site.secrets[key], model, size, prompt)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    thread = threading.Thread(target=drive)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if failed:
            raise failed[0]


def _call(site: Site, secret: str, model: str, size: str, prompt: str) -> None:
    path = f"/api/v3/google/{model}/text-to-image"
    answer = site.farebox.submit(secret, prompt, path=path, size=size)
    if answer.status_code == 200:
        for _ in range(3):
            site.farebox.poll(secret, prediction_of(answer))
