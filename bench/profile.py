"""Where Farebox's time goes: CPU a call of each thread, and what that thread was at.

    python -m bench.profile [--seconds 6] [--kinds poll,submit]

The CPU of a thread is the kernel's own count. What it was at is sampled by py-spy, if that is
there (`python -m bench.install py-spy`): each sample belongs to the innermost frame that stands
in `STAGES`, so what the interpreter, malloc and the parsers do counts for who asked for it.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cells import asked
from bench.install import where
from bench.load import WARM_S, Ask, load
from bench.peers import Peer, Running, farebox_by, farebox_key, running
from bench.processes import raise_descriptor_limit, thread_cpu_s
from bench.session import SCRATCH
from bench.upstream import serving

WATCHED = Peer("watched", farebox_by("bench.watched"), prepare=farebox_key)
CONNECTIONS, RATE, SECONDS, KINDS = 32, 200, 6.0, "poll,submit"
LEAST = 0.01  # a stage below this share of its thread is not shown
FRAME = re.compile(r"(?P<name>.*) \((?P<file>[^()]*?)(?::\d+)?\)$")
SOCKETS = {"read", "write", "writev", "send", "recv", "sendmsg", "recvmsg", "__send", "__recv"}
# What does not use the CPU: the disk, a lock, the interpreter, work. glibc hides the last three.
WAITS = re.compile(r"^(fdatasync|fsync|futex.*|pthread_cond_\w+|sem_\w+|0x[0-9a-f]+ \(libc\b.*)")
# The innermost frame of these says what is being done; the first that fits.
STAGES = (
    ("SQLite", re.compile(r"sqlite3")),
    ("the ledger", re.compile(r"proxy/(ledger/|fares|deciding|charge|budget|directory)")),
    ("metrics", re.compile(r"prometheus_client|proxy/(traffic|metrics|money_metrics|counted)")),
    ("the log line", re.compile(r"proxy/logs|logging/")),
    ("the price", re.compile(r"pricing/|proxy/(order|quoting|prices|assay|bodies)")),
    ("what the answer says", re.compile(r"proxy/(answers|outline|words|scan|poll_urls)")),
    ("headers that cross", re.compile(r"proxy/headers")),
    ("who calls", re.compile(r"proxy/(door|keys|strangers)")),
    ("the upstream call", re.compile(r"proxy/upstream/")),
    ("the caller's connection", re.compile(r"uvicorn/|proxy/(edge/|app\.py|server\.py)")),
    ("the relay", re.compile(r"proxy/")),
    ("the event loop", re.compile(r"uvloop|asyncio/")),
)


@dataclass(frozen=True)
class Thread:
    """One thread: CPU microseconds a call, those in the kernel, its samples by stage."""

    name: str
    cpu_us: float
    kernel_us: float
    stages: Counter[str]


def stage_of(frames: list[str]) -> str:
    """Say what a stack is at; empty if it only waits."""
    if WAITS.match(frames[-1]):
        return ""
    leaf = FRAME.match(frames[-1])
    if leaf and leaf["name"] in SOCKETS and "libc" in leaf["file"]:
        return "sockets and wake-ups" if "sqlite" not in frames[-2] else "SQLite"
    for frame in reversed(frames):
        named = FRAME.match(frame)
        for stage, files in STAGES:
            if named and files.search(named["file"]):
                return stage
    return "other"


def stacks(raw: str) -> Iterator[tuple[int, str, list[str], int]]:
    """Read collapsed stacks: thread id, thread name, frames from the outermost, samples."""
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        said = re.match(r"thread \((\d+)\): (.*)", thread)
        if said and frames and count.isdigit():
            yield int(said[1]), said[2], frames, int(count)


def watched(folder: Path, upstream: int, kinds: list[str], seconds: float) -> str:
    """Profile every kind of call on one Farebox; the tables as text."""
    with running(WATCHED, folder, upstream) as proxy:
        return "\n".join(
            _table(kind, _threads(folder, proxy, asked(WATCHED, proxy, upstream, kind), seconds))
            for kind in kinds
        )


def _threads(folder: Path, proxy: Running, ask: Ask, seconds: float) -> list[Thread]:
    load(folder, proxy.port, ask, connections=CONNECTIONS, seconds=WARM_S)
    raw = folder / "stacks"
    raw.write_text("")
    spy = threading.Thread(target=_sampled, args=(proxy.pid, raw, seconds - 1))
    before = thread_cpu_s(proxy.pid)
    spy.start()
    seen = load(folder, proxy.port, ask, connections=CONNECTIONS, seconds=seconds)
    after = thread_cpu_s(proxy.pid)
    spy.join()
    names: dict[int, str] = {proxy.pid: "event loop"}
    stages: dict[int, Counter[str]] = defaultdict(Counter)
    for thread, name, frames, count in stacks(raw.read_text()):
        names.setdefault(thread, name)
        stages[thread][stage_of(frames)] += count
    found = []
    for thread, now in after.items():
        was, per_call = before.get(thread, (0.0, 0.0)), 1e6 / max(seen.calls, 1)
        user_us, kernel_us = (now[0] - was[0]) * per_call, (now[1] - was[1]) * per_call
        name = names.get(thread, "another thread")
        found.append(Thread(name, user_us + kernel_us, kernel_us, stages[thread]))
    return sorted(found, key=lambda one: -one.cpu_us)


def _sampled(pid: int, raw: Path, seconds: float) -> None:
    """Let py-spy look at a process for a while, into the interpreter's C too where it can."""
    spy = where("py-spy")
    if spy is None:
        sys.stderr.write("no py-spy: `python -m bench.install py-spy`\n")
        return
    command = [spy, "record", "-p", str(pid), "-d", f"{seconds:.0f}", "-r", str(RATE)]
    for native in (["--native"], []):
        done = subprocess.run(
            [*command, "-f", "raw", "-o", str(raw), "--threads", *native],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if not done.returncode:
            return
    sys.stderr.write(done.stderr)


def _table(kind: str, threads: list[Thread]) -> str:
    total = sum(thread.cpu_us for thread in threads)
    shown = [thread for thread in threads if thread.cpu_us >= LEAST * total]
    lines = [
        f"**Where a {kind}'s CPU goes**, {CONNECTIONS} connections: {total:.0f} us a call", "",
        "| thread | at | share of the thread | us a call |", "|---|---|---|---|",
    ]  # fmt: skip
    for thread in shown:
        kernel = thread.kernel_us / max(thread.cpu_us, 1e-9)
        lines.append(f"| **{thread.name}** | all; {kernel:.0%} in the kernel | |"
                     f" {thread.cpu_us:.0f} |")  # fmt: skip
        busy = Counter({stage: count for stage, count in thread.stages.items() if stage})
        for stage, count in busy.most_common():
            if (share := count / busy.total()) >= LEAST:
                lines.append(f"| | {stage} | {share:.0%} | {share * thread.cpu_us:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Profile, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each kind of call")
    parser.add_argument("--kinds", default=KINDS)
    told = parser.parse_args()
    raise_descriptor_limit()
    with (
        tempfile.TemporaryDirectory(prefix="farebox-bench-", dir=SCRATCH) as name,
        serving(Path(name)) as upstream,
    ):
        print(watched(Path(name), upstream, told.kinds.split(","), told.seconds))


if __name__ == "__main__":
    main()
