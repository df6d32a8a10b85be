"""Teams, charges, prices, quotes and the proof, over REST."""

import httpx
import pytest

from tests.admin.serving import Served
from tests.standin.server import Standin


def bought(served: Served, name: str, prompt: str = "a cat") -> tuple[str, dict[str, object]]:
    """Make a key, buy with it; its secret and the charge."""
    body = {"name": name, "team": f"team-{name}", "daily_budget_usd": "5"}
    secret: str = served.admin.post("/admin/keys", json=body).json()["key"]
    served.submit(secret, prompt)
    (charge,) = served.admin.get(f"/admin/charges?key={name}").json()["data"]
    return secret, charge


def test_a_paused_team_is_refused_and_so_is_everybody(served: Served) -> None:
    admin = served.admin
    secret, _ = bought(served, "paused")
    for scope, team in (("team", "team-paused"), ("installation", "*")):
        assert admin.post(f"/admin/teams/{team}/pause", json={"why": "stop"}).status_code == 200
        refused = served.submit(secret).json()["error"]
        would_be = served.quote(secret).json()["refusal"]
        assert refused["type"] == "key_paused"
        assert refused["details"] == {"scope": scope, "name": team}
        assert would_be == refused
        assert admin.post(f"/admin/teams/{team}/resume").json()["state"] == "active"
        assert served.submit(secret).status_code == 200


def test_a_switch_that_would_stop_nothing_is_refused(admin: httpx.Client) -> None:
    assert admin.post("/admin/teams/nobody/pause").status_code == 404
    assert admin.get("/admin/teams/nobody").status_code == 404
    assert admin.patch("/admin/teams/nobody", json={"daily_budget_usd": "1"}).status_code == 404
    assert admin.put("/admin/teams/a b", json={"daily_budget_usd": "1"}).status_code == 400


def test_a_teams_limits_are_set_and_what_is_left_out_stays(admin: httpx.Client) -> None:
    admin.put("/admin/teams/t", json={"daily_budget_usd": "1", "monthly_budget_usd": "9"})
    changed = admin.patch("/admin/teams/t", json={"daily_budget_usd": "2"})
    assert changed.json()["monthly_budget_usd"] == "9.000000"
    stale = {"if-match": '"1"'}
    assert admin.patch("/admin/teams/t", json={}, headers=stale).status_code == 412
    names = [team["name"] for team in admin.get("/admin/teams").json()["data"]]
    assert names[0] == "*"
    assert "t" in names


def test_a_charge_tells_its_story(served: Served) -> None:
    _, charge = bought(served, "story")
    told = served.admin.get(f"/admin/charges/{charge['id']}").json()
    assert [entry["kind"] for entry in told["entries"]] == ["reserve", "accept"]
    assert told["entries"][0]["reserved_usd"] == told["reserved_usd"] == "0.040200"
    assert (told["state"], told["price_version"]) == ("accepted", "2026-09-25")
    assert told["prediction_id"]


@pytest.mark.parametrize(
    ("call", "body", "state", "settled"),
    [
        ("release", {}, "released", "0.000000"),
        ("charge", {}, "settled", "0.040200"),
        ("charge", {"images": 2}, "settled", "0.080400"),
    ],
)
def test_an_uncertain_fare_is_decided_by_hand_once(
    call: str, body: dict[str, int], state: str, settled: str, served: Served
) -> None:
    admin = served.admin
    _, charge = bought(served, f"{call}-{len(body)}", "standin:hangup")
    assert charge["state"] == "uncertain"
    told = admin.post(f"/admin/charges/{charge['id']}/{call}", json={**body, "why": "asked them"})
    assert told.status_code == 200, told.text
    shown = told.json()
    assert (shown["state"], shown["settled_usd"], shown["ground"]) == (state, settled, "hand")
    last = shown["entries"][-1]
    assert (last["actor"], last["why"]) == ("admin", "asked them")
    again = admin.post(f"/admin/charges/{charge['id']}/{call}", json={**body, "why": "again"})
    assert again.status_code == 409
    assert admin.get("/admin/verify").json() == {"ok": True, "differences": []}


def test_a_decision_needs_a_reason(served: Served) -> None:
    _, charge = bought(served, "mute")
    for body in ({}, {"why": ""}):
        answer = served.admin.post(f"/admin/charges/{charge['id']}/release", json=body)
        assert (answer.status_code, answer.json()["error"]["details"]["member"]) == (400, "why")


