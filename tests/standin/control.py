"""The stand-in's own questions and orders over HTTP, for tests in another process.

`GET /standin/calls`, `/standin/bill`, `/standin/jobs`; `POST /standin/say`, `/standin/next` with
scenario words as the body, `/standin/finish`, `/standin/reply` with a reply as JSON.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tests.standin.exchange import described
from tests.standin.refusals import json_reply
from tests.standin.wire import Call, Reply

if TYPE_CHECKING:
    from tests.standin.server import Standin

_ASKED: Mapping[str, Callable[["Standin"], Any]] = {
    "calls": lambda upstream: [described(call) for call in upstream.calls],
    "bill": lambda upstream: [asdict(line) for line in upstream.bill.lines],
    "jobs": lambda upstream: [{"id": job.id, "finished": job.finished} for job in upstream.jobs],
}
_TOLD: Mapping[str, Callable[["Standin", str], None]] = {
    "say": lambda upstream, words: upstream.say(words, later=True),
    "next": lambda upstream, words: upstream.next(words, later=True),
    "finish": lambda upstream, ids: upstream.finish(*ids.split(), later=True),
    "reply": lambda upstream, text: upstream.reply(_reply(text), later=True),
}


def answer(upstream: "Standin", call: Call) -> Reply | None:
    """The reply to a call under /standin/, None for all others."""
    name = call.path.removeprefix("/standin/")
    if name == call.path or call.method == "PUT":
        return None
    if call.method == "POST" and name in _TOLD:
        _TOLD[name](upstream, call.body.decode())
        return json_reply(200, {"ok": True})
    return json_reply(200, _ASKED[name](upstream)) if name in _ASKED else Reply(404)


def _reply(text: str) -> Reply:
    """A reply from JSON: Reply's members; headers as pairs of text, chunks in base64."""
    told = json.loads(text)
    for name in ("headers", "trailers"):
        if name in told:
            told[name] = tuple((k.encode("latin-1"), v.encode("latin-1")) for k, v in told[name])
    told["chunks"] = tuple(base64.b64decode(chunk) for chunk in told.get("chunks", ()))
    return Reply(**told)
