"""Processes of a benchmark: ports, starts, and the CPU that a whole tree has used."""

import os
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
STARTS_WITHIN_S = 60


def free_port() -> int:
    """Find a free port on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until somebody listens; raises RuntimeError if the process ends first."""
    give_up = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen")


def tree(pid: int) -> list[int]:
    """List a process and all below it."""
    found, look = [pid], [pid]
    while look:
        children = Path(f"/proc/{look[0]}/task/{look[0]}/children")
        below = [int(child) for child in children.read_text().split()] if children.exists() else []
        found += below
        look = look[1:] + below
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds that a process and all below it have used."""
    total = 0
    for each in tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all below it."""
    pages = sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(pid: int) -> int:
    """Most resident memory that a process and all below it have had, each at its own time."""
    total = 0
    for each in tree(pid):
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    return total
