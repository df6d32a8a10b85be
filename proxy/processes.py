"""Which process has a charge in hand, and whether it still lives."""

import os
import socket
from pathlib import Path


def process_name() -> str:
    """Name this process so that another one on this host can tell whether it still lives."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _started(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def is_gone(owner: str) -> bool:
    """Say whether a process of this host is known to be gone; another host's is not known."""
    host, pid, started = owner.rsplit(":", 2)
    return host == socket.gethostname() and _started(int(pid)) != started
