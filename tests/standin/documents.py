"""The JSON of both surfaces: accepted, seen, refused. Pure; the words decide the oddities."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tests.standin.jobs import Job, Surface
from tests.standin.scenarios import Say

_UNIFIED_WORDS = {
    "created": "pending", "queued": "pending", "pending": "pending",
    "processing": "in_progress", "running": "in_progress", "succeeded": "completed",
}  # fmt: skip


def accepted(job: Job, origin: str) -> tuple[int, Any]:
    """Status and document of a submit that was taken."""
    if job.surface == "unified":
        return 202, _unified(job, origin, "pending")
    return 200, _enveloped(_path_submit(job, origin), job.say)


def seen(job: Job, origin: str) -> tuple[int, Any]:
    """Status and document of a poll."""
    if job.surface == "unified":
        return 200, _unified(job, origin, job.word())
    return 200, _enveloped(_path_poll(job, origin), job.say)


def gave_up(job: Job, origin: str) -> tuple[int, Any]:
    """A sync answer whose wait ran out."""
    data = _path_poll(job, origin) | {"status": "processing", "code": 5004, "outputs": []}
    data["error"] = f"Sync mode timed out, query the result later at {data['urls']['get']}"
    return 200, _enveloped(data, job.say)


def generated(job: Job, now: float) -> tuple[int, Any]:
    """The OpenAI-like answer of images/generations, which has no id."""
    member = "b64_json" if job.body.get("response_format") == "b64_json" else "url"
    data = [{member: output} for output in job.outputs()]
    return 200, {"model": job.model, "created": int(now), "data": data}


def _path_submit(job: Job, origin: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": job.id, "model": job.model, "outputs": [], "urls": _urls(job, origin),
        "hasNsfwContents": [], "status": "created", "createdAt": _plain(job.created_at),
        "executionTime": 0, "timings": {"inference": 0},
    }  # fmt: skip
    return _odd(data, job.say)


def _path_poll(job: Job, origin: str) -> dict[str, Any]:
    word = job.word()
    spent_ms = 6_200 if job.finished else 0
    data: dict[str, Any] = {
        "id": job.id, "model": job.model, "outputs": _outputs(job, word),
        "urls": _urls(job, origin), "status": word, "error": _error(job, word),
        "executionTime": spent_ms, "timings": {"inference": spent_ms},
        "has_nsfw_contents": None, "created_at": _precise(job.created_at),
    }  # fmt: skip
    if "no-outputs" in job.say:
        del data["outputs"]
    return _odd(data, job.say)


def _unified(job: Job, origin: str, word: str) -> dict[str, Any]:
    say = job.say
    polling = f"/api/v3/{_unified_poll(job)}/{quote(job.id, safe='')}"
    data: dict[str, Any] = {
        "id": job.id, "status": _UNIFIED_WORDS.get(word, word), "native_status": word,
        "polling_url": (say.text("elsewhere") or ("absolute" in say and origin) or "") + polling,
        "model": job.body.get("model", job.model), "created_at": _precise(job.created_at),
    }  # fmt: skip
    if outputs := _outputs(job, word):
        data["unsigned_urls"] = outputs
    if error := _error(job, word):
        data["error"] = error
    if "null-usage" in say:
        data |= {"usage": None, "timings": None}
    if "no-urls" in say:
        del data["polling_url"]
    return _odd(data, say)


def _unified_poll(job: Job) -> str:
    return "videos" if "video" in job.model or "sora" in job.model else "tasks/result"


def _urls(job: Job, origin: str) -> Any:
    base = job.say.text("elsewhere", origin)
    get = {"get": f"{base}/api/v3/predictions/{quote(job.id, safe=':')}/result"}
    return [get] if "urls-list" in job.say else get


def _odd(data: dict[str, Any], say: Say) -> dict[str, Any]:
    if "no-id" in say:
        del data["id"]
    if "no-urls" in say:
        data.pop("urls", None)
    if "extra-members" in say:
        data |= {"cost": None, "ünïcode": "\u2028 \U0001f34c", "nested": {"id": "not-this-one"}}
    return data


def _enveloped(data: dict[str, Any], say: Say) -> dict[str, Any]:
    return {"data": [data] if "list" in say else data, "message": "success", "code": 200}


def _outputs(job: Job, word: str) -> list[str]:
    shown = job.finished and word not in {"failed", "cancelled", "canceled", "expired", "timeout"}
    return job.outputs() if shown else []


def _error(job: Job, word: str) -> str | None:
    if word == "failed" and job.finished:
        return job.error
    return job.say.text("warning", "low quality input") if "warning" in job.say else ""


def refused(surface: Surface, status: int, message: str, shape: str = "") -> Any:
    """One refusal in the shape of its surface, or in the one asked for."""
    shapes = {
        "type": {"error": {"message": message, "type": str(status)}},
        "word": {"error": {"message": message, "type": "invalid_request_error", "code": "refused"}},
        "code": {"error": {"message": message, "code": status}},
        "flat": {"code": status, "message": message, "type": "error"},
        "envelope": {"code": status, "message": message, "data": None},
        "string": {"error": message},
    }
    return shapes[shape or ("code" if surface == "unified" else "type")]


def _plain(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _precise(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "21Z"
