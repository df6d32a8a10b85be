"""One operation of the API: what it takes, what it answers, and the words for its document."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from proxy.admin.asked import PATTERNS, Nothing
from proxy.admin.changes import Impossible, Revoked, StillGood
from proxy.admin.guard import Guard
from proxy.admin.refusals import Conflict, OutOfDate
from proxy.admin.repeats import once_of, told_again
from proxy.errors import BadRequest, IdempotencyMismatch, MethodNotAllowed, NotFound, shown
from proxy.instants import instant
from proxy.ledger.once import DoneBefore, Once, OtherRequest
from proxy.ledger.registry import Missing, Stale, Taken
from proxy.received import received

BODY_MAX: Final = 1 << 20
VERSION_DIGITS: Final = 9
JSON_TYPE: Final = "application/json"

QueryT = TypeVar("QueryT", bound=BaseModel)
BodyT = TypeVar("BodyT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asking(Generic[QueryT, BodyT]):
    """A request that was read and found good; `versions` are those that `If-Match` names.

    `once` is what a repeat under the same `Idempotency-Key` is known by.
    """

    query: QueryT
    body: BodyT
    path: Mapping[str, str]
    versions: frozenset[int] | None
    actor: str
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a model, or text of another type that a report streams into the body."""

    content: BaseModel | bytes
    status: int = 200
    version: int | None = None
    media_type: str = JSON_TYPE
    headers: Mapping[str, str] | None = None

    def response(self) -> Response:
        """Write it down."""
        content = self.content
        body = (
            content
            if isinstance(content, bytes)
            else content.model_dump_json(by_alias=True).encode()
        )
        headers = {"cache-control": "no-store", **(self.headers or {})}
        if self.version is not None:
            headers["etag"] = f'"{self.version}"'
        return Response(body, self.status, headers, self.media_type)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation. Path parameters are text; `refuses` are its statuses beyond the common ones."""

    method: str
    path: str
    summary: str
    handler: Callable[[Asking[Any, Any]], Awaitable[Reply]]
    answer: type[BaseModel] | str | tuple[str, ...]  # a model, or media types of what is not JSON
    query: type[BaseModel] = Nothing
    body: type[BaseModel] = Nothing
    status: int = 200
    refuses: tuple[int, ...] = ()
    versioned: bool = False  # takes If-Match
    tagged: bool = False  # answers with ETag
    once: bool = False  # takes Idempotency-Key

    @property
    def tag(self) -> str:
        """Name the group that it is listed in."""
        return self.path.split("/")[2]

    def route(self, guard: Guard) -> "Place":
        """Put it on the map."""

        async def answer(request: Request) -> Response:
            guard.check(request)
            try:
                return (await self.handler(await self._read(request))).response()
            except DoneBefore as before:
                content, version = told_again(before)
                return Reply(content, self.status, version).response()
            except OtherRequest as other:
                raise IdempotencyMismatch from other
            except (Missing, Taken, Stale, Revoked, StillGood, Impossible) as error:
                raise _refused(error) from error

        place = Place(self.path, answer, methods=[self.method], name=self.operation_id)
        (place.methods or set()).discard("HEAD")  # what the document does not name is a 405
        return place

    @property
    def operation_id(self) -> str:
        """Name the operation, as generated clients will call it."""
        words = [part.strip("{}").replace("-", "_") for part in self.path.split("/")[2:]]
        return "_".join([self.method.lower(), *words])

    async def _read(self, request: Request) -> Asking[Any, Any]:
        sent = await received(request, BODY_MAX)
        return Asking(
            query=_query(self.query, request.query_params),
            body=_body(self.body, sent),
            path=request.path_params,
            versions=_versions(request) if self.versioned else None,
            actor="admin",
            once=once_of(request, sent) if self.once else None,
        )


class Place(Route):
    """An operation on the map; its neighbours are asked for the other methods of a path."""

    neighbours: Sequence[Route] = ()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a method that is none of this path's is told all that are."""
        if scope["method"] in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        here = (each for each in self.neighbours if each.matches(scope)[0] is not Match.NONE)
        raise MethodNotAllowed(sorted({method for each in here for method in each.methods or ()}))


