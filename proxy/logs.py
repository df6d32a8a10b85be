"""The log: one line a call, of names and figures; no prompt, no secret, no path of a caller's.

Lines of calls are gathered for a moment and written together: a line a system call would cost
as much as the pricing.
"""

import asyncio
import json
import logging
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
        facts = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "route": call.label,
            "key": call.key_label or None,
            "team": call.team or None,
            "charge": call.charge_id or None,
            "model": call.model or None,
            "resolution": call.resolution or None,
            "cost_usd": None if call.cost_micros is None else usd(call.cost_micros),
            "state": call.state or None,
            "status": call.status,
            "refused": call.refused or None,
            "ms": round(took_s * 1000, 2),
            "upstream_ms": round(call.upstream_s * 1000, 2),
        }
        told = {name: value for name, value in facts.items() if value is not None}
        if self.form == "json":
            return json.dumps(told, separators=(",", ":"))
        return " ".join(
            str(value) if name in {"at", "route"} else f"{name}={value}"
            for name, value in told.items()
        )


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
