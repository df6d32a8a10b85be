"""One call, from what arrived to the reply that leaves: who asks, what was said, which job."""

import asyncio
import base64
import hashlib
import json
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.standin import documents
from tests.standin.bill import Bill, Line, Price, fingerprint, list_price, resolution_of
from tests.standin.faults import broken
from tests.standin.jobs import Job, Jobs, Surface
from tests.standin.routes import Route, model_in, route
from tests.standin.scenarios import STATUSES, UNREAD, NoSuchScenario, Say, heard
from tests.standin.wire import Call, Head, Reply

_SYNC_SLOW_S = 35.0
_NO_JOB = (
    *STATUSES,
    "policy",
    "echo-key",
    "envelope",
    "redirect",
    "reset-before",
    "silence-before",
)
_UNREADABLE = ("unreadable", "nothing", "half-json")
# Nobody learns the id of such a job, so nobody polls it: it finishes by itself.
_LOST = (
    *_NO_JOB, *_UNREADABLE, "no-id", "reset", "hangup", "silence", "truncated", "cut-chunk",
    "no-last-chunk", "stall", "reset-middle", "eof-cut", "garbage", "two-lengths",
)  # fmt: skip
_PAGE = b"<html><head><title>%d</title></head><body><center>nginx</center></body></html>\r\n"
_HTML = ((b"Content-Type", b"text/html"),)


@dataclass(slots=True)
class Options:
    """How this upstream behaves when a call says nothing else."""

    charge_on: Literal["completion", "submit"] = "completion"
    keys: Collection[str] | None = None  # None: every `sk-…` but Farebox's own
    price: Price = list_price
    public: str = ""
    say: Say = Say()