def _refused(error: Exception) -> BadRequest | NotFound | Conflict | OutOfDate:
    words = f"{str(error)[:1].upper()}{str(error)[1:]}"
    words += "" if words.endswith("?") else "."
    if isinstance(error, Missing):
        return NotFound(words)
    if isinstance(error, Stale):
        return OutOfDate(words)
    if isinstance(error, StillGood):
        until: dict[str, object] = {"old_secret_until": instant(error.until_us).isoformat()}
        return Conflict(f'{words} To do so, send "force": true.', until)
    if isinstance(error, Impossible):
        return BadRequest(words, {"member": error.member} if error.member else None)
    return Conflict(words)


def _query(model: type[BaseModel], sent: QueryParams) -> BaseModel:
    twice = [name for name in sent if len(sent.getlist(name)) > 1]
    if twice:
        name = shown(twice[0])
        raise BadRequest(f"'{name}' stands twice in the query.", {"member": name})
    left_out = optional(model)
    said = {name: text for name, text in sent.items() if text or name not in left_out}
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise bad(error) from error


def optional(model: type[BaseModel]) -> set[str]:
    """Name what a query may leave out by leaving it empty, as a form does: all but texts.

    Of a member with a text for its default the empty text may be another, as in `by=`.
    """
    return {
        field.alias or name
        for name, field in model.model_fields.items()
        if not field.is_required() and not isinstance(field.default, str)
    }


def _body(model: type[BaseModel], body: bytes) -> BaseModel:
    if model is Nothing:
        if body.strip():
            raise BadRequest("This operation takes no body.")
        return Nothing()
    if not body.strip() and not any(f.is_required() for f in model.model_fields.values()):
        return model()
    try:
        json.loads(body, parse_constant=_no_number, object_pairs_hook=_once_each)
        return model.model_validate_json(body)
    except ValidationError as error:
        raise bad(error) from error
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON.") from error


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _once_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that stands twice: which one counts, readers of JSON do not agree on."""
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            named = shown(name)
            raise BadRequest(f"'{named}' stands twice in the body.", {"member": named})
        found[name] = value
    return found


def _versions(request: Request) -> frozenset[int] | None:
    """Read `If-Match: "7", "8"`, one of which must be; `*` and none at all take any version."""
    sent = ",".join(request.headers.getlist("if-match") or "*").strip()
    if sent == "*":
        return None
    bare = (tag.strip().removeprefix("W/").strip('"') for tag in sent.split(","))
    found = frozenset(
        int(tag) for tag in bare if tag.isascii() and tag.isdecimal() and len(tag) <= VERSION_DIGITS
    )
    if not found:
        raise OutOfDate("If-Match names no version of this; send the ETag as it was given.")
    return found


def bad(error: ValidationError) -> BadRequest:
    """Say what is wrong with a request in words that name the member."""
    all_found = error.errors(include_url=False)
    # A member misspelled is told first: that it is missing, too, follows from it.
    unknown = (each for each in all_found if each["type"] == "extra_forbidden")
    found: ErrorDetails = next(unknown, all_found[0])
    member = ".".join(str(part) for part in found["loc"] if part != "[key]")
    pattern = str(found.get("ctx", {}).get("pattern"))
    why = PATTERNS.get(pattern) or _WORDS.get(found["type"])
    why = why or found["msg"].removeprefix("Value error, ")
    named = f"'{shown(member)}': " if member else ""
    return BadRequest(f"{named}{shown(why)}.", {"member": shown(member)})


_WORDS: Final = {
    "extra_forbidden": "there is no such member",
    "missing": "it is needed",
    "string_too_short": "it must not be empty",
    "string_type": 'expected a string; money is one too, such as "0.040200"',
    "json_invalid": "the body is not JSON",
    "model_type": "the body must be a JSON object",
}
