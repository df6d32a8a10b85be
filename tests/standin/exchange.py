"""One call, from what arrived to the reply that leaves: who asks, what was said, which job."""

import asyncio
import base64
import contextlib
import hashlib
import json
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.standin import documents
from tests.standin.bill import Bill, Line, Price, fingerprint, list_price, resolution_of
from tests.standin.faults import broken
from tests.standin.jobs import Job, Jobs, Surface
from tests.standin.refusals import (
    NO_JOB,
    UNREADABLE,
    Asked,
    json_reply,
    refusal,
    refused,
    spoilt,
)
from tests.standin.routes import Route, model_in, route
from tests.standin.scenarios import STATUSES, UNREAD, Say, UnknownScenarioError, heard
from tests.standin.wire import Call, Head, Reply

_SYNC_SLOW_S = 35.0
# Nobody learns the id of such a job, so nobody polls it: it finishes by itself.
_LOST = (
    *NO_JOB, *UNREADABLE, "no-id", "reset", "hangup", "silence", "truncated", "cut-chunk",
    "no-last-chunk", "stall", "reset-middle", "eof-cut", "garbage", "two-lengths",
)  # fmt: skip


@dataclass(slots=True)
class Options:
    """How this upstream behaves when a call says nothing else."""

    charge_on: Literal["completion", "submit"] = "completion"
    keys: Collection[str] | None = None  # None: every `sk-…` but Farebox's own
    price: Price = list_price
    public: str = ""
    say: Say = field(default_factory=Say)


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
        with contextlib.suppress(UnknownScenarioError):
            say = say.also(heard(head.target))
        return broken(refusal("path", 413), say) if say.any(UNREAD) else None

    async def answer(self, call: Call, say: Say) -> Reply:
        """The reply to one whole request."""
        where = route(call.method, call.path)
        if where.kind != "control" and (scripted := self._scripted()):
            return scripted
        try:
            say = say.also(heard(call.target, call.body))
        except UnknownScenarioError as error:
            return refusal("unified", 501, str(error))
        if where.kind == "options":
            return Reply(204, headers=((b"Allow", b"GET, HEAD, POST, OPTIONS"),))
        if where.kind in {"echo", "put"}:
            return broken(_echo(call), say)
        return await self._for_key(call, where, say)

    async def _for_key(self, call: Call, where: Route, say: Say) -> Reply:
        key = bare_key(call)
        if key is None or not self._knows(key):
            message = "Token cannot be empty" if key is None else "Invalid signature"
            return refusal(where.surface, 401, message)
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
        no = refused(Asked(call, where.surface, say, self.options.public))
        if no is None and ("not-a-real-model" in model or not (model and body)):
            no = refusal(where.surface, 400, f"unsupported model {model!r}")
        if no and "late" not in say:
            return broken(no, say)
        job = self._make(key, where.surface, model, body, say)
        if no:
            return broken(no, say)
        if where.kind == "generations":
            await self._wait(job)
            return broken(json_reply(*documents.generated(job, time.time())), say)
        status, document = await self._accept(job)
        return broken(spoilt(json_reply(status, document), say), say)

    def _make(self, key: str, surface: Surface, model: str, body: dict[str, Any], say: Say) -> Job:
        now = time.time()
        job = self.jobs.make(key=key, surface=surface, model=model, body=body, say=say, now=now)
        if self.options.charge_on == "submit":
            self._charge(job, job.asked)
        if job.done_at is not None:
            asyncio.get_running_loop().call_later(job.done_at - now, self.finish, job)
        elif say.any(_LOST):
            self.finish(job)
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
        if job is None or (job.key, job.surface) != (key, where.surface) or "gone" in job.say:
            return refusal(where.surface, 404, f"no such prediction: {where.id}")
        job.polls += 1
        say = job.say.of_polls(job.polls)
        if status := say.any(STATUSES):
            return broken(refusal(where.surface, int(status), say=say), say)
        if job.is_due(time.time()):
            self.finish(job)
        job.looks_after += job.finished
        return broken(spoilt(json_reply(*documents.seen(job, self.options.public)), say), say)

    def finish(self, *jobs: Job) -> None:
        """End the jobs now, and charge for them if completions are what is charged."""
        for job in jobs:
            if job.finished or "never" in job.say:
                continue
            job.finished = True
            if self.options.charge_on == "completion" and job.succeeds:
                self._charge(job, job.made or job.asked)

    def _charge(self, job: Job, images: int) -> None:
        resolution = resolution_of(job.model, job.body)
        micros = self.options.price(job.model, resolution, job.body) * images
        payer = fingerprint(job.key)
        self.bill.add(Line(job.id, payer, job.model, resolution, images, micros, time.time()))

    def _upload(self) -> Reply:
        public = self.options.public
        upload = {"method": "PUT", "url": f"{public}/standin/upload", "headers": {}}
        data = {"upload": upload, "download_url": "https://oss.gptproto.com/input/1.png"}
        return json_reply(200, {"code": 200, "message": "success", "data": data})


def bare_key(call: Call) -> str | None:
    """The caller's key, sent raw or as Bearer."""
    value = (call.header(b"authorization") or b"").decode("latin-1").strip()
    scheme, _, rest = value.partition(" ")
    return (rest.strip() if scheme.lower() == "bearer" else value) or None


def _is_sync(job: Job) -> bool:
    asked = str(job.body.get("enable_sync_mode", "")).lower() == "true"
    return asked or job.say.any(("sync", "sync-slow")) is not None


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _echo(call: Call) -> Reply:
    return json_reply(200, described(call))


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
