"""Several processes, one ledger: exactly what fits is admitted, whoever asks."""

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.ledger.verify import verify
from tests.ledger.books import differences
from tests.ledger.world import Ledger

ROOT = Path(__file__).parents[2]


def contend(ledger: Ledger, key_id: str, calls: int, *ahead_s: int) -> list[list[int]]:
    """Run a process for each clock, let all go at once; admitted, refused, other of each."""
    programs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.ledger.contender",
                ledger.url,
                key_id,
                str(calls),
                str(s),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for s in ahead_s
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    said = [program.communicate(timeout=60)[0] for program in programs]
    return [[int(n) for n in line.split()] for line in said]


@pytest.mark.parametrize("fits", [130, 200])
def test_four_processes_with_fifty_calls_each_get_exactly_what_fits(url: str, fits: int) -> None:
    ledger = Ledger(url)
    ledger.publish()
    key = ledger.key(daily_micros=fits * 100)
    found = contend(ledger, key.id, 50, 0, 0, 0, 0)
    admitted, refused, other = (sum(column) for column in zip(*found, strict=True))
    assert (admitted, refused, other) == (fits, 200 - fits, 0)
    assert ledger.store.session.rows("SELECT count(*) FROM charges")[0][0] == fits
    assert differences(ledger.session) == []
    assert list(verify(ledger.session)) == []
    ledger.close()


@pytest.mark.parametrize("database", ["postgresql"])
def test_nodes_with_clocks_five_minutes_apart_go_by_the_clock_of_postgresql(url: str) -> None:
    ledger = Ledger(url)
    key = ledger.key(daily_micros=7_000)
    before = ledger.session.now_us()
    found = contend(ledger, key.id, 50, -300, 300)
    after = ledger.session.now_us()
    assert sum(row[0] for row in found) == 70
    (seen,) = ledger.session.rows("SELECT min(admitted_us),max(admitted_us) FROM charges")
    assert before <= seen[0] <= seen[1] <= after
    ledger.close()
