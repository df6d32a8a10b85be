"""What every refusal has: a type, a code, words for people, and one envelope.

The envelope is one that every known client survives: those of both surfaces, and OpenAI-like ones.
"""

import json
from typing import ClassVar, Final

SHOWN_MAX: Final = 128  # characters of a caller's own text that a message repeats


def shown(text: object) -> str:
    """Return a caller's text as a message may repeat it: printable and bounded."""
    cut = str(text)[:SHOWN_MAX]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)


class Refusal(Exception):
    """A call that Farebox itself turns down; its facts are its attributes."""

    type: ClassVar[str]
    code: ClassVar[int]  # in the body always; as the status unless the next two say otherwise
    unified_status: ClassVar[int | None] = None
    status_is_a_setting: ClassVar[bool] = False
    words: ClassVar[str] = ""
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, message: str = "", details: dict[str, object] | None = None) -> None:
        self.message = message or self.words
        self.details = details
        super().__init__(self.message)

    def status(self, surface: str, setting: str = "auto") -> int:
        """Return the HTTP status on a surface; `setting` is `FAREBOX_REFUSAL_STATUS`."""
        if self.status_is_a_setting and setting != "auto":
            return int(setting)
        return self.unified_status or self.code if surface == "unified" else self.code

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that mark an answer as ours and say when, or never, to come back."""
        marks = [(b"x-farebox-refused", self.type.encode())]
        if self.retry_after_s is not None:
            marks.append((b"retry-after", str(self.retry_after_s).encode()))
        if self.status_is_a_setting:  # a 429, which OpenAI's client tries again unless told so
            marks.append((b"x-should-retry", b"false"))
        return marks


def error_object(refusal: Refusal) -> dict[str, object]:
    """Return the `error` member of a refusal, which `POST /quote` shows on its own."""
    error: dict[str, object] = {"message": refusal.message, "type": refusal.type}
    error["code"] = refusal.code
    if refusal.details is not None:
        error["details"] = refusal.details
    return error


def envelope(refusal: Refusal) -> bytes:
    """Return the body of a refusal: compact JSON in the one envelope of section 5."""
    message = refusal.message
    data = {"status": "failed", "error": message, "outputs": []}
    whole = {
        "error": error_object(refusal),
        "code": refusal.code,
        "message": message,
        "data": data,
    }
    return json.dumps(whole, separators=(",", ":")).encode()