class Exchange:
    """Turns calls into replies; lives on the server's loop only."""

    def __init__(self, options: Options, jobs: Jobs, bill: Bill) -> None:
        self.options = options
        self.jobs = jobs
        self.bill = bill
        self.armed: deque[Say] = deque()
        self.replies: deque[Reply] = deque()
        self.standing_reply: Reply | None = None

    def told(self, head: Head) -> Say:
        """What was said about this call before its body is read."""
        say = self.options.say
        if head.method == "POST" and head.path.startswith("/api/v3/") and self.armed:
            say = say.also(self.armed.popleft())
        return say

    def unread(self, head: Head, say: Say) -> Reply | None:
        """A reply that does not wait for the request's body."""
        early = say.also(heard(head.target))
        if not early.any(UNREAD):
            return None
        return broken(self._refusal("path", 413, STATUSES["413"], early), early)

    async def answer(self, call: Call, say: Say) -> Reply:
        """The reply to one whole request."""
        where = route(call.method, call.path)
        if where.kind != "control" and (scripted := self._scripted()):
            return scripted
        try:
            say = say.also(heard(call.target, call.body))
        except NoSuchScenario as error:
            return _json(501, {"error": {"message": str(error), "type": "stand_in", "code": 501}})
        if where.kind == "options":
            return Reply(204, headers=((b"Allow", b"GET, HEAD, POST, OPTIONS"),))
        if where.kind in {"echo", "put"}:
            return broken(_echo(call), say)
        return await self._for_key(call, where, say)

    async def _for_key(self, call: Call, where: Route, say: Say) -> Reply:
        key = bare_key(call)
        if key is None or not self._knows(key):
            message = "Token cannot be empty" if key is None else "Invalid signature"
            return self._refusal(where.surface, 401, message, Say())
        if where.kind == "poll":
            return self._poll(where, key)
        if where.kind == "upload":
            return self._upload()
        return await self._submit(call, where, key, say)

    def _knows(self, key: str) -> bool:
        if self.options.keys is not None:
            return key in self.options.keys
        return key.startswith("sk-") and not key.startswith("sk-fb-")

    def _scripted(self) -> Reply | None:
        return self.replies.popleft() if self.replies else self.standing_reply

    async def _submit(self, call: Call, where: Route, key: str, say: Say) -> Reply:
        body = _object(call.body)
        model = where.model or model_in(body)
        refusal = self._refused(call, where, say, body, model)
        if refusal and "late" not in say:
            return broken(refusal, say)
        job = self._make(key, where.surface, model, body, say)
        if refusal:
            return broken(refusal, say)
        if where.kind == "generations":
            await self._wait(job)
            return broken(_json(*documents.generated(job, time.time())), say)
        status, document = await self._accept(job)
        return broken(_unread_by(_json(status, document), say), say)

    def _make(self, key: str, surface: Surface, model: str, body: dict[str, Any], say: Say) -> Job:
        now = time.time()
        job = self.jobs.make(key=key, surface=surface, model=model, body=body, say=say, now=now)
        if self.options.charge_on == "submit":
            self._charge(job, job.asked)
        if job.done_at is not None:
            asyncio.get_running_loop().call_later(job.done_at - now, self._due, job)
        elif say.any(_LOST):
            self._due(job, lost=True)
        return job

    async def _accept(self, job: Job) -> tuple[int, Any]:
        origin, say = self.options.public, job.say
        if "sync-5004" in say:
            return documents.gave_up(job, origin)
        if job.surface == "unified" or "sync-created" in say or not _is_sync(job):
            return documents.accepted(job, origin)
        await self._wait(job)
        return documents.seen(job, origin)

    async def _wait(self, job: Job) -> None:
        if "sync-slow" in job.say:
            await asyncio.sleep(job.say.number("sync-slow", _SYNC_SLOW_S * self.jobs.speed))
        if job.done_at is not None:
            await asyncio.sleep(max(job.done_at - time.time(), 0))
        job.polls += 1
        self.finish(job)

    def _poll(self, where: Route, key: str) -> Reply:
        job = self.jobs.find(where.id)
        if job is None or job.key != key or "gone" in job.say:
            return self._refusal(where.surface, 404, f"no such prediction: {where.id}", Say())
        job.polls += 1
        say = job.say.of_polls(job.polls)
        if status := say.any(STATUSES):
            return broken(self._refusal(where.surface, int(status), STATUSES[status], say), say)
        self._due(job)
        job.looks_after += job.finished
        status_code, document = documents.seen(job, self.options.public)
        if where.surface != job.surface:
            document = documents.refused(where.surface, 404, "wrong door", "")
            return _json(404, document)
        wire = say.also(Say({k: v for k, v in job.say.words.items() if k in {"gzip", "chunked"}}))
        return broken(_unread_by(_json(status_code, document), wire), wire)

    def _due(self, job: Job, *, lost: bool = False) -> None:
        if not job.finished and (job.is_due(time.time()) or (lost and "never" not in job.say)):
            self.finish(job)

    def finish(self, job: Job) -> None:
        """End the job now, and charge for it if completions are what is charged."""
        if job.finished or "never" in job.say:
            return
        job.finished = True
        if self.options.charge_on == "completion" and job.succeeds:
            self._charge(job, job.made or job.asked)

    def _charge(self, job: Job, images: int) -> None:
        resolution = resolution_of(job.model, job.body)
        unit = self.options.price(job.model, resolution, job.body)
        job.billed = True
        self.bill.add(
            Line(
                job_id=job.id,
                key=fingerprint(job.key),
                model=job.model,
                resolution=resolution,
                images=images,
                micros=unit * images,
                at=time.time(),
            )
        )

    def _refused(
        self, call: Call, where: Route, say: Say, body: dict[str, Any], model: str
    ) -> Reply | None:
        surface = where.surface
        if "envelope" in say:
            code = int(say.number("envelope", 500))
            return _json(200, documents.refused(surface, code, "task refused", "envelope"))
        if "redirect" in say:
            away = say.text("redirect", f"{self.options.public}/api/v3/echo/redirected")
            return Reply(307, headers=((b"Location", away.encode()),))
        if "echo-key" in say:
            sent = (call.header(b"authorization") or b"").decode("latin-1")
            return self._refusal(surface, 400, f"bad request by {sent}", say)
        if "policy" in say:
            return self._refusal(surface, 400, "Blocked by the content policy.", say)
        if status := say.any(STATUSES):
            return self._refusal(surface, int(status), STATUSES[status], say)
        if say.any(("reset-before", "silence-before")):
            return Reply()
        if "not-a-real-model" in model or not (model and body):
            return self._refusal(surface, 400, f"unsupported model {model!r}", Say())
        return None

    def _refusal(self, surface: Surface, status: int, message: str, say: Say) -> Reply:
        if "html" in say:
            return Reply(status, _HTML, (_PAGE % status,))
        if "text" in say:
            return Reply(status, ((b"Content-Type", b"text/plain"),), (message.encode(),))
        reply = _json(status, documents.refused(surface, status, message, say.text("shape")))
        if status == 429:
            reply = replace(reply, headers=(*reply.headers, (b"Retry-After", b"1")))
        return reply

    def _upload(self) -> Reply:
        public = self.options.public
        upload = {"method": "PUT", "url": f"{public}/standin/upload", "headers": {}}
        data = {"upload": upload, "download_url": "https://oss.gptproto.com/input/1.png"}
        return _json(200, {"code": 200, "message": "success", "data": data})


def bare_key(call: Call) -> str | None:
    """The caller's key, sent raw or as Bearer."""
    value = (call.header(b"authorization") or b"").decode("latin-1").strip()
    scheme, _, rest = value.partition(" ")
    return (rest.strip() if scheme.lower() == "bearer" else value) or None


def _is_sync(job: Job) -> bool:
    asked = str(job.body.get("enable_sync_mode", "")).lower() == "true"
    return asked or job.say.any(("sync", "sync-slow")) is not None


def _unread_by(reply: Reply, say: Say) -> Reply:
    if "unreadable" in say:
        return Reply(200, _HTML, (_PAGE % 200,))
    if "nothing" in say:
        return replace(reply, chunks=())
    if "half-json" in say:
        return replace(reply, chunks=(reply.body[: len(reply.body) // 2],))
    return reply


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _json(status: int, document: Any) -> Reply:
    return Reply(status, chunks=(json.dumps(document, ensure_ascii=False).encode(),))


def _echo(call: Call) -> Reply:
    return _json(200, described(call))


def described(call: Call) -> dict[str, Any]:
    """A call as JSON: what arrived, to the byte."""
    return {
        "method": call.method,
        "target": call.target.decode("latin-1"),
        "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in call.headers],
        "body": base64.b64encode(call.body).decode(),
        "sha256": hashlib.sha256(call.body).hexdigest(),
        "connection": call.connection,
    }
