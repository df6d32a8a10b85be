"""What a look at one side of an installation comes to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `ok`, or a `problem` with its words."""

    check: str
    level: Literal["ok", "problem"]
    words: str


def ok(check: str, words: str) -> Finding:
    """Say that nothing is wrong there."""
    return Finding(check, "ok", words)


def problem(check: str, words: str) -> Finding:
    """Say what is wrong, and what to do."""
    return Finding(check, "problem", words)


def on_one_line(error: Exception) -> str:
    """Return what an error says without the breaks and tabs that a server puts into it."""
    return " ".join(str(error).split())
