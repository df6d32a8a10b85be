"""Whether other calls notice that Prometheus scrapes.

    python -m bench.scrape [--keys 1000] [--models 10] [--rate 300] [--rounds 6] [--workers 1]
                           [--cores 0]

Fills a ledger with what so many keys leave behind, each with a limit a day and a month and with
money spent on every model; polls at a steady rate from a process of its own. Of three stretches of
five seconds one is quiet, one has a scrape, one figure in twenty having changed since the last, and
one a neighbour who takes as much CPU as a scrape and has nothing to do with Farebox: what the
machine does to anybody's calls. Prints how long polls took without scrapes, beside one, during one
and during the neighbour's work (compared with quiet moments as long as it), and the CPU of a
scrape, of all processes together.
"""

import argparse
import contextlib
import gzip
import http.client
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from bench.cells import BODY, SUBMIT
from bench.machine import stand_back
from bench.neighbour import Neighbour, beside
from bench.peers import FAREBOX, Running, running
from bench.processes import cpu_s
from bench.steady import Call
from bench.upstream import pinned, serving
from proxy.budget import DAY, MONTH, day_at, period_of
from proxy.clock import now_us
from proxy.ledger import registry
from proxy.ledger.schema import open_session
from proxy.ledger.store import Store

STRETCH_S = 5.0
STRETCHES = 3  # a quiet one, one with a scrape, one with a neighbour
WARM_S = 2.0
STARTED_S = 4.0  # until the process that writes large pages has come up
CHANGED = 20  # one figure in so many changes between two scrapes
PERCENTILES = {"p50": 50, "p90": 90, "p99": 99}
LIMIT_MICROS = 50_000_000_000
TOTALS = ("team", "key_name", "model", "resolution", "spend_micros", "images")
BALANCES = ("scope", "window", "period", "settled_micros", "reserved_micros")
Stretch = tuple[float, float]  # when it began and ended, in monotonic seconds
BASES = {  # what is compared with what
    "without": "without", "beside": "without", "during": "short", "neighbour": "brief",
}  # fmt: skip


@dataclass(frozen=True)
class Scraped:
    """One scrape: when it began and ended (monotonic seconds), and how much came."""

    began_s: float
    ended_s: float
    lines: int
    size: int
    sent: int  # bytes on the wire


def fill(path: Path, keys: int, models: int) -> None:
    """Write what keys that bought of every model leave behind, and metrics are made of."""
    session = open_session(f"sqlite:///{path}")
    store = Store(session)
    store.open()
    names = [f"key-{number:05}" for number in range(keys)]
    limits = {"daily_micros": LIMIT_MICROS, "monthly_micros": 20 * LIMIT_MICROS}
    chance = random.Random(4)  # noqa: S311 - figures, not secrets

    def change(store: Store) -> list[str]:
        made = (registry.create_key(n, actor="bench", team="art", **limits)(store) for n in names)
        return [one.key.id for one in made]

    ids = store.transact(change)
    day = day_at(now_us(), store.directory.zone)
    totals = [
        ("art", name, f"model-{number}", "1K", chance.randrange(10**9), chance.randrange(10**4))
        for name in names
        for number in range(models)
    ]
    balances = [
        (f"key:{key_id}", window, period_of(day, window), chance.randrange(10**9), 40_200)
        for key_id in ids
        for window in (DAY, MONTH)
    ]
    with session.transaction():
        session.insert("totals", TOTALS, totals)
        session.insert("balances", BALANCES, balances)
    session.close()


