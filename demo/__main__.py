"""`python -m demo [--port P] [--seconds N]`: start it, drive it, leave it running."""

import argparse
import contextlib
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from rich.console import Console
from rich.live import Live

from demo.installation import YOURS, Installation, serving
from demo.picture import picture
from demo.traffic import drive
from tests.standin.server import Standin

PORT = 4010


def main() -> None:
    """Run the demo until Ctrl-C."""
    arguments = argparse.ArgumentParser(prog="demo", description=__doc__)
    arguments.add_argument("--port", type=int, default=PORT)
    arguments.add_argument("--seconds", type=float, default=60, help="of traffic")
    arguments.add_argument("--stop", action="store_true", help="end when the traffic ends")
    told = arguments.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # in the background SIGINT is ignored
    console = Console()
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="farebox-demo-") as folder,
        Standin(seed=7, speed=0.1) as upstream,
        serving(Path(folder), upstream.url, _free(told.port)) as farebox,
    ):
        _greet(console, farebox)
        _show(console, farebox, told.seconds)
        if not told.stop:
            console.print("\nThe traffic is over; Farebox goes on. [b]Ctrl-C[/b] ends it.")
            threading.Event().wait()


def _free(wanted: int) -> int:
    """Take the wanted port, or any other that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _greet(console: Console, farebox: Installation) -> None:
    console.print(f"\n[b]Farebox[/b] on {farebox.url}, relaying to a made-up upstream\n")
    console.print(f"  page      {farebox.url}/   token {farebox.token}")
    console.print(f"  metrics   {farebox.url}/metrics")
    for name, secret in {**farebox.keys, YOURS: farebox.yours}.items():
        console.print(f"  key       {name:<12} {secret}", highlight=False)
    console.print("\n  try       a call of your own:")
    console.print(
        f"            curl -i {farebox.url}/api/v3/google/gemini-2.5-flash-image/text-to-image \\\n"
        f'              -H "Authorization: {farebox.yours}" -d \'{{"prompt": "a cat"}}\'\n',
        highlight=False,
        soft_wrap=True,
    )


def _show(console: Console, farebox: Installation, seconds: float) -> None:
    """Drive traffic; on a terminal, show the budgets as they fill."""
    done = threading.Thread(target=drive, args=(farebox, seconds), daemon=True)
    done.start()
    with _live(console) as live, httpx.Client(base_url=farebox.url) as client:
        while done.is_alive():
            if live is not None:
                live.update(picture(client, farebox))
            done.join(0.5)
        time.sleep(0.5)
        console.print(picture(client, farebox))


@contextlib.contextmanager
def _live(console: Console) -> Iterator[Live | None]:
    if not console.is_terminal:
        yield None
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        live.auto_refresh = True
        yield live


if __name__ == "__main__":
    main()
