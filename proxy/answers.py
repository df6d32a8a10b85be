"""What the upstream did, read from its answer; what the fare does follows from it.

Lenient in relaying, strict in believing (interface, section 5; v3 contract, section 3): a fare is
released only where the upstream says that it made no job, settled only where it says what it sold.
House rules, where the documents leave a choice:

- An id is a printable string of 1 to 512 characters. Any other `id` (null and "" aside) is a job
  that cannot be named: never released, never decided.
- A job stands in `data` (object or list), else at the top. Its own id goes before the envelope's.
  Without any, one that its poll URL names can be polled; that alone is no acceptance.
  Several jobs in one answer, or a member of ours twice with two values, decide nothing.
- An answer that shows a job (id, outputs, a running or finished word, a timed-out sync wait) is
  never a refusal, whatever its status.
- `code` 0 and 2xx are no error. An error code beside "completed" decides nothing.
- What is put out in a form that may hold several pictures is not counted: it says no number.
- `completed` counts whatever `error` says; `failed` counts whatever `outputs` holds.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from proxy.outline import AMBIGUOUS, TRUNCATED, UNREADABLE, read_document
from proxy.poll_urls import swap_poll_urls
from proxy.routes import polled_at
from proxy.words import (
    DONE,
    FAILED,
    RUNNING,
    SYNC_TIMED_OUT,
    error_code,
    error_text,
    status_word,
    upstream_error_kind,
)

__all__ = [
    "TRUNCATED",
    "UNREADABLE",
    "Outcome",
    "names",
    "poll_outcome",
    "poll_status",
    "read_document",
    "submit_outcome",
    "surely_running",
    "swap_poll_urls",
    "upstream_error_kind",
]

Members = dict[str, object]

ID_CHARS_MAX: Final = 512
ACCEPTING: Final = frozenset({200, 202})
REFUSING: Final = frozenset({400, 401, 402, 403, 404, 413, 422, 429})
REFUSING_IF_SAID: Final = frozenset({500, 503})

_OF_A_JOB: Final = frozenset({"id", "status", "outputs", "unsigned_urls", "urls"})
_BELIEVED: Final = (*_OF_A_JOB - {"urls"}, "data", "code")


class Outcome(NamedTuple):
    """What an answer decides.

    `prediction_id` is set whenever exactly one job was named, also beside "unclear": such a fare
    can be polled. `outputs` counts what was sold, 0 where the answer does not say. `word` is a
    status word, an error kind or a reason, all from closed sets.
    """

    kind: Literal["accepted", "completed", "failed", "running", "refused", "unclear"]
    prediction_id: str | None = None
    outputs: int = 0
    word: str = "other"


def submit_outcome(status: int, document: object) -> Outcome:
    """Say what a priced submit led to; `document` is parsed JSON, `UNREADABLE` or `TRUNCATED`."""
    if document is TRUNCATED:
        return Outcome("unclear", word="truncated")
    job = _read(document)
    job.shown |= job.polled_as is not None
    if status in ACCEPTING:
        return _taken(status, document, job)
    if not job.shown and _says_no(status, document):
        return Outcome("refused", word=upstream_error_kind(status, document))
    named = job.prediction_id or job.polled_as
    return Outcome("unclear", named, word=upstream_error_kind(status, document))


def names(document: object) -> str | None:
    """Return the id of the one job that a document names."""
    return _read(document).prediction_id


def poll_outcome(status: int, document: object, *, asked: str, named: bool = False) -> Outcome:
    """Say what a poll of the prediction `asked` tells: completed, failed, else still running.

    `named` is for a place that may not know it: what names no prediction tells nothing there.
    """
    job = _read(document)
    if status != 200 or job.unclear:  # noqa: PLR2004 - the one status of a poll
        return Outcome("running", asked, word=job.unclear or "other")
    if job.prediction_id not in {None, asked}:
        return Outcome("running", asked, word="other_prediction")
    if named and job.prediction_id is None:
        return Outcome("running", asked, word="no_id")
    kind: Literal["completed", "failed", "running"] = "running"
    if job.word in DONE and not job.error_code:
        kind = "completed"
    elif job.word in FAILED:
        kind = "failed"
    return Outcome(kind, asked, job.outputs if kind == "completed" else 0, job.word)


def poll_status(status: int, document: object) -> int:
    """Return what a poll's answer says its status is.

    An envelope around no job may say no in a 200, by its code: what it says no to is as unknown,
    or as forbidden, as with that status (v3 contract, 3.6).
    """
    if status != 200:  # noqa: PLR2004
        return status
    job = _read(document)
    return status if job.shown or job.error_code is None else job.error_code


def surely_running(body: bytes) -> bool:
    """Say whether a poll's answer, as bytes, can tell nothing but that the job goes on.

    Nearly every poll's can: then it need not be parsed. There is a `status`, every one holds one
    plain word of a running job, and there is no picture that could stand for an outcome. False
    says nothing.
    """
    if b"\\" in body or b'"url"' in body or b'"b64_json"' in body:
        return False
    words = len(_GOES_ON.findall(body))
    return words > 0 and body.count(b'"status"') == words


_GOES_ON: Final = re.compile(rb'"status"\s*:\s*"(?:%s)"' % "|".join(sorted(RUNNING)).encode())


@dataclass(slots=True)
class _Job:
    """What a document says about a job; `unclear` names why it is not to be believed."""

    prediction_id: str | None = None
    word: str = "absent"
    outputs: int = 0
    error_code: int | None = None
    unclear: str = ""
    shown: bool = False
    waits: bool = False  # a sync wait timed out, the job goes on
    polled_as: str | None = None  # the id that its poll URL names, where it has none


def _taken(status: int, document: object, job: _Job) -> Outcome:
    """Decide a submit answered 200 or 202."""
    named = job.prediction_id or job.polled_as
    if job.unclear:
        return Outcome("unclear", named, word=job.unclear)
    if not job.waits:
        if job.word in DONE and not job.error_code:
            return Outcome("completed", named, job.outputs, job.word)
        if job.word in FAILED:
            return Outcome("failed", named, word=job.word)
    if job.prediction_id:
        return Outcome("accepted", named, word="sync_timeout" if job.waits else job.word)
    if status == 200 and job.error_code and not job.shown:  # noqa: PLR2004 - 202 is no error
        return Outcome("refused", word=upstream_error_kind(status, document))
    return Outcome("unclear", named, word="no_id")


def _says_no(status: int, document: object) -> bool:
    """Say whether a status other than 200 and 202 means that no job was made."""
    if status in REFUSING:
        return True
    if status not in REFUSING_IF_SAID or not isinstance(document, dict):
        return False
    error = document.get("error")
    if error and isinstance(error, dict | str):
        return True
    return error_code(document) is not None and "message" in document


def _read(document: object) -> _Job:
    """Find the job in a document of either surface."""
    if isinstance(document, list):
        document = {"data": document}
    if not isinstance(document, dict):
        return _Job(unclear="unreadable")
    inner = _inner(document.get("data"))
    jobs = [each for each in inner if _OF_A_JOB & each.keys()]
    return _job(document, inner, jobs)


def _job(top: Members, inner: list[Members], jobs: list[Members]) -> _Job:
    pictures = 0 if jobs or isinstance(top.get("data"), dict) else sum(map(_is_picture, inner))
    about = jobs[0] if jobs else top
    if about is top and "data" in top and not pictures and not _has_id(top):
        about = {}  # an envelope around no job: a status at the top is the envelope's
    word = status_word(about.get("status"))
    if word == "absent" and pictures:
        word = "completed"  # an OpenAI-like answer: the pictures are the outcome
    listed = [about.get(name) for name in ("outputs", "unsigned_urls")]
    outputs = max(pictures, *map(_count, listed))
    named = about if _has_id(about) else top
    unclear = _unclear(top, about, named, jobs)
    waits = any(map(_waits, (top, about)))
    ids = any(map(_has_id, (top, *inner)))
    return _Job(
        prediction_id=None if unclear == "several" else _usable(named.get("id")),
        word=word,
        outputs=outputs,
        error_code=error_code(top),
        unclear=unclear,
        shown=bool(ids or pictures or any(map(_put_out, listed)) or waits or unclear)
        or word in DONE | RUNNING,
        waits=waits,
        polled_as=None if ids or unclear else _polled_as(top, about),
    )


def _unclear(top: Members, about: Members, named: Members, jobs: list[Members]) -> str:
    """Return why a document's job is not to be believed, "" if it is."""
    for name in _BELIEVED:
        if top.get(name) is AMBIGUOUS or about.get(name) is AMBIGUOUS:
            return "ambiguous"
    if len(jobs) > 1:
        return "several"
    return "odd_id" if _has_id(named) and not _usable(named.get("id")) else ""


