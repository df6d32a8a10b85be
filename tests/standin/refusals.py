"""What the upstream answers instead of making a job, and documents that cannot be read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from tests.standin import documents
from tests.standin.jobs import Surface
from tests.standin.scenarios import STATUSES, Say
from tests.standin.wire import Call, Reply

_PAGE = b"<html><head><title>%d</title></head><body><center>nginx</center></body></html>\r\n"
_HTML = ((b"Content-Type", b"text/html"),)


def json_reply(status: int, document: Any) -> Reply:
    """A document as the upstream writes it: UTF-8, nothing escaped that need not be."""
    return Reply(status, _fields(), (json.dumps(document, ensure_ascii=False).encode(),))


def _fields() -> tuple[tuple[bytes, bytes], ...]:
    date = formatdate(usegmt=True).encode()
    return ((b"Server", b"nginx"), (b"Date", date), (b"Content-Type", b"application/json"))


def refusal(surface: Surface, status: int, message: str = "", say: Say | None = None) -> Reply:
    """A refusal in its surface's shape, or as `html`, `text` or `shape` ask."""
    say = say or Say()
    message = message or STATUSES[str(status)]
    if "html" in say:
        return Reply(status, _HTML, (_PAGE % status,))
    if "text" in say:
        return Reply(status, ((b"Content-Type", b"text/plain"),), (message.encode(),))
    reply = json_reply(status, documents.refused(surface, status, message, say.text("shape")))
    if status == 429:
        reply = replace(reply, headers=(*reply.headers, (b"Retry-After", b"1")))
    return reply


@dataclass(frozen=True, slots=True)
class Asked:
    """One submit and what it was told, as a refusal sees it."""

    call: Call
    surface: Surface
    say: Say
    public: str


def _envelope(asked: Asked) -> Reply:
    code = int(asked.say.number("envelope", 500))
    return json_reply(200, documents.refused(asked.surface, code, "task refused", "envelope"))


def _redirect(asked: Asked) -> Reply:
    away = asked.say.text("redirect", f"{asked.public}/api/v3/echo/redirected")
    return Reply(307, headers=((b"Location", away.encode()),))


def _echo_key(asked: Asked) -> Reply:
    sent = (asked.call.header(b"authorization") or b"").decode("latin-1")
    return refusal(asked.surface, 400, f"bad request by {sent}", asked.say)


def _policy(asked: Asked) -> Reply:
    return refusal(asked.surface, 400, "Blocked by the content policy.", asked.say)


_REFUSALS: Mapping[str, Callable[[Asked], Reply]] = {
    "envelope": _envelope,
    "redirect": _redirect,
    "echo-key": _echo_key,
    "policy": _policy,
    "reset-before": lambda _: Reply(),
    "silence-before": lambda _: Reply(),
}
NO_JOB = (*_REFUSALS, *STATUSES)


def refused(asked: Asked) -> Reply | None:
    """The refusal that the words ask for, if they do."""
    if name := asked.say.any(_REFUSALS):
        return _REFUSALS[name](asked)
    if status := asked.say.any(STATUSES):
        return refusal(asked.surface, int(status), say=asked.say)
    return None


UNREADABLE = ("unreadable", "nothing", "half-json")


def spoilt(reply: Reply, say: Say) -> Reply:
    """A success that nobody can read."""
    if "unreadable" in say:
        return Reply(200, _HTML, (_PAGE % 200,))
    if "nothing" in say:
        return replace(reply, chunks=())
    if "half-json" in say:
        return replace(reply, chunks=(reply.body[: len(reply.body) // 2],))
    return reply
