"""A process that migrates and, if told to, dies at its n-th statement: `migrating.py URL [N]`."""

import os
import signal
import sys
from itertools import count
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from proxy.ledger.schema import migrate


def die_at(last: int) -> None:
    """Kill this process, without a goodbye, before its `last` statement of a migration."""
    numbers = count(1)

    @event.listens_for(Engine, "before_cursor_execute")
    def _(*_: Any) -> None:
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        die_at(int(sys.argv[2]))
    migrate(sys.argv[1])
