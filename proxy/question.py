"""What `POST /quote` asks: the path and the body of a submit, cut out as it was written. Pure."""

import json
import re
from typing import Any

from pricing import NotUnderstood
from proxy.errors import BadRequest, RequestNotUnderstood
from proxy.routes import Route, Routed, route
from proxy.structure import check_parts

_DECODER, _BLANKS = json.JSONDecoder(), re.compile(r"[ \t\n\r]*")


def read_question(sent: bytes) -> tuple[Routed, bytes]:
    """Read which submit is meant, and its body.

    Raises:
        BadRequest: it is no question.
        RequestNotUnderstood: it is made of too much.
    """
    try:
        check_parts(sent)
    except NotUnderstood as error:
        raise RequestNotUnderstood(member=error.member, why=error.why) from None
    text, asked = _json_object(sent)
    path = asked.get("path")
    if not isinstance(path, str) or not path.startswith("/api/v3/"):
        raise BadRequest("'path' must be a string that starts with /api/v3/.")
    routed = route("POST", path.encode(errors="replace"))
    if routed.route is not Route.SUBMIT:
        raise BadRequest("'path' is not a priced submit.")
    return routed, _as_written(text, "body")


def _json_object(body: bytes) -> tuple[str, dict[str, Any]]:
    """Read a JSON object: its text, and its members."""
    try:
        text = body.decode()
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object.")
    return text, found


def _as_written(text: str, name: str) -> bytes:
    """Cut a member's value out of a JSON object as it stands; of several the last, as `json` does.

    Read and written again it would hold each member once, and nobody would see that it was there
    twice. Absent is null.
    """
    found, at = "null", _behind(text, text.index("{") + 1)
    while text.startswith('"', at):
        key, at = _DECODER.raw_decode(text, at)
        start = _behind(text, _behind(text, at) + 1)  # the colon is between
        _, end = _DECODER.raw_decode(text, start)
        if key == name:
            found = text[start:end]
        at = _behind(text, _behind(text, end) + 1)  # so is the comma, or the object ends
    return found.encode()


def _behind(text: str, at: int) -> int:
    """Skip blanks."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at
