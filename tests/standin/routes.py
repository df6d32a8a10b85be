"""Which of the upstream's routes a request means."""

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

from tests.standin.jobs import Surface

Kind = Literal["submit", "poll", "generations", "upload", "put", "options", "echo", "control"]
_UNIFIED = {
    "images", "images/edit", "videos", "audio/speech", "audio/voice-clone", "lip-sync", "3d",
    "image-upscaler", "contents/generations/tasks",
}  # fmt: skip
_POLLS = (("tasks", "result"), ("videos",), ("contents", "generations", "tasks"))


@dataclass(frozen=True, slots=True)
class Route:
    """What is asked for: a kind, the surface that answers, and the id or the model in the path."""

    kind: Kind
    surface: Surface = "path"
    id: str = ""
    model: str = ""


def route(method: str, path: str) -> Route:
    """Anything that is not a known call is echoed."""
    if path.startswith("/standin/"):
        return Route("put" if method == "PUT" else "control", id=path.removeprefix("/standin/"))
    if not path.startswith("/api/v3/"):
        return Route("echo")
    segments = [unquote(part) for part in path.removeprefix("/api/v3/").split("/")]
    if method == "OPTIONS":
        return Route("options")
    if method == "POST":
        return _post(segments)
    return _poll(segments) if method in {"GET", "HEAD"} else Route("echo")


def _post(segments: list[str]) -> Route:
    words = "/".join(segments)
    if words == "media/uploads":
        return Route("upload")
    if segments[0] == "echo":
        return Route("echo")
    if words == "images/generations":
        return Route("generations")
    if words in _UNIFIED:
        return Route("submit", "unified")
    if len(segments) < 2:
        return Route("echo")
    return Route("submit", "path", model=_model(segments))


def _model(segments: list[str]) -> str:
    """The third word of four is the model (openai/reverse/sora-2-pro/…), else the second."""
    return segments[2] if len(segments) == 4 else segments[1]


def _poll(segments: list[str]) -> Route:
    if segments[0] == "predictions" and len(segments) > 1:
        last = -1 if segments[-1] == "result" and len(segments) > 2 else None
        return Route("poll", "path", id="/".join(segments[1:last]))
    for words in _POLLS:
        if tuple(segments[: len(words)]) == words and len(segments) > len(words):
            return Route("poll", "unified", id="/".join(segments[len(words) :]))
    return Route("echo")


def model_in(body: dict[str, Any]) -> str:
    """The model of a unified body, without its provider."""
    return str(body.get("model", "")).rsplit("/", 1)[-1]
