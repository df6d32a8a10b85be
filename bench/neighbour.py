"""A process that only works: what any neighbour on the machine does to other processes' calls.

    python -m bench.neighbour < lines of CPU seconds

For each line it writes figures as text for so long, in time that nobody else wants (as whoever
writes large pages of metrics does), and says when it began and ended, by the monotonic clock.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.machine import stand_back
from bench.upstream import pinned

FIGURES = range(1000)


class Neighbour:
    """The other end: work is asked for, and waited for."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def work(self, seconds: float) -> tuple[float, float]:
        """Have it use so much CPU; when it began and ended (monotonic seconds)."""
        told, heard = self._process.stdin, self._process.stdout
        assert told is not None  # noqa: S101 - both are pipes
        assert heard is not None  # noqa: S101
        told.write(f"{seconds}\n")
        told.flush()
        began_s, ended_s = map(float, heard.readline().split())
        return began_s, ended_s


@contextlib.contextmanager
def beside(cores: tuple[int, ...]) -> Iterator[Neighbour]:
    """Keep a neighbour on these cores until the block ends."""
    command = [*pinned(*cores), sys.executable, "-m", "bench.neighbour"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Neighbour(process)
        assert process.stdin is not None  # noqa: S101
        process.stdin.close()


def main() -> None:
    """Work as long as each line says."""
    stand_back()
    for line in sys.stdin:
        began_s = time.monotonic()
        enough_s = time.process_time() + float(line)
        while time.process_time() < enough_s:
            "".join(f"figure_{number} {number * 3}\n" for number in FIGURES)
        print(began_s, time.monotonic(), flush=True)


if __name__ == "__main__":
    main()
