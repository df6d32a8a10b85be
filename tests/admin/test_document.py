"""The OpenAPI document is true: schemathesis asks a running Farebox all that it says."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.admin.serving import TOKEN, Served

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


@pytest.fixture
def document(admin: httpx.Client) -> Any:
    return admin.get("/admin/openapi.json").json()


@pytest.mark.timeout(240)
def test_no_answer_is_undocumented_and_none_is_a_fault_of_ours(
    served: Served, tmp_path: Path
) -> None:
    served.admin.post("/admin/keys", json={"name": "web"})
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run",
            f"{served.url}/admin/openapi.json", "--header", f"Authorization: Bearer {TOKEN}",
            "--checks", ",".join(CHECKS), "--max-examples", "8", "--seed", "1", "--no-color",
            "--warnings", "off", "--request-timeout", "20",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=220, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert served.admin.get("/admin/verify").json()["ok"] is True


def test_every_route_of_the_admin_is_in_the_document(document: Any) -> None:
    wanted = {
        "/admin/keys": {"get", "post"},
        "/admin/keys/{key}": {"get", "patch", "delete"},
        **{f"/admin/keys/{{key}}/{n}": {"post"} for n in ("rotate", "pause", "resume", "top-up")},
        "/admin/keys/{key}/budget": {"get"},
        "/admin/teams": {"get"},
        "/admin/charges": {"get"},
        "/admin/charges/{charge}": {"get"},
        "/admin/prices": {"get"},
        "/admin/quote": {"post"},
        "/admin/verify": {"get"},
    }
    for path, verbs in wanted.items():
        assert verbs <= document["paths"][path].keys(), path


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "HEAD", "GET", "POST", "PATCH"])
def test_a_method_that_a_path_has_not_is_told_all_that_it_has(
    method: str, document: Any, admin: httpx.Client
) -> None:
    taken = {"/admin/keys/adopt": {"GET", "PATCH", "DELETE"}}  # a key may have that name
    for path, verbs in document["paths"].items():
        known = {verb.upper() for verb in verbs} | taken.get(path, set())
        if method in known:
            continue
        answer = admin.request(method, path.replace("{key}", "k").replace("{team}", "t"))
        assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(sorted(known)))
        if method != "HEAD":
            assert f"It takes {', '.join(sorted(known))}." in answer.json()["message"], path


def test_every_reference_leads_somewhere_and_every_schema_is_one(document: Any) -> None:
    for pointer in re.findall(r'"#/([^"]+)"', str(document).replace("'", '"')):
        found = document
        for part in pointer.split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_member_of_an_answer_is_named(document: Any) -> None:
    """A generated client is told what a finding or a forecast holds, not only that it is one."""
    differ = ("AuditShown", "QuoteAsked", "QuoteShown", "Refused")  # by the change, call, refusal
    schemas = {n: s for n, s in document["components"]["schemas"].items() if n not in differ}
    assert "'additionalProperties': True" not in str(schemas)


def test_the_page_for_people_asks_nothing_of_anybody(admin: httpx.Client) -> None:
    answer = admin.get("/admin/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)
    assert "<script" not in answer.text
    assert "/admin/keys/{key}/rotate" in answer.text
    assert "components/schemas" not in answer.text, "what a reference leads to is on no page"
