"""The OpenAPI document as one page for people: no script, no font, no request elsewhere."""

import json
from typing import Any, Final

from jinja2 import Environment

STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
code,pre{font:14px/1.4 ui-monospace,monospace}
pre{overflow:auto;background:var(--soft);padding:.75rem;border-radius:.4rem}
section{border-top:1px solid var(--line);margin-top:2rem}
summary{cursor:pointer;padding:.4rem 0}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;
border-bottom:1px solid var(--line)}
.verb{display:inline-block;min-width:4.5em;font-weight:700}
"""
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{ doc.info.title }}</title><style>{{ style|safe }}</style></head><body><main>
<h1>{{ doc.info.title }} {{ doc.info.version }}</h1>
<p>{{ doc.info.description }} Every call carries
<code>Authorization: Bearer &lt;admin token&gt;</code>.
An answer with an <code>ETag</code> can be changed with <code>If-Match</code>, so that two admins do
not overwrite each other. Lists go on at <code>next_cursor</code>.</p>
<p>For programs: <a href="openapi.json">openapi.json</a>.</p>
<nav aria-label="Groups">{% for tag in doc.tags %}<a href="#{{ tag.name }}">{{ tag.name }}</a>
{% endfor %}</nav>
{% for tag in doc.tags %}<section id="{{ tag.name }}"><h2>{{ tag.name }}</h2>
{% for path, verbs in doc.paths.items() %}{% for verb, told in verbs.items() %}
{% if tag.name in told.tags %}<details id="{{ told.operationId }}">
<summary><span class="verb">{{ verb|upper }}</span> <code>{{ path }}</code> {{ told.summary }}
</summary>
{% if told.parameters %}<table><tr><th>Parameter</th><th>In</th><th>Rule</th></tr>
{% for each in told.parameters %}<tr><td><code>{{ each.name }}</code></td><td>{{ each.in }}</td>
<td>{{ each.description or each.schema.description or '' }}
<code>{{ rule(each.schema) }}</code></td></tr>{% endfor %}</table>{% endif %}
{% if told.requestBody %}<h3>Body</h3><pre>{{ body(told.requestBody) }}</pre>{% endif %}
<h3>Answers</h3><table>{% for status, answer in told.responses.items() %}
<tr><td><code>{{ status }}</code></td><td>{{ words(answer) }}</td></tr>{% endfor %}</table>
{{ shape(told.responses)|safe }}</details>{% endif %}{% endfor %}{% endfor %}</section>
{% endfor %}</main></body></html>
"""


def pages(doc: dict[str, Any]) -> str:
    """Render the document."""
    environment = Environment(autoescape=True)
    template = environment.from_string(PAGE)
    return template.render(
        doc=doc,
        style=STYLE,
        rule=_rule,
        words=lambda answer: _followed(doc, answer)["description"],
        body=lambda asked: _schema(doc, asked["content"]),
        shape=lambda answers: _shape(environment, doc, answers),
    )


def _rule(schema: dict[str, Any]) -> str:
    shown = {n: v for n, v in schema.items() if n not in {"description", "title", "examples"}}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _followed(doc: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in told:
        return told
    found: Any = doc
    for part in told["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _schema(doc: dict[str, Any], content: dict[str, Any]) -> str:
    told = next(iter(content.values()))
    schema = _whole(doc, told["schema"])
    members = schema.get("properties")
    return json.dumps(members if members is not None else schema, indent=2)


def _whole(doc: dict[str, Any], told: Any) -> Any:
    """Put in the place of each reference what it leads to: a page has no other place for it."""
    if isinstance(told, dict):
        return {name: _whole(doc, part) for name, part in _followed(doc, told).items()}
    return [_whole(doc, part) for part in told] if isinstance(told, list) else told


def _shape(environment: Environment, doc: dict[str, Any], answers: dict[str, Any]) -> str:
    good = next(answer for answer in answers.values() if "content" in answer)
    shown = environment.from_string("<h3>Answer</h3><pre>{{ text }}</pre>")
    return shown.render(text=_schema(doc, good["content"]))
