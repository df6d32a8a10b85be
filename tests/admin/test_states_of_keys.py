"""A key's state: what a list can be asked for, and that a revoked own key is not adopted again."""

import httpx
import pytest

from tests.admin.serving import Served

OWN = "abcdefabcdef0123"


@pytest.fixture(scope="module")
def team(served: Served) -> httpx.Client:
    """Make a key of each state in one team, and one of another team."""
    for name, state in (("calls", ""), ("waits", "pause"), ("ended", "")):
        served.admin.post("/admin/keys", json={"name": name, "team": "states"})
        if state:
            served.admin.post(f"/admin/keys/{name}/{state}")
    served.admin.delete("/admin/keys/ended")
    served.admin.post("/admin/keys", json={"name": "stranger", "team": "else"})
    return served.admin


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", ["calls", "ended", "waits"]),
        ("&state=active", ["calls"]),
        ("&state=paused", ["waits"]),
        ("&state=revoked", ["ended"]),
    ],
)
def test_keys_are_listed_by_team_and_state(
    team: httpx.Client, asked: str, names: list[str]
) -> None:
    found = team.get(f"/admin/keys?team=states{asked}").json()["data"]
    assert [key["name"] for key in found] == names


def test_a_revoked_own_key_cannot_be_adopted_again(admin: httpx.Client) -> None:
    adopted = {"fingerprint": OWN, "name": "left", "daily_budget_usd": "1"}
    assert admin.post("/admin/keys/adopt", json=adopted).is_success
    assert admin.delete("/admin/keys/left").json()["state"] == "revoked"
    again = {**adopted, "name": "back", "daily_budget_usd": "9"}
    assert admin.post("/admin/keys/adopt", json=again).status_code == 409
    key = admin.get(f"/admin/keys/{OWN}").json()
    assert (key["name"], key["state"], key["daily_budget_usd"]) == ("left", "revoked", "1.000000")
