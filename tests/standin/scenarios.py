"""What a call can be told to do: `standin:<name>[=<value>]` words, in a prompt or in a target.

Several words in one prompt combine (`standin:outputs=3 standin:gzip`). A model may carry one too,
as `standin-<name>`. A `+` in a value is read as a space. `poll-<name>[=<times>]` does to the
first polls of that job (all of them without a number) what `<name>` does to a submit.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

OUTCOMES = {
    "failed": "the job fails; the value is its error text",
    "failed-silent": 'the job fails with error ""',
    "failed-null": "the job fails with error null",
    "never": "the job never finishes",
    "end": "the job ends in this status word (succeeded, cancelled, expired, …)",
    "middle": "the job is this while it runs (running, queued, …)",
    "unknown": "while it runs the job says `pondering`, a word nobody knows",
    "warning": "the job completes with an error text beside its outputs",
    "flip": "completed when first seen finished, failed ever after",
    "flip-back": "failed when first seen finished, completed ever after",
    "polls": "finished at that many polls, whatever the clock says",
    "latency": "seconds until finished, whatever the model, not scaled",
    "outputs": "exactly so many outputs",
    "fewer": "one output less than asked for (or value less)",
    "more": "one output more than asked for (or value more)",
    "empty": "completed with an empty list of outputs",
    "no-outputs": "completed without the member",
    "base64": "outputs are base64 text of a small PNG",
    "big": "outputs are base64 text of so many bytes (default 16 MiB)",
    "gone": "accepted, and every poll says 404",
}
ANSWERS = {
    "sync": "the submit waits, as if enable_sync_mode were true",
    "sync-5004": "a sync answer that gave up waiting: processing, code 5004",
    "sync-created": "a sync call answered as if it were not",
    "sync-slow": "the sync answer comes after so many seconds (default 35, scaled by speed)",
    "list": "data is a list of one",
    "urls-list": "urls is a list of one",
    "absolute": "polling_url is absolute (unified)",
    "elsewhere": "the poll URL points to the value, another host",
    "no-id": "success without an id",
    "no-urls": "no urls member (path), no polling_url (unified)",
    "null-usage": "usage and timings are null (unified)",
    "id": "the id is the value",
    "id-kind": "hex, uuid, colon or slash",
    "dup": "every submit with the same value gets the same id",
    "extra-members": "members nobody has seen before",
    "envelope": "HTTP 200 with this code (default 500), a message and data null",
    "unreadable": "HTTP 200 with an HTML page",
    "nothing": "HTTP 200 with no body at all",
    "half-json": "HTTP 200 with half a JSON document, framed as whole",
    "policy": "400: blocked by the content policy",
    "echo-key": "400 whose message repeats the caller's key",
    "redirect": "307 to the value (default: another path of ours)",
    "html": "the refusal's body is an HTML page",
    "text": "the refusal's body is plain text",
    "shape": "the refusal's shape: type, word, code, flat, envelope, string",
    "late": "the job was made (and billed), whatever the answer says",
    "gzip": "the body is gzip, asked for or not",
    "bomb": "the body is gzip of so many zero bytes",
}
STATUSES = {
    "400": "Invalid request",
    "401": "Invalid signature",
    "402": "Insufficient balance",
    "403": "Insufficient balance",
    "404": "Not found",
    "408": "Request timeout",
    "409": "Conflict",
    "413": "Request entity too large",
    "418": "I'm a teapot",
    "422": "Unprocessable entity",
    "425": "Too early",
    "429": "Rate limit exceeded",
    "500": "Internal server error",
    "502": "Bad gateway",
    "503": "Service unavailable",
    "504": "Gateway timeout",
}
FAULTS = {
    "reset": "RST after the job was made, before a byte of answer",
    "reset-before": "RST, and no job was made",
    "reset-middle": "RST in the middle of the body",
    "hangup": "FIN after the job was made, without an answer",
    "silence": "the job was made, no answer ever (or for so many seconds)",
    "silence-before": "no job, no answer ever (or for so many seconds)",
    "truncated": "Content-Length says more than comes",
    "cut-chunk": "chunked, cut off inside a chunk",
    "no-last-chunk": "chunked, all of it but the last chunk",
    "eof": "no framing: the body ends with the connection",
    "eof-cut": "no framing, and only half of the body comes",
    "chunked": "well chunked, seven bytes each, with a trailer",
    "drip": "one byte every so many seconds (default 0.01)",
    "slow": "the head comes after so many seconds (default 1)",
    "stall": "the head and half of the body come, then nothing",
    "two": "two whole answers to one request",
    "extra": "so many bytes too many after the answer (default 4)",
    "1xx": "so many informational answers before the real one (default 2)",
    "garbage": "something that is not HTTP",
    "big-head": "a header field of so many bytes (default 100000)",
    "two-lengths": "two Content-Length fields that differ",
    "both-framings": "Content-Length and Transfer-Encoding: chunked",
    "close-after": "the connection is closed after the answer, unannounced",
    "goodbye": "the connection is closed after the answer, as announced",
}
UNREAD = {
    "unread-reset": "RST before the body of the request is read (in the target, or by `next`)",
    "unread-413": "413 and FIN before the body is read (likewise)",
    "unread-silence": "the body is never read (likewise)",
}
SCENARIOS: Mapping[str, str] = {
    **OUTCOMES,
    **ANSWERS,
    **{status: f"refused: {status} {text}" for status, text in STATUSES.items()},
    **FAULTS,
    **UNREAD,
}

_WORD = re.compile(rb"standin:([a-z0-9-]+)(?:=([^\s\"'\\,;&]+))?")
_MODEL = re.compile(rb"standin-([a-z0-9-]+)")


class UnknownScenarioError(ValueError):
    """A word that no scenario answers to; a test has a typing error."""


@dataclass(frozen=True, slots=True)
class Say:
    """The words that one call was told."""

    words: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.words

    def any(self, names: Iterable[str]) -> str | None:
        """The first of the names that was said."""
        return next((name for name in names if name in self.words), None)

    def text(self, name: str, default: str = "") -> str:
        return self.words.get(name) or default

    def number(self, name: str, default: float) -> float:
        return float(self.words.get(name) or default)

    def of_polls(self, nth: int) -> "Say":
        """What the nth poll (from 1) of this job is told."""
        poll = {
            name.removeprefix("poll-"): ""
            for name, times in self.words.items()
            if name.startswith("poll-") and nth <= float(times or "inf")
        }
        return Say(poll)

    def also(self, other: "Say") -> "Say":
        return Say({**self.words, **other.words})


def parse(text: str) -> Say:
    """`"failed polls=1"` -> Say; the words stand alone, as in `Standin(say=…)`."""
    pairs = (word.partition("=") for word in text.split())
    return _checked({name: value.replace("+", " ") for name, _, value in pairs})


def heard(*texts: bytes) -> Say:
    """Every word in these bytes (a request's target and body)."""
    words: dict[str, str] = {}
    for text in texts:
        if b"standin" in text:
            words |= _in_models(text) | _in_prompts(text)
    return _checked(words)


def _in_models(text: bytes) -> dict[str, str]:
    names = (match[1].decode() for match in _MODEL.finditer(text))
    return {name: "" for name in names if name in SCENARIOS}


def _in_prompts(text: bytes) -> dict[str, str]:
    found = ((match[1], match[2] or b"") for match in _WORD.finditer(text))
    return {name.decode(): value.decode().replace("+", " ") for name, value in found}


def _checked(words: dict[str, str]) -> Say:
    for name in words:
        if name.removeprefix("poll-") not in SCENARIOS:
            raise UnknownScenarioError(f"the stand-in has no scenario called {name!r}")
    return Say(words)
