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
Lists come with a `cursor` to go on from. What answers with an `ETag` takes it back as `If-Match`,
and a change on top of somebody else's is a 412.
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
