"""Write docs/reference/api.md from the same operations that the OpenAPI document is made of."""

import sys
from pathlib import Path
from typing import Any, Final, cast

from proxy.admin.context import AdminContext
from proxy.admin.document import document
from proxy.admin.routes import admin_endpoints

HEAD: Final = """\
# Admin API

Written by `make docs` from `proxy/admin`; change it there. A running Farebox serves the whole
OpenAPI 3.1 document at `/admin/openapi.json`, and as a page at `/admin/docs`.

Every call needs `Authorization: Bearer <admin token>`. Bodies are JSON; an unknown member is
refused by name. Money is a string of dollars with six decimals (`"0.040200"`), a budget also
`"unlimited"`, or null for the default; instants are RFC 3339 with offset, days `YYYY-MM-DD`.
Lists come with a `cursor` to go on from. A change of what answers with an `ETag` takes it back as
`If-Match`, and on top of somebody else's change is a 412.

Where `Idempotency-Key` is taken, the same method, path and body under the same key within 24 h are
done once, on any worker and across restarts. A repeat of what told no secret gets the first answer;
a secret is kept nowhere, so the repeat of what told one is a 409 `already_done` that names what was
done, and when. Another request under the same key is a 422. A refused call frees its key.

A key has one old secret. A rotation with a grace, while the grace of an earlier one runs, is a 409
with `details.old_secret_until`, unless `force` says to end that; one without a grace ends it.
"""
Document = dict[str, Any]


def page() -> str:
    """Return the reference page."""
    # Listing the operations asks nothing of the context; only serving them does.
    told = document(admin_endpoints(cast("AdminContext", None)))
    text = HEAD
    for tag in told["tags"]:
        text += f"\n## {tag['name']}\n"
        for path, methods in told["paths"].items():
            for method, operation in methods.items():
                if operation["tags"] == [tag["name"]]:
                    text += _operation(f"{method.upper()} {path}", operation, told)
    return text


def _operation(head: str, operation: Document, told: Document) -> str:
    text = f"\n### `{head}`\n\n{operation['summary']}\n"
    rows = [*map(_parameter, operation["parameters"]), *_members(operation, told)]
    if rows:
        text += "\n| in | name | form | |\n|---|---|---|---|\n" + "".join(rows)
    return text + f"\nAnswers: {', '.join(sorted(operation['responses']))}\n"


def _parameter(parameter: Document) -> str:
    words = parameter.get("description") or parameter["schema"].get("description", "")
    needed = "" if parameter.get("required") else "optional"
    return _row(
        parameter["in"], parameter["name"], _form(parameter["schema"]), _joined(words, needed)
    )


def _members(operation: Document, told: Document) -> list[str]:
    """Tell of the members of the body."""
    if "requestBody" not in operation:
        return []
    ((_, content),) = operation["requestBody"]["content"].items()
    schema = told["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    needed = set(schema.get("required", ()))
    return [
        _row("body", name, _form(member), _joined(
            member.get("description", ""), "" if name in needed else "optional"
        ))
        for name, member in schema.get("properties", {}).items()
    ]  # fmt: skip


def _form(schema: Document) -> str:
    """Say of what form a value is, shortly."""
    if choices := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(map(_form, choices)))
    if words := schema.get("enum"):
        return ", ".join(f"`{word}`" for word in words)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_form(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "any")


def _joined(*parts: str) -> str:
    return "; ".join(part.rstrip(".") for part in parts if part)


def _row(where: str, name: str, form: str, words: str) -> str:
    clean = " ".join(words.split()).replace("|", "\\|")
    return f"| {where} | `{name}` | {form} | {clean} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
