"""The log: one line a call, of names and figures; no prompt, no secret, no path of a caller's.

Lines of calls are gathered for a moment and written together: a line a system call would cost
as much as the pricing.
"""

import asyncio
import json
import logging
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import TextIO

from pricing import usd
from proxy.call import Call

FLUSH_S = 0.2


@dataclass
class CallLog:
    """Writes a line for each call; `form` is console or json."""

    form: str
    out: TextIO = sys.stderr
    lines: list[str] = field(default_factory=list)

    def write(self, call: Call, took_s: float) -> None:
        """Note a call; it is written within a moment."""
        if not self.lines:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        self.lines.append(self._line(call, took_s))

    def flush(self) -> None:
        """Write what was noted."""
        lines, self.lines = self.lines, []
        if lines:
            self.out.write("\n".join(lines) + "\n")
            self.out.flush()

    def _line(self, call: Call, took_s: float) -> str:
        is_json = self.form == "json"
        at = _now()
        named = _named(is_json, call.key_label, call.team, call.model, call.resolution)
        cost = call.cost_micros
        of_fare = (
            ("charge", call.charge_id),
            ("cost_usd", "" if cost is None else usd(cost)),
            ("state", call.state),
            ("refused", call.refused),
        )
        took, upstream = f"{took_s * 1000:.2f}", f"{call.upstream_s * 1000:.2f}"
        if is_json:  # put together by hand: a third of what json.dumps costs
            told = "".join([f'"{n}":"{w}",' for n, w in of_fare if w])  # ours: nothing to escape
            return (
                f'{{"at":"{at}","route":"{call.label}",{named}{told}"status":{call.status},'
                f'"ms":{took},"upstream_ms":{upstream}}}'
            )
        told = "".join([f"{n}={w} " for n, w in of_fare if w])
        return (
            f"{at} {call.label} {named}{told}status={call.status} ms={took} upstream_ms={upstream}"
        )


def _now() -> str:
    """Say the time in UTC, to the millisecond."""
    return _at_millisecond(time.time_ns() // 1_000_000)


@lru_cache(maxsize=4)  # a busy worker writes several lines in one
def _at_millisecond(millis: int) -> str:
    second, rest = divmod(millis, 1000)
    return f"{_at_second(second)}.{rest:03d}+00:00"


@lru_cache(maxsize=4)
def _at_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)
def _named(is_json: bool, key: str, team: str, model: str, resolution: str) -> str:  # noqa: FBT001
    """Say whose call it was and what was asked for; what is empty is left out."""
    words = (("key", key), ("team", team), ("model", model), ("resolution", resolution))
    if is_json:
        return "".join([f'"{n}":{_quoted(w)},' for n, w in words if w])
    return "".join([f"{n}={w} " for n, w in words if w])


class JsonFormatter(logging.Formatter):
    """Other lines of the program, as JSON; a traceback is cut to its last line's type."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        facts = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:500],
        }
        if record.exc_info and record.exc_info[0] is not None:
            facts["error"] = record.exc_info[0].__name__
        return json.dumps(facts, separators=(",", ":"))


def set_up_logging(form: str) -> None:
    """Send the program's own lines to standard error in the chosen form."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter()
        if form == "json"
        else logging.Formatter("%(levelname)s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # six lines a start
