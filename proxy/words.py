"""The words that the upstream uses: for a job's status, and for why it says no."""

import re
from typing import Final

# v3 contract, 3.4. A word of neither list means that the job is still running.
RUNNING: Final = frozenset(
    {
        "created",
        "queued",
        "pending",
        "processing",
        "running",
        "in_progress",
        "starting",
        "submitted",
    }
)
DONE: Final = frozenset({"completed", "succeeded", "success", "succeed", "done", "finished"})
FAILED: Final = frozenset(
    {"failed", "error", "cancelled", "canceled", "timeout", "deleted", "expired"}
)
KNOWN: Final = RUNNING | DONE | FAILED

SYNC_TIMED_OUT: Final = 5004  # the code of a wait that ended before the job did

_OK: Final = range(200, 300)

_KINDS_BY_TEXT: Final = (
    (
        "balance_empty",
        re.compile(
            r"insufficient.{0,20}(balance|credit|quota|funds)"
            r"|(balance|credits?|quota).{0,20}(insufficient|not enough|exhausted|exceeded|empty)"
        ),
    ),
    (
        "content_policy",
        re.compile(r"content.{0,4}(policy|filter)|safety|moderation|sensitive|nsfw|prohibited"),
    ),
)
_KINDS_BY_STATUS: Final = {
    401: "auth",
    402: "balance_empty",
    403: "auth",
    404: "not_found",
    429: "rate_limited",
}
ERROR_KINDS: Final = frozenset(
    {"content_policy", "bad_request", "server_error", "other"} | set(_KINDS_BY_STATUS.values())
)


def status_word(value: object) -> str:
    """Return a status as one of `KNOWN`, else "other"; "absent" where there is none."""
    if value is None or value == "":
        return "absent"
    if isinstance(value, str) and value in KNOWN:
        return value
    word = re.sub(r"[\s-]+", "_", value.strip().lower()) if isinstance(value, str) else ""
    return word if word in KNOWN else "other"


def error_code(document: dict[str, object]) -> int | None:
    """Return the integer `code` of an envelope that says no, None for 0, 2xx or no integer."""
    code = document.get("code")
    if not isinstance(code, int) or isinstance(code, bool) or code == 0 or code in _OK:
        return None
    return code


def error_text(document: dict[str, object]) -> str:
    """Return all that a document says about its error, in lower case."""
    error = document.get("error")
    said = [document.get("message"), document.get("type"), error]
    if isinstance(error, dict):
        said += [error.get("message"), error.get("type"), error.get("code")]
    return " ".join(text for text in said if isinstance(text, str)).lower()


def upstream_error_kind(status: int, document: object) -> str:
    """Return one of `ERROR_KINDS` for an answer that says no.

    An empty balance is 402 or 403 and a content policy is 400, so the text speaks first; an
    envelope in a 200 is judged by its own code.
    """
    envelope = document if isinstance(document, dict) else {}
    text = error_text(envelope)
    for kind, pattern in _KINDS_BY_TEXT:
        if pattern.search(text):
            return kind
    if status in _OK:
        status = error_code(envelope) or status
    if status in _KINDS_BY_STATUS:
        return _KINDS_BY_STATUS[status]
    if status in range(400, 500):
        return "bad_request"
    return "server_error" if status in range(500, 600) else "other"
