"""The audit speaks the language of the API, whatever is kept of a change."""

import hashlib
from typing import Any

import httpx
import pytest

from proxy.admin.audit_shown import audited
from tests.admin.test_keys import made


def test_a_change_of_a_key_is_told_in_the_words_of_the_api(admin: httpx.Client) -> None:
    first = made(
        admin, "told", daily_budget_usd="5", expires_at="2031-01-01T00:00:00Z",
        timezone="Europe/Berlin", models=["gemini-2.5-flash-image"],
    ).json()  # fmt: skip
    second = admin.post("/admin/keys/told/rotate", json={"grace_s": 60}).json()
    admin.patch("/admin/keys/told", json={"daily_budget_usd": "unlimited", "mode": "shadow"})
    answer = admin.get("/admin/audit?subject=told")
    changed, rotated, created = answer.json()["data"]
    assert created["before"] is None
    assert created["after"]["expires_at"] == "2031-01-01T00:00:00Z"
    assert (changed["before"]["daily_budget_usd"], changed["before"]["mode"]) == (
        "5.000000", "enforce"
    )  # fmt: skip
    now = admin.get("/admin/keys/told").json()
    assert changed["after"] == {n: v for n, v in now.items() if n != "warnings"} | {
        "fingerprint": None
    }
    assert rotated["before"]["old_secret_until"] is None
    assert rotated["after"]["old_secret_until"] == second["old_secret_until"]
    for secret in (first["key"], second["key"]):
        assert secret not in answer.text
        assert hashlib.sha256(secret.encode()).hexdigest()[:16] not in answer.text
    assert not [word for word in ("_micros", '_us"', "\\\\") if word in answer.text]


def test_a_change_of_a_team_is_told_in_the_words_of_the_api(admin: httpx.Client) -> None:
    for limit in ("5", "6"):
        admin.put("/admin/teams/told-team", json={"daily_budget_usd": limit})
    second, first = admin.get("/admin/audit?subject=told-team").json()["data"]
    assert first["before"] is None
    assert second["before"] == first["after"]
    assert second["after"] == {
        "name": "told-team",
        "daily_budget_usd": "6.000000",
        "monthly_budget_usd": None,
        "state": "active",
        "version": 2,
    }


@pytest.mark.parametrize(
    ("action", "kept", "told"),
    [
        ("charge.release", "", None),
        ("charge.release", "released", {"state": "released"}),
        ("charge.charge", "settled 0.040200", {"state": "settled", "settled_usd": "0.040200"}),
        ("prices.add", "1234", {"sha256": "1234"}),
        ("ledger.restore", "4", {"reopened": 4}),
        ("reconcile", '{"lines": 3}', {"lines": 3}),
        ("to.come", "a word", {"text": "a word"}),
    ],
)
def test_what_was_kept_as_a_word_is_an_object_too(action: str, kept: str, told: Any) -> None:
    assert audited(action, kept, 0) == told


def test_what_an_older_version_kept_of_a_key_can_still_be_told() -> None:
    told = audited("key.set", '{"name": "web", "id": "key_1", "zone": null, "shadow": true}', 0)
    assert told is not None
    assert (told["name"], told["mode"]) == ("web", "shadow")
    assert "created_at" not in told