def spend(path: Path, chance: random.Random) -> None:
    """Change one figure in some."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as ledger, ledger:
        for table, figure in (("totals", "spend_micros"), ("balances", "settled_micros")):
            ledger.execute(
                f"UPDATE {table} SET {figure}={figure}+40200"  # noqa: S608 - names of ours
                f" WHERE abs(random())%{CHANGED}={chance.randrange(CHANGED)}"
            )


def scrape(port: int) -> Scraped:
    """Ask for the metrics as Prometheus does."""
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3"
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    began_s = time.monotonic()
    line.request("GET", "/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})
    answer = line.getresponse()
    came = answer.read()
    ended_s = time.monotonic()
    line.close()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"/metrics answered {answer.status}")
    page = gzip.decompress(came) if answer.getheader("Content-Encoding") == "gzip" else came
    return Scraped(began_s, ended_s, page.count(b"\n"), len(page), len(came))


@contextlib.contextmanager
def polling(proxy: Running, rate: float, seconds: float) -> Iterator[list[Call]]:
    """Poll in another process while the block runs; what was seen is there after it."""
    headers = {"Authorization": proxy.key}
    url = f"http://127.0.0.1:{proxy.port}{SUBMIT}"
    bought = httpx.post(url, headers=headers, content=BODY, trust_env=False).json()
    path = f"/api/v3/predictions/{bought['data']['id']}/result"
    command = [
        *pinned(1), sys.executable, "-m", "bench.steady", str(proxy.port), path, proxy.key,
        "--rate", str(rate), "--seconds", str(seconds),
    ]  # fmt: skip
    seen: list[Call] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield seen
        seen += [
            (sent_s, took_s, status)
            for sent_s, took_s, status in json.loads(process.communicate()[0])
        ]


def scrapes_beside(
    port: int, ledger: Path, rounds: int, neighbour: Neighbour, takes_s: float
) -> tuple[list[Stretch], list[Stretch], float]:
    """Scrape in every second stretch of three; in the third a neighbour takes so much CPU.

    When the scrapes and the works began and ended, and when the first stretch began.
    """
    time.sleep(WARM_S)
    started_s, scrapes, works = time.monotonic(), [], []
    chance = random.Random(4)  # noqa: S311
    for number in range(rounds):
        due_s = started_s + (STRETCHES * number + 1) * STRETCH_S
        time.sleep(max(0.0, due_s - 1 - time.monotonic()))
        spend(ledger, chance)
        time.sleep(max(0.0, due_s - time.monotonic()))
        one = scrape(port)
        scrapes.append((one.began_s, one.ended_s))
        time.sleep(max(0.0, due_s + STRETCH_S - time.monotonic()))
        works.append(neighbour.work(takes_s))
    return scrapes, works, started_s


def report(
    calls: Sequence[Call], scrapes: Sequence[Stretch], works: Sequence[Stretch], started_s: float
) -> None:
    """Print how long polls took with and without scrapes, in stretches that are equally long."""
    found = seen(calls, scrapes, works, started_s)
    bad = sum(status != 200 for *_, status in calls)  # noqa: PLR2004
    print(f"{len(calls)} polls, {bad} not answered 200")
    for name, base in BASES.items():
        told = "  ".join(
            f"{what} {figure:7.2f} ms ({figure / before:5.2f}x)"
            for what, figure, before in zip(
                PERCENTILES, percentiles(found[name]), percentiles(found[base]), strict=True
            )
        )
        print(f"{name:9} {sum(map(len, found[name])):6} polls  {told}")


def seen(
    calls: Sequence[Call], scrapes: Sequence[Stretch], works: Sequence[Stretch], started_s: float
) -> dict[str, list[list[float]]]:
    """Sort calls by when they were: the quiet stretches also cut as short as the scrape was.

    The slowest percent of forty is less slow than that of a thousand.
    """
    found: dict[str, list[list[float]]] = {name: [] for name in (*BASES, *BASES.values())}
    for number, (scraped, worked) in enumerate(zip(scrapes, works, strict=True)):
        quiet_s = started_s + STRETCHES * number * STRETCH_S
        half_s = quiet_s + STRETCH_S
        found["without"].append(between(calls, quiet_s, half_s))
        found["beside"].append(between(calls, half_s, half_s + STRETCH_S))
        found["during"].append(between(calls, *scraped))
        found["neighbour"].append(between(calls, *worked))
        for base, (began_s, ended_s) in (("short", scraped), ("brief", worked)):
            length_s = ended_s - began_s
            for nth in range(int(STRETCH_S / length_s)):
                start_s = quiet_s + nth * length_s
                found[base].append(between(calls, start_s, start_s + length_s))
    return found


def between(calls: Sequence[Call], start_s: float, end_s: float) -> list[float]:
    """Milliseconds that the calls took which were open at some time of a stretch."""
    return [took_s * 1000 for sent_s, took_s, _ in calls if start_s - took_s < sent_s < end_s]


def percentiles(rounds: list[list[float]]) -> list[float]:
    """Percentiles of each round; the median round of each."""
    cuts = [statistics.quantiles(found, n=100, method="inclusive") for found in rounds]
    return [statistics.median(cut[nth - 1] for cut in cuts) for nth in PERCENTILES.values()]


def cost(proxy: Running, ledger: Path, times: int = 10) -> float:
    """Print the CPU that scrapes take while nothing else is asked; that of a later one (s)."""
    chance = random.Random(5)  # noqa: S311
    took = []
    for number in range(times + 1):
        spend(ledger, chance)
        before = cpu_s(proxy.pid)
        one = scrape(proxy.port)
        took.append((cpu_s(proxy.pid) - before, one.ended_s - one.began_s))
        if number == 0:
            print(f"{one.lines} lines, {one.size / 1e6:.1f} MB, sent as {one.sent / 1e6:.2f} MB")
            time.sleep(STARTED_S)
    cpu, wall = (statistics.mean(figures) for figures in zip(*took[1:], strict=True))
    print(f"CPU of the first scrape {took[0][0]:.3f} s, of a later one {cpu:.3f} s ({wall:.3f} s)")
    return float(cpu)


def main() -> None:
    """Fill, serve, poll, scrape, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cores", default="0,1", help="of the proxy; callers and upstream have 1")
    asked = parser.parse_args()
    cores = tuple(int(core) for core in asked.cores.split(","))
    environ = {"FAREBOX_WORKERS": str(asked.workers)}
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as name:
        folder = Path(name).resolve()
        with (
            serving(folder) as upstream,
            running(FAREBOX, folder, upstream, cores=cores, environ=environ) as proxy,
        ):
            ledger = proxy.place / "farebox.db"
            fill(ledger, asked.keys, asked.models)
            time.sleep(1)  # until the directory's change was followed
            takes_s = cost(proxy, ledger)
            lasts_s = WARM_S + STRETCHES * asked.rounds * STRETCH_S + 1
            with beside(cores) as neighbour, polling(proxy, asked.rate, lasts_s) as calls:
                stand_back()
                scrapes, works, started_s = scrapes_beside(
                    proxy.port, ledger, asked.rounds, neighbour, takes_s
                )
            for who, times in (("a scrape", scrapes), ("its neighbour", works)):
                took_s = statistics.median(ended_s - began_s for began_s, ended_s in times)
                print(f"{who} beside {asked.rate:.0f} polls/s takes {took_s:.2f} s")
            report(calls, scrapes, works, started_s)


if __name__ == "__main__":
    main()
