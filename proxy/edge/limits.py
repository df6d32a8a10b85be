"""What the edge allows a caller: spans, caps, and how many descriptors there are.

The figures are section 9 of the interface; tests pass shorter ones.
"""

import resource
from dataclasses import dataclass
from typing import Final

UNBOUNDED: Final = 10_240
"""Descriptors asked for where the hard limit is none: what macOS gives a process."""


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """Deadlines in seconds, caps in bytes or pieces."""

    head_s: float = 10.0
    """From the first byte of a request (or the accept) to the end of its headers."""
    body_s: float = 60.0
    """From the end of the headers to the end of the body."""
    idle_s: float = 60.0
    """Between an answer and the next request."""
    send_s: float = 600.0
    """How long one answer may wait for a caller who does not read it, added up."""
    linger_s: float = 5.0
    """How long a closing connection still swallows what the caller is sending."""
    drain_s: float = 1.0
    """How long a kept connection may still bring a request after draining began."""
    sweep_s: float = 1.0
    """How often deadlines are looked at: one timer for all connections."""
    head_bytes_max: int = 32 * 1024
    fields_max: int = 100
    pipelined_max: int = 16
    """Requests that may queue on one connection behind the one being answered."""
    unread_bytes_max: int = 256 * 1024
    """How much of a body nobody wants is swallowed to keep its connection."""
    connections_max: int = 100_000


def raise_descriptor_limit() -> int:
    """Raise the soft limit of descriptors to the hard one and return what holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, UNBOUNDED) if hard == resource.RLIM_INFINITY else hard
    if wanted != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def in_flight_cap(setting: int) -> int:
    """How many calls one worker may have in flight: half the descriptors, or `setting`.

    Half, because a call in flight holds two: its caller's connection and the upstream's.
    """
    return max(1, min(setting, raise_descriptor_limit() // 2))


def connections_cap() -> int:
    """How many callers' connections fit beside as many upstream ones and our own files."""
    return max(16, raise_descriptor_limit() // 2 - 64)