def test_charges_are_found_by_key_team_state_and_time(served: Served) -> None:
    admin = served.admin
    _, charge = bought(served, "sought")
    day = str(charge["day"])
    for query, found in [
        ("state=open", True),
        ("state=settled", False),
        ("team=team-sought", True),
        ("team=another", False),
        (f"from={day}&to={day}", True),
        ("to=2026-01-01", False),
        ("from=2999-01-01", False),
        ("from=1970-01-01&to=9990-01-01", True),
        (f"prediction={charge['prediction_id']}", True),
        ("prediction=another", False),
        (f"from={str(charge['admitted_at']).replace('Z', '%2B00:00')}", True),
    ]:
        data = admin.get(f"/admin/charges?key=sought&{query}").json()["data"]
        assert bool(data) is found, query


def test_a_span_that_ends_before_it_begins_is_refused(admin: httpx.Client) -> None:
    for query, status in [
        ("from=2026-11-23&to=2026-11-23", 200),
        ("from=2026-11-23T15:00:00Z&to=2026-11-23", 200),
        ("from=2026-11-23T15:00:00Z&to=2026-11-23T15:00:00Z", 200),
        ("from=2026-11-23&to=2026-11-22", 400),
        ("from=2026-11-23&to=2026-01-01", 400),
        ("from=2026-11-23T15:00:00Z&to=2026-11-23T14:00:00Z", 400),
    ]:
        answer = admin.get(f"/admin/charges?{query}")
        assert answer.status_code == status, query
        if status == 400:
            assert answer.json()["error"]["details"] == {"member": "to"}


@pytest.mark.parametrize(
    "query",
    [
        *("state=lost", "from=yesterday", "limit=0", "limit=x", "colour=red"),
        *("state=open&state=open", "cursor=zzz", "cursor=fb_1"),
        *("colour=", "prediction=a%00"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(query: str, admin: httpx.Client) -> None:
    assert admin.get(f"/admin/charges?{query}").status_code == 400


@pytest.mark.parametrize(
    "target",
    [
        "/admin/charges?key=&team=&state=&from=&to=&cursor=&prediction=&limit=",
        "/admin/keys?team=&state=&cursor=",
        "/admin/audit?subject=&action=",
        "/admin/spend?from=&to=&timezone=&cursor=&limit=",
        "/admin/prices/show?at=",
    ],
)
def test_what_a_form_left_empty_is_left_out(target: str, admin: httpx.Client) -> None:
    answer = admin.get(target)
    assert answer.status_code == 200, answer.text
    assert answer.content == admin.get(target.partition("?")[0]).content


def test_charges_come_in_pages_newest_first(served: Served) -> None:
    secret, _ = bought(served, "pages")
    for _ in range(4):
        served.submit(secret)
    found, cursor = [], ""
    while True:
        answer = served.admin.get(f"/admin/charges?key=pages&limit=2{cursor}").json()
        found += [charge["id"] for charge in answer["data"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert len(found) == 5
    assert found == sorted(found, reverse=True)


def test_prices_are_listed_shown_and_compared(admin: httpx.Client) -> None:
    versions = admin.get("/admin/prices").json()["data"]
    assert [v["version"] for v in versions if v["in_force"]] == ["2026-09-25"]
    now = admin.get("/admin/prices/show").json()
    assert now["version"] == "2026-09-25"
    then = admin.get("/admin/prices/show?at=2026-05-01").json()
    assert then["version"] == "2026-04-28"
    changes = admin.get("/admin/prices/diff?from=2026-04-28&to=2026-09-25").json()["data"]
    assert {change["change"] for change in changes} >= {"added"}
    assert admin.get("/admin/prices/show?at=2020-01-01").status_code == 404
    assert admin.get("/admin/prices/diff?from=x&to=y").status_code == 404
    assert admin.get("/admin/prices/diff?from=x").status_code == 400


def test_a_quote_spends_nothing(served: Served, upstream: Standin) -> None:
    admin = served.admin
    admin.post("/admin/keys", json={"name": "poor", "daily_budget_usd": "0.01"})
    path = "/api/v3/google/gemini-3.1-flash-image-preview/text-to-image"
    body = {"path": path, "body": {"prompt": "a cat", "size": "2K"}}
    asked = len(upstream.calls)
    free = admin.post("/admin/quote", json=body).json()
    poor = admin.post("/admin/quote", json={**body, "key": "poor"}).json()
    assert (free["price_usd"], free["admitted"]) == ("0.060600", True)
    assert (poor["admitted"], poor["refusal"]["type"]) == (False, "budget_exceeded")
    assert len(upstream.calls) == asked
