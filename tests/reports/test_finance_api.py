"""Finance over the API: the same figures as the command line, from a running Farebox."""

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest

from tests.admin.serving import Served, serving
from tests.standin.server import Standin

FLASH = "gemini-3.1-flash-image-preview"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Standin() as standin, serving(tmp_path_factory.mktemp("f"), standin.url) as farebox:
        secret = farebox.admin.post("/admin/keys", json={"name": "web", "team": "growth"}).json()
        for size in ("1K", "2K", "4K"):
            sold = farebox.submit(secret["key"], size=size, enable_sync_mode=True)
            assert sold.headers["x-farebox-charge-state"] == "settled"
        yield farebox


@pytest.fixture
def admin(served: Served) -> httpx.Client:
    return served.admin


def test_spend_is_reported_by_what_was_asked(admin: httpx.Client) -> None:
    found = admin.get("/admin/spend", params={"by": "team,resolution"}).json()
    assert [(r["team"], r["resolution"], r["spend_usd"]) for r in found["data"]] == [
        ("growth", "1K", "0.040200"),
        ("growth", "2K", "0.060600"),
        ("growth", "4K", "0.090600"),
    ]
    assert found["total"]["spend_usd"] == "0.191400"
    assert found["held_usd"] == "0.000000"


def test_pages_follow_each_other(admin: httpx.Client) -> None:
    seen, cursor = [], None
    for _ in range(3):
        params = {"by": "resolution,day", "limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = admin.get("/admin/spend", params=params).json()
        seen += [row["resolution"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (["1K", "2K", "4K"], None)


@pytest.mark.parametrize(
    "query",
    [
        {"by": "prompt"},
        {"by": "tag:nope"},
        {"by": "team", "cursor": "junk"},
        {"by": "team", "cursor": "WzFd"},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"to": "9999-12-31"},
        {"timezone": "Mars/Olympus"},
        {"unknown": "1"},
    ],
)
def test_what_cannot_be_reported_is_a_bad_request(
    admin: httpx.Client, query: dict[str, str]
) -> None:
    assert admin.get("/admin/spend", params=query).status_code == 400


@pytest.mark.parametrize("month", ["9999-12", "0000-01"])
def test_a_month_beyond_the_calendar_is_a_bad_request(admin: httpx.Client, month: str) -> None:
    assert admin.get(f"/admin/exports/focus?month={month}").status_code == 400


@pytest.mark.parametrize("grain", ["charge", "day"])
def test_a_month_is_exported_as_focus(admin: httpx.Client, grain: str) -> None:
    today = admin.get("/admin/spend", params={"by": "month"}).json()["data"][0]["month"]
    answer = admin.get("/admin/exports/focus", params={"month": today, "grain": grain})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(float(row["BilledCost"]) for row in rows) == pytest.approx(0.1914)
    assert answer.headers["content-type"].startswith("text/csv")


def test_a_statement_is_reconciled_and_applied(admin: httpx.Client, tmp_path: Path) -> None:
    charges = admin.get("/admin/charges").json()["data"]
    lines = ["prediction_id,created_at,model,amount_usd"]
    for charge in charges:
        cost = "0.070000" if charge["resolution"] == "2K" else charge["cost_usd"]
        at = charge["admitted_at"]
        lines.append(f"{charge['prediction_id']},{at},{charge['model']},{cost}")
    body = {"csv": "\n".join(lines)}
    found = admin.post("/admin/reconciliations", json=body).json()
    assert [each["category"] for each in found["findings"]] == ["amount_differs"]
    assert admin.post("/admin/reconciliations", json={**body, "apply": True}).status_code == 400
    done = admin.post("/admin/reconciliations", json={**body, "apply": True, "why": "bill"})
    assert done.json()["summary"]["applied"] == 1
    assert admin.post("/admin/reconciliations", json=body).json()["findings"] == []
    assert len(admin.get("/admin/reconciliations").json()["data"]) == 3
    assert admin.get("/admin/verify").json()["ok"]
    assert admin.get("/admin/spend", params={"by": ""}).json()["total"]["spend_usd"] == "0.200800"


def test_a_bill_read_in_the_wrong_format_is_a_finding_and_no_fault(admin: httpx.Client) -> None:
    mapping = "[columns]\nprediction_id='id'\ncreated_at='at'\nmodel='m'\namount='usd'\n"
    bill = {
        "csv": "id,at,m,usd\nx,1793534400000,m,1\n",
        "mapping": f"{mapping}[time]\nformat='unix'",
    }
    found = admin.post("/admin/reconciliations", json=bill)
    assert found.json()["summary"]["unreadable"] == 1
    told = admin.post(
        "/admin/reconciliations", json={**bill, "mapping": f"delimiter=';;'\n{mapping}"}
    )
    assert (told.status_code, "elimiter" in told.json()["message"]) == (400, True)


def test_forecast_advice_and_whatif_answer(admin: httpx.Client) -> None:
    forecast = admin.get("/admin/spend/forecast").json()["data"]
    assert {each["scope"] for each in forecast} == {"key", "team", "installation"}
    assert admin.get("/admin/spend/advice").json()["data"][0]["change"] == "4K -> 2K"
    swap = {"swap": "gemini-3.1-flash-image-preview=gemini-3-pro-image-preview"}
    assert admin.get("/admin/spend/whatif", params=swap).json()["total"]["spend_usd"]
    assert admin.get("/admin/spend/whatif", params={"table": "nope"}).status_code == 404
    for params in ({"table": ""}, {"swap": ""}, {}, {"table": "a", **swap}):
        assert admin.get("/admin/spend/whatif", params=params).status_code in (400, 404), params


@pytest.mark.parametrize(
    "path",
    [
        "/admin/spend",
        "/admin/spend/forecast",
        "/admin/spend/advice",
        f"/admin/spend/whatif?swap={FLASH}=gemini-3-pro-image-preview",
        "/admin/reconciliations",
    ],
)
def test_what_is_answered_is_what_the_document_says(admin: httpx.Client, path: str) -> None:
    document = admin.get("/admin/openapi.json").json()
    answers = document["paths"][path.partition("?")[0]]["get"]["responses"]
    schema = answers["200"]["content"]["application/json"]["schema"]
    told = admin.get(path).json()
    assert told["data"]
    jsonschema.validate(told, {**schema, "components": document["components"]})


@pytest.mark.parametrize(
    ("swap", "why"),
    [
        ("a", "expected MODEL=MODEL"),
        (f"{FLASH}=", "expected MODEL=MODEL"),
        (f"={FLASH}", "expected MODEL=MODEL"),
        ("a=b", "there is no model 'a'"),
        (f"{FLASH}=gemini-3-pro", "there is no model 'gemini-3-pro'"),
        (f"{FLASH}={FLASH}=", f"there is no model '{FLASH}='"),
    ],
)
def test_a_swap_of_models_that_there_are_not_is_refused(
    admin: httpx.Client, swap: str, why: str
) -> None:
    told = admin.get("/admin/spend/whatif", params={"swap": swap})
    error = told.json()["error"]
    assert (told.status_code, error["details"]["member"]) == (400, "swap")
    assert why in error["message"]


def test_a_statement_costs_the_server_neither_its_lock_nor_its_fares(tmp_path: Path) -> None:
    """To open the file a second time in the process that serves once dropped its locks."""
    statement = {"csv": "prediction_id,created_at,model,amount_usd\n"}
    with Standin() as standin:
        with serving(tmp_path, standin.url) as farebox:
            key = farebox.admin.post("/admin/keys", json={"name": "web"}).json()["key"]
            assert farebox.admin.post("/admin/reconciliations", json=statement).status_code == 200
            subprocess.run(
                [sys.executable, "-m", "proxy", "keys", "list"],
                env=farebox.environ, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            bought = [farebox.submit(key) for _ in range(3)]
            farebox.process.kill()
        with serving(tmp_path, standin.url) as farebox:
            known = {one["id"] for one in farebox.admin.get("/admin/charges").json()["data"]}
    assert {one.headers["x-farebox-charge-id"] for one in bought} == known
