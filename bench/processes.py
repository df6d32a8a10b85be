"""Processes of a benchmark: ports, starts, and the CPU that a whole tree has used."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
STARTS_WITHIN_S = 180  # LiteLLM reads half a gigabyte of packages
ENDS_WITHIN_S = 30


def free_port() -> int:
    """Find a free port on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_listening(port: int, process: "subprocess.Popen[bytes]", log: Path | None = None) -> None:
    """Wait until somebody listens; raises RuntimeError, with the log's end, if nobody will."""
    give_up = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}{end_of(log)}")
        with socket.socket() as probe:
            # A free port can be connected to itself: nobody listens then.
            if probe.connect_ex(("127.0.0.1", port)) == 0 and probe.getsockname()[1] != port:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen{end_of(log)}")


def end_of(log: Path | None) -> str:
    """Return the last that a process wrote, if it is kept."""
    return f":\n{log.read_text(errors='replace')[-2000:]}" if log else ""


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process, and all below it if it does not go by itself."""
    below = tree(process.pid)
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def raise_descriptor_limit() -> None:
    """Let this process, and all that it starts, open as many files as the machine allows."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tree(pid: int) -> list[int]:
    """List a process and all below it."""
    found, look = [pid], [pid]
    while look:
        threads = Path(f"/proc/{look[0]}/task").glob("*/children")
        below = [int(child) for thread in threads for child in thread.read_text().split()]
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


def machine_cpu_s() -> tuple[float, float]:
    """CPU seconds that this machine's cores have been busy, and all that there were."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    _, _, _, idle, waiting, *_ = ticks
    return (sum(ticks) - idle - waiting) / TICKS, sum(ticks) / TICKS


def thread_cpu_s(pid: int) -> dict[int, tuple[float, float]]:
    """CPU seconds of each thread of a process: in its own code, and in the kernel."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[int(task.name)] = (int(fields[11]) / TICKS, int(fields[12]) / TICKS)
    return found


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


def forget_peak(pid: int) -> None:
    """Let the most memory be counted from now on; without the right to, from the start."""
    for each in tree(pid):
        with contextlib.suppress(OSError):
            Path(f"/proc/{each}/clear_refs").write_text("5")
