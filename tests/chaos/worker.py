"""One Farebox process under test: the real program, with a fuse, a planted mistake, another clock.

`CHAOS_POINT` and `CHAOS_HIT` say where it kills itself, `CHAOS_MUTANT` what is wrong with it,
`CHAOS_CLOCK` names the file with its ledger's clock, `CHAOS_LOG` where its output goes.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from proxy.ledger.postgres import PostgresSession
from proxy.server import serve
from proxy.settings import load_settings
from tests.chaos.clock import Clock
from tests.chaos.mutants import plant
from tests.chaos.points import Fuse, arm


def go_by(clock: Clock) -> None:
    """Move the clock of host and database, so that midnight falls where a run wants it."""
    host, database = time.time_ns, PostgresSession.now_us
    time.time_ns = lambda: host() + clock.ahead_us * 1000
    PostgresSession.now_us = lambda session: database(session) + clock.ahead_us  # type: ignore[method-assign]


def work(environ: Mapping[str, str]) -> None:
    """Serve until killed, or told to stop."""
    os.environ.clear()
    os.environ.update(environ)
    log = os.open(environ["CHAOS_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    go_by(Clock(Path(environ["CHAOS_CLOCK"])))
    plant(environ.get("CHAOS_MUTANT", ""))
    if point := environ.get("CHAOS_POINT"):
        arm(Fuse(point, int(environ["CHAOS_HIT"])))
    sys.exit(serve(load_settings(environ)))


if __name__ == "__main__":
    work(os.environ.copy())
