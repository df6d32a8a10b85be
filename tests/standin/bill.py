"""The upstream's own bill: what each key was charged, worked out here alone.

A referee shares no code with the judged: prices and sizes are read here a second time, from the
published rates of 2026-09-25, by other means than the product's.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# model -> resolution -> micro-USD a picture; the first is what a call without a size is sold as
RATES: Mapping[str, Mapping[str, int]] = {
    "gemini-2.5-flash-image": {"any": 23_400},
    "gemini-2.5-flash-image-hd": {"any": 30_000},
    "gemini-3-pro-image-preview": {"1K": 80_400, "2K": 80_400, "4K": 144_000},
    "gemini-3.1-flash-image-preview": {"1K": 40_200, "0.5K": 27_000, "2K": 60_600, "4K": 90_600},
    "gemini-3.1-flash-image": {"1K": 40_200, "0.5K": 27_000, "2K": 60_600, "4K": 90_600},
    "gemini-3.1-flash-lite-image": {"1K": 20_160},
    "dola-seedream-5-0-pro-260628": {"2K": 81_000, "1K": 40_500},
    "seedream-5-0-260128": {"any": 29_750},
    "doubao-seedream-5-0-260128": {"any": 29_750},
    "seedream-4-5-251128": {"any": 34_000},
    "seedream-4-0-250828": {"any": 25_500},
    "kling-image-o1": {"any": 22_400},
    "wan-2.5": {"any": 27_000},
    "viduq2": {"1080P": 24_000, "2K": 32_000, "4K": 40_000},
    "grok-imagine-image-2.0": {"1K": 40_000, "2K": 60_000},
    "grok-imagine-image": {"any": 12_000},
    "midjourney": {"any": 60_840},
}
UNLISTED_MICROS = 50_000
_HALF_K = {"0.5K", "512", "512PX"}


@dataclass(frozen=True, slots=True)
class Line:
    """One billed job; `at` is seconds since the epoch, `key` the fingerprint of who pays."""

    job_id: str
    key: str
    model: str
    resolution: str
    images: int
    micros: int
    at: float


Price = Callable[[str, str, Mapping[str, Any]], int]


def list_price(model: str, resolution: str, body: Mapping[str, Any]) -> int:
    """Micro-USD of one picture; what we do not know costs five cents."""
    rates = RATES.get(model, {})
    return rates.get(resolution, max(rates.values(), default=UNLISTED_MICROS))


def resolution_of(model: str, body: Mapping[str, Any]) -> str:
    """The resolution that the upstream sells this body as."""
    rates = RATES.get(model, {"any": 0})
    if "any" in rates:
        return "any"
    asked = str(body.get("size") or body.get("resolution") or next(iter(rates))).upper()
    if asked in _HALF_K:
        return "0.5K"
    if "X" not in asked.replace("*", "X"):
        return asked if asked in rates else next(iter(rates))
    return _by_area(asked.replace("*", "X"), tuple(rates))


def _by_area(pixels: str, sold: tuple[str, ...]) -> str:
    width, _, height = pixels.partition("X")
    area = int(width) * int(height)
    steps = ((300_000, "0.5K"), (1_100_000, "1K"), (4_400_000, "2K"), (1 << 62, "4K"))
    large_enough = [name for top, name in steps if area <= top and name in sold]
    return (large_enough or [name for _, name in steps if name in sold])[0 if large_enough else -1]


def fingerprint(key: str) -> str:
    """The first 16 hex digits of the SHA-256 of the bare key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Bill:
    """Lines as they fall; each is in the file before the job's answer leaves."""

    def __init__(self, file: Path | None = None) -> None:
        self._lines: list[Line] = []
        self._fell = threading.Condition()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._fd = os.open(file, flags, 0o600) if file else None

    def add(self, line: Line) -> None:
        """Charge; one unbuffered write, so that a kill -9 of anybody loses nothing."""
        with self._fell:
            self._lines.append(line)
            if self._fd is not None:
                os.write(self._fd, json.dumps(asdict(line)).encode() + b"\n")
            self._fell.notify_all()

    def wait(self, count: int, *, timeout_s: float = 10.0) -> None:
        """Wait until there are so many lines; TimeoutError if not."""
        with self._fell:
            if not self._fell.wait_for(lambda: len(self._lines) >= count, timeout_s):
                raise TimeoutError(f"{len(self._lines)} lines, not {count}")

    @property
    def lines(self) -> tuple[Line, ...]:
        with self._fell:
            return tuple(self._lines)

    def of(self, job_id: str) -> tuple[Line, ...]:
        """The lines of one job; more than one if its id was handed out twice."""
        return tuple(line for line in self.lines if line.job_id == job_id)

    def micros(self, key: str | None = None) -> int:
        """What was charged to the bare key, or to everybody."""
        payer = None if key is None else fingerprint(key)
        return sum(line.micros for line in self.lines if payer in {None, line.key})

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def read_bill(file: Path) -> list[Line]:
    """A bill's file, as written so far."""
    return [Line(**json.loads(text)) for text in file.read_text().splitlines()]