def _inner(data: object) -> list[Members]:
    """Return the objects of a `data` member."""
    listed = data if isinstance(data, list) else [data]
    return [each for each in listed if isinstance(each, dict)]


def _is_picture(each: Members) -> bool:
    """Say whether an object is an image of an OpenAI-like answer."""
    return bool(each.get("url") or each.get("b64_json"))


def _has_id(each: Members) -> bool:
    return each.get("id") is not None and each.get("id") != ""


def _usable(value: object) -> str | None:
    """Return a value that can be a prediction's id."""
    if not isinstance(value, str) or not 1 <= len(value) <= ID_CHARS_MAX:
        return None
    return value if value.isprintable() and "\N{REPLACEMENT CHARACTER}" not in value else None


def _polled_as(top: Members, about: Members) -> str | None:
    """Return the one id that a job's poll URLs name, None where they name none or several."""
    urls = about.get("urls")
    found = [each.get("get") for each in (urls if isinstance(urls, list) else [urls])
             if isinstance(each, dict)]  # fmt: skip
    named = {polled_at(url) for url in (*found, top.get("polling_url")) if isinstance(url, str)}
    return _usable(named.pop()) if len(named) == 1 else None


def _count(outputs: object) -> int:
    """Count what was put out: strings and pictures; 0 if there is anything else, which may be many.

    What is empty is nothing.
    """
    there = _put_out(outputs)
    return len(there) if all(map(_is_one, there)) else 0


def _put_out(outputs: object) -> list[object]:
    return [each for each in (outputs if isinstance(outputs, list) else [outputs]) if each]


def _is_one(output: object) -> bool:
    if isinstance(output, dict):
        output = output.get("url") or output.get("b64_json")
    return isinstance(output, str)


def _waits(each: Members) -> bool:
    return each.get("code") == SYNC_TIMED_OUT or "sync mode timed out" in error_text(each)
