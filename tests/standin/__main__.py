"""`python -m tests.standin`: the stand-in upstream as a program; prints its URL and serves."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.standin.scenarios import SCENARIOS
from tests.standin.server import Standin


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.standin")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=0.05, help="1 is as slow as the real one")
    parser.add_argument("--polls", type=int, default=2, help="polls to completion at speed 0")
    parser.add_argument("--bill", type=Path, help="file of one JSON line per billed job")
    parser.add_argument("--charge-on", choices=("completion", "submit"), default="completion")
    parser.add_argument("--keys", help="comma-separated; without it any sk-… key is taken")
    parser.add_argument("--public", help="origin written into poll URLs")
    parser.add_argument("--say", default="", help="scenario words told to every call")
    parser.add_argument("--keep", type=int, default=10_000, help="calls remembered")
    parser.add_argument("--scenarios", action="store_true", help="list the words and leave")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    if arguments.scenarios:
        sys.stdout.writelines(f"{name:16} {what}\n" for name, what in SCENARIOS.items())
        return 0
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Standin(
        seed=arguments.seed,
        speed=arguments.speed,
        polls=arguments.polls,
        charge_on=arguments.charge_on,
        keys=arguments.keys.split(",") if arguments.keys else None,
        bill_file=arguments.bill,
        public=arguments.public,
        say=arguments.say,
        host=arguments.host,
        port=arguments.port,
        keep=arguments.keep,
    ) as upstream:
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
