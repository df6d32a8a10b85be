"""The OpenAPI 3.1 document, made from the same models that read and write every answer."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from proxy.admin.asked import Nothing
from proxy.admin.endpoint import JSON_TYPE, Endpoint, optional
from proxy.version import __version__

COMMON: Final = (400, 401, 413, 429, 503)
WORDS: Final = {
    400: "Not understood; `error.details.member` names the member where there is one.",
    401: "Not the admin token.",
    404: "There is no such thing.",
    409: "It does not fit what is there.",
    412: "Somebody else has changed it: read it again.",
    413: "The body is too large.",
    422: "This `Idempotency-Key` was used for another request.",
    429: "Too many wrong tokens from this address; see Retry-After.",
    503: "The ledger cannot be read or written now.",
}
_SCHEMAS: Final = "#/components/schemas/"
_REFUSED: Final = f"{_SCHEMAS}Refused"


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Write the document of these operations."""
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Farebox admin API",
            "version": __version__,
            "description": "Money is a string of dollars with six decimals, instants are RFC 3339.",
        },
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(e.tag for e in endpoints)],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {str(status): _refused(status) for status in WORDS},
            "schemas": {**_schemas(endpoints), "Refused": ENVELOPE},
        },
    }


def written(content: dict[str, Any]) -> bytes:
    """Write a document down."""
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": [*_in_path(endpoint), *_in_query(endpoint.query), *_in_head(endpoint)],
        "responses": {str(endpoint.status): _answer(endpoint), **_refusals(endpoint)},
    }
    if endpoint.body is not Nothing:
        needed = any(field.is_required() for field in endpoint.body.model_fields.values())
        schema = {"$ref": f"{_SCHEMAS}{endpoint.body.__name__}"}
        told["requestBody"] = {"required": needed, "content": {JSON_TYPE: {"schema": schema}}}
    return told


def _in_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": text, "description": _PATH[name]}
        for name in re.findall(r"\{(\w+)}", endpoint.path)
    ]


_PATH: Final = {"key": "Name or id.", "team": "Name; `*` is everything.", "charge": "Id."}


def _in_query(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(by_alias=True)
    needed, may_be_empty = set(schema.get("required", ())), optional(model)
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _plain(told)}
        | ({"allowEmptyValue": True} if name in may_be_empty else {})
        for name, told in schema.get("properties", {}).items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Take the null out: a query can leave a member out, but cannot say null."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    rest = {name: told for name, told in schema.items() if name not in {"anyOf", "default"}}
    return {**rest, **(choices[0] if choices else {})}


def _in_head(endpoint: Endpoint) -> list[dict[str, Any]]:
    taken = {"If-Match": endpoint.versioned, "Idempotency-Key": endpoint.once}
    return [
        {"name": name, "in": "header", "schema": schema, "description": why}
        for name, (schema, why) in _HEADERS.items()
        if taken[name]
    ]


_HEADERS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "If-Match": (
        {"type": "string", "examples": ['"7"']},
        "The ETag that was read: if it has changed since, the answer is 412.",
    ),
    "Idempotency-Key": (
        {"type": "string", "examples": ["7f1c1b9e-rotate-web"]},
        "1 to 255 characters: within 24 h the same request under the same key is done once.",
    ),
}


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    answer = endpoint.answer
    if isinstance(answer, type):
        content: dict[str, Any] = {JSON_TYPE: {"schema": {"$ref": f"{_SCHEMAS}{answer.__name__}"}}}
    else:
        kinds = (answer,) if isinstance(answer, str) else answer
        content = {kind: {"schema": {"type": "string"}} for kind in kinds}
    told: dict[str, Any] = {"description": endpoint.summary, "content": content}
    if endpoint.tagged:
        told["headers"] = {"ETag": {"schema": {"type": "string"}, "required": True}}
    return told


def _refusals(endpoint: Endpoint) -> dict[str, Any]:
    statuses = sorted({*COMMON, *endpoint.refuses})
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _refused(status: int) -> dict[str, Any]:
    content = {JSON_TYPE: {"schema": {"$ref": _REFUSED}}}
    return {"description": WORDS[status], "content": content}


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    asked = {e.body for e in endpoints if e.body is not Nothing}
    shown = {e.answer for e in endpoints if isinstance(e.answer, type)}
    ordered = sorted(asked, key=lambda model: model.__name__)
    answers = sorted(shown, key=lambda model: model.__name__)
    _, told = models_json_schema(
        [(m, "validation") for m in ordered] + [(m, "serialization") for m in answers],
        ref_template=f"{_SCHEMAS}{{model}}",
    )
    found: dict[str, Any] = told.get("$defs", {})
    return found


_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["message", "type", "code"],
    "properties": {
        "message": {"type": "string"},
        "type": {"type": "string"},
        "code": {"type": "integer"},
        "details": {"type": "object"},
    },
}
ENVELOPE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Every refusal.",
    "required": ["error", "code", "message", "data"],
    "properties": {
        "error": _ERROR,
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "data": {"type": "object"},
    },
}
