"""Keys over REST: made, shown, changed by two admins, obeyed by every process."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from proxy.admin.asked import KeyFacts
from proxy.admin.shown import Figures
from tests.admin.serving import Served, serving
from tests.standin.server import Standin

HTTP_WAIT_S = 10.0


def made(admin: httpx.Client, name: str, **facts: object) -> httpx.Response:
    answer = admin.post("/admin/keys", json={"name": name, **facts})
    assert answer.status_code == 201, answer.text
    return answer


def test_a_key_is_made_with_all_that_can_be_said_of_it(admin: httpx.Client) -> None:
    facts = {
        "team": "design",
        "daily_budget_usd": "5",
        "monthly_budget_usd": "unlimited",
        "timezone": "Europe/Berlin",
        "models": ["gemini-2.5-flash-image", "gemini-3-pro-image-preview@1K"],
        "max_price_usd": "0.1",
        "expires_at": "2031-01-01T00:00:00+01:00",
        "mode": "shadow",
        "tags": {"project": "spring"},
        "upstream_key_env": "OTHER_KEY",
    }
    answer = made(admin, "all", **facts)
    shown = answer.json()
    assert shown["key"].startswith("sk-fb-")
    assert len(shown["fingerprint"]) == 16
    assert shown["daily_budget_usd"] == "5.000000"
    assert shown["monthly_budget_usd"] == "unlimited"
    assert shown["expires_at"] == "2030-12-31T23:00:00Z"
    same = ("team", "timezone", "models", "mode", "tags", "upstream_key_env")
    assert {name: shown[name] for name in same} == {name: facts[name] for name in same}
    for named in ("all", shown["id"]):
        again = admin.get(f"/admin/keys/{named}")
        assert again.json() == {n: v for n, v in shown.items() if n != "key"}
        assert again.headers["etag"] == answer.headers["etag"]


def test_no_answer_but_the_first_shows_the_secret(admin: httpx.Client, served: Served) -> None:
    secret = made(admin, "once").json()["key"]
    for path in ("/admin/keys", "/admin/keys/once", "/admin/audit", "/admin/keys/once/budget"):
        assert secret not in admin.get(path).text
    database = Path(served.environ["FAREBOX_DATABASE_URL"].removeprefix("sqlite:///"))
    for file in (database, Path(f"{database}-wal")):
        assert secret.encode() not in file.read_bytes()


REFUSED = [
    ({}, "name"),
    ({"name": "a b"}, "name"),
    ({"name": ".."}, "name"),
    ({"name": "n", "team": "."}, "team"),
    ({"name": "x" * 65}, "name"),
    ({"name": "own-0123456789abcdef"}, "name"),
    ({"name": "key_0123456789abcd"}, "name"),
    ({"name": "n", "colour": "red"}, "colour"),
    ({"nmae": "n"}, "nmae"),
    ({"name": "n", "key": "sk-mine"}, "key"),
    ({"name": "n", "daily_budget_usd": 5}, "daily_budget_usd"),
    ({"name": "n", "daily_budget_usd": 0.1}, "daily_budget_usd"),
    ({"name": "n", "daily_budget_usd": "-1"}, "daily_budget_usd"),
    ({"name": "n", "daily_budget_usd": "0.0000001"}, "daily_budget_usd"),
    ({"name": "n", "daily_budget_usd": "1e3"}, "daily_budget_usd"),
    ({"name": "n", "daily_budget_usd": "1000000.01"}, "daily_budget_usd"),
    ({"name": "n", "daily_budget_usd": "none"}, "daily_budget_usd"),
    ({"name": "n", "timezone": "Mars/Base"}, "timezone"),
    ({"name": "n", "timezone": "../../etc/passwd"}, "timezone"),
    ({"name": "n", "models": "a,b"}, "models"),
    ({"name": "n", "models": ["a", 1]}, "models.1"),
    ({"name": "n", "max_price_usd": "unlimited"}, "max_price_usd"),
    ({"name": "n", "expires_at": "2031-01-01"}, "expires_at"),
    ({"name": "n", "expires_at": "2031-01-01T00:00:00"}, "expires_at"),
    ({"name": "n", "expires_at": "1999-01-01T00:00:00Z"}, "expires_at"),
    ({"name": "n", "mode": "observe"}, "mode"),
    ({"name": "n", "team": "*"}, "team"),
    ({"name": "n", "tags": {"Project": "x"}}, "tags.Project"),
    ({"name": "n", "upstream_key_env": "A B"}, "upstream_key_env"),
]


@pytest.mark.parametrize(("body", "member"), REFUSED)
def test_what_is_not_understood_is_refused_by_name(
    body: dict[str, object], member: str, admin: httpx.Client
) -> None:
    answer = admin.post("/admin/keys", json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["details"]["member"] == member
    assert member in error["message"]
    assert admin.get("/admin/keys/n").status_code == 404


def test_a_member_of_null_is_as_if_it_were_not_there(admin: httpx.Client) -> None:
    nothing = dict.fromkeys(KeyFacts.model_fields)
    spelled, bare = made(admin, "nulls", **nothing).json(), made(admin, "bare").json()
    its_own = {"id", "name", "key", "prefix", "fingerprint", "created_at", "version"}
    same = bare.keys() - its_own
    assert {n: spelled[n] for n in same} == {n: bare[n] for n in same}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"name": NaN}', b"\xff", b"[" * 9999]
)
def test_what_is_no_object_is_refused(body: bytes, admin: httpx.Client) -> None:
    answer = admin.post("/admin/keys", content=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({"daily_budget_usd": "7"}, {"daily_budget_usd": "7.000000"}),
        ({"daily_budget_usd": "unlimited"}, {"daily_budget_usd": "unlimited"}),
        ({"daily_budget_usd": None}, {"daily_budget_usd": None}),
        ({"team": None}, {"team": None}),
        ({"models": None}, {"models": []}),
        ({"mode": "shadow"}, {"mode": "shadow"}),
        ({"mode": None}, {"mode": "enforce"}),
        ({"expires_at": None}, {"expires_at": None}),
        ({"name": "changed-2", "tags": {"a": "b"}}, {"name": "changed-2", "tags": {"a": "b"}}),
        ({}, {}),
    ],
)
def test_a_change_touches_only_what_it_names(
    change: dict[str, object], now: dict[str, object], admin: httpx.Client
) -> None:
    facts = {"team": "t", "daily_budget_usd": "1", "models": ["x"], "mode": "enforce"}
    before = made(admin, f"changed-{time.monotonic_ns()}", **facts).json()
    answer = admin.patch(f"/admin/keys/{before['id']}", json=change)
    shown = answer.json()
    assert answer.status_code == 200, answer.text
    untouched = before.keys() - now.keys() - {"version", "key", "warnings"}
    assert {n: shown[n] for n in untouched} == {n: before[n] for n in untouched}
    assert {n: shown[n] for n in now} == now


def test_an_allow_list_with_what_nobody_sells_is_doubted(admin: httpx.Client) -> None:
    unknown, known = "gemnii-2.5-flash-image", "gemini-2.5-flash-image"
    doubted = made(admin, "doubted", models=[unknown, known]).json()
    assert doubted["models"] == [unknown, known], "taken as asked"
    assert doubted["warnings"] == [
        "no price table knows 'gemnii-2.5-flash-image'; did you mean 'gemini-2.5-flash-image'?"
    ]
    changed = admin.patch("/admin/keys/doubted", json={"models": [f"{known}@9K"]}).json()
    assert "no price table knows 'gemini-2.5-flash-image@9K'" in changed["warnings"][0]
    assert admin.get("/admin/keys/doubted").json()["warnings"] == changed["warnings"]
    body = {"fingerprint": "f" * 16, "name": "the-doubted-own", "models": [unknown]}
    assert len(admin.post("/admin/keys/adopt", json=body).json()["warnings"]) == 1
    assert admin.patch("/admin/keys/doubted", json={"models": [known]}).json()["warnings"] == []


def test_of_two_admins_the_second_is_told_to_read_again(admin: httpx.Client) -> None:
    made(admin, "shared")
    read = admin.get("/admin/keys/shared").headers["etag"]
    first = admin.patch(
        "/admin/keys/shared", json={"daily_budget_usd": "1"}, headers={"if-match": read}
    )
    second = admin.patch(
        "/admin/keys/shared", json={"daily_budget_usd": "2"}, headers={"if-match": read}
    )
    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["error"]["type"] == "version_mismatch"
    assert admin.get("/admin/keys/shared").json()["daily_budget_usd"] == "1.000000"
    assert admin.delete("/admin/keys/shared", headers={"if-match": read}).status_code == 412
    now = first.headers["etag"]
    assert admin.delete("/admin/keys/shared", headers={"if-match": now}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ([b'"1"'], 200),
        ([b'"9", "1"'], 200),
        ([b'W/"1","9"'], 200),
        ([b'"other", "1"'], 200),
        ([b'"9"', b'"1"'], 200),
        ([b"*"], 200),
        ([b'"9", "8"'], 412),
        ([b'"other"'], 412),
        ([b""], 412),
    ],
)
def test_one_of_the_versions_that_are_named_is_enough(
    sent: list[bytes], status: int, admin: httpx.Client
) -> None:
    name = f"matched-{time.monotonic_ns()}"
    made(admin, name)
    headers = [(b"if-match", value) for value in sent]
    answer = admin.patch(f"/admin/keys/{name}", json={"team": "u"}, headers=headers)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b'{"name": "twice", "team": "a", "team": "b"}', "team"),
        (b'{"name": "twice", "tags": {"x": "1", "x": "2"}}', "x"),
        (b'{"name": "twice", "n\\u0061me": "other"}', "name"),
    ],
)
def test_a_member_that_stands_twice_is_refused(
    body: bytes, member: str, admin: httpx.Client
) -> None:
    answer = admin.post("/admin/keys", content=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["details"]) == (400, {"member": member})
    assert f"'{member}' stands twice" in error["message"]


def test_an_expiry_that_lies_in_the_past_is_named(admin: httpx.Client) -> None:
    body = {"name": "past", "expires_at": "2020-01-01T00:00:00Z"}
    for path, more in [("/admin/keys", {}), ("/admin/keys/adopt", {"fingerprint": "e" * 16})]:
        error = admin.post(path, json={**body, **more}).json()["error"]
        assert error["message"] == "'expires_at': it lies in the past."
        assert error["details"] == {"member": "expires_at"}


def test_a_revoked_key_stays_revoked(admin: httpx.Client) -> None:
    made(admin, "gone")
    assert admin.delete("/admin/keys/gone").json()["state"] == "revoked"
    assert admin.delete("/admin/keys/gone").status_code == 200
    for call in ("pause", "resume", "rotate"):
        assert admin.post(f"/admin/keys/gone/{call}").status_code == 409
    assert admin.patch("/admin/keys/gone", json={"mode": "shadow"}).status_code == 409
    assert admin.post("/admin/keys/gone/top-up", json={"usd": "1"}).status_code == 409


def test_names_are_taken_once(admin: httpx.Client) -> None:
    made(admin, "taken")
    made(admin, "other")
    assert admin.post("/admin/keys", json={"name": "taken"}).status_code == 409
    assert admin.patch("/admin/keys/other", json={"name": "taken"}).status_code == 409
    assert admin.patch("/admin/keys/other", json={"name": "other"}).status_code == 200


def test_an_unknown_key_is_told_the_nearest(admin: httpx.Client) -> None:
    made(admin, "checkout")
    answer = admin.get("/admin/keys/chekout")
    assert answer.status_code == 404
    assert "did you mean 'checkout'?" in answer.json()["message"]


def test_a_list_goes_on_where_it_ended(admin: httpx.Client) -> None:
    for number in range(5):
        made(admin, f"page-{number}", team="paged")
    found, cursor = [], ""
    while True:
        answer = admin.get(f"/admin/keys?team=paged&limit=2{cursor}").json()
        found += [key["name"] for key in answer["data"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert found == [f"page-{number}" for number in range(5)]


@pytest.mark.parametrize(
    "path",
    [
        *("keys?cursor=junk", "keys?cursor=page-1", "keys?cursor=WzFd"),
        *("audit?cursor=q", "audit?cursor=WyJhIl0="),
        *("spend?cursor=q", "spend?cursor=WyJhIl0=", "spend?cursor=%C3%A9", "spend?cursor=W1s="),
        "spend?by=day&cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ==",
        "spend?by=team&cursor=WyJcdWQ4MDAiXQ==",
    ],
)
def test_what_no_list_has_given_out_is_no_cursor(path: str, admin: httpx.Client) -> None:
    made(admin, f"paged-{time.monotonic_ns()}")
    answer = admin.get(f"/admin/{path}")
    error = answer.json()["error"]
    assert (answer.status_code, error["details"]) == (400, {"member": "cursor"})
    assert error["message"].startswith("'cursor': send the next_cursor of the last answer")


def test_a_top_up_is_for_the_running_day(admin: httpx.Client) -> None:
    made(admin, "more", daily_budget_usd="1")
    for _ in range(2):
        admin.post("/admin/keys/more/top-up", json={"usd": "0.5"}).raise_for_status()
    told = admin.get("/admin/keys/more/budget").json()
    budget = told["budgets"][0]
    assert (budget["window"], budget["limit_usd"]) == ("day", "2.000000")
    assert told.items() >= {name: budget[name] for name in Figures.model_fields}.items()
    made(admin, "endless", daily_budget_usd="unlimited")
    assert admin.post("/admin/keys/endless/top-up", json={"usd": "1"}).status_code == 400


def test_a_rotated_key_calls_with_both_secrets_only_during_the_grace(
    admin: httpx.Client, served: Served
) -> None:
    old = made(admin, "rotated", daily_budget_usd="9").json()["key"]
    new = admin.post("/admin/keys/rotated/rotate", json={"grace_s": 3600}).json()["key"]
    assert [served.submit(secret).status_code for secret in (old, new)] == [200, 200]
    last = admin.post("/admin/keys/rotated/rotate").json()["key"]
    assert [served.submit(secret).status_code for secret in (new, last)] == [401, 200]
    spent = admin.get("/admin/keys/rotated/budget").json()["budgets"][0]
    assert spent["reserved_usd"] == "0.120600", "rotation does not reset what was spent"


def test_a_key_says_when_it_was_made_and_how_long_an_old_secret_is_good(
    admin: httpx.Client,
) -> None:
    begun, hour = datetime.now(UTC), timedelta(hours=1)
    fresh = made(admin, "dated").json()
    assert begun <= datetime.fromisoformat(fresh["created_at"]) <= datetime.now(UTC)
    assert fresh["old_secret_until"] is None
    told = admin.post("/admin/keys/dated/rotate", json={"grace_s": 3600}).json()
    assert told["created_at"] == fresh["created_at"]
    until = datetime.fromisoformat(told["old_secret_until"])
    assert begun + hour <= until <= datetime.now(UTC) + hour
    listed = {key["name"]: key for key in admin.get("/admin/keys?limit=1000").json()["data"]}
    for shown in (admin.get("/admin/keys/dated").json(), listed["dated"]):
        for fact in ("created_at", "old_secret_until"):
            assert shown[fact] == told[fact]
    ended = admin.post("/admin/keys/dated/rotate").json()
    assert ended["old_secret_until"] is None


def test_a_callers_own_key_is_adopted_with_what_it_spent(
    admin: httpx.Client, served: Served
) -> None:
    assert served.submit("sk-own-key-of-a-team").status_code == 200
    stranger = next(k for k in admin.get("/admin/keys").json()["data"] if k["own"])
    mark = stranger["fingerprint"]
    body = {"fingerprint": mark, "name": "alice", "daily_budget_usd": "3"}
    answer = admin.post("/admin/keys/adopt", json=body)
    assert (answer.status_code, answer.json()["adopted"]) == (200, True)
    budget = admin.get("/admin/keys/alice/budget").json()["budgets"][0]
    assert (budget["limit_usd"], budget["reserved_usd"]) == ("3.000000", "0.040200")
    assert admin.post("/admin/keys/alice/rotate").status_code == 400


def test_no_other_key_can_be_said_to_pay_for_a_callers_own(admin: httpx.Client) -> None:
    body = {"fingerprint": "d" * 16, "name": "pays-itself"}
    env = {"upstream_key_env": "TEAM_KEY"}
    adopted = admin.post("/admin/keys/adopt", json={**body, **env})
    assert admin.post("/admin/keys/adopt", json={**body, "upstream_key_env": None}).is_success
    for answer in (adopted, admin.patch("/admin/keys/pays-itself", json=env)):
        assert answer.status_code == 400
        assert answer.json()["error"]["details"] == {"member": "upstream_key_env"}
    assert admin.get("/admin/keys/pays-itself").json()["upstream_key_env"] is None


def obeyed(farebox: Served, secret: str, status: int, within_s: float) -> bool:
    """Ask until the answer is the one, or the time is over."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if farebox.submit(secret).status_code == status:
            return True
    return False


def test_what_one_process_changes_another_obeys(
    served: Served, upstream: Standin, tmp_path: Path
) -> None:
    """The promise is a second; a machine under load is given ten."""
    database = {"FAREBOX_DATABASE_URL": served.environ["FAREBOX_DATABASE_URL"]}
    secret = made(served.admin, "far", daily_budget_usd="unlimited").json()["key"]
    with serving(tmp_path, upstream.url, **database) as second:
        assert second.submit(secret).status_code == 200
        served.admin.post("/admin/keys/far/pause").raise_for_status()
        assert obeyed(second, secret, 403, HTTP_WAIT_S)
        second.admin.post("/admin/keys/far/resume").raise_for_status()
        assert obeyed(served, secret, 200, HTTP_WAIT_S)
        served.admin.delete("/admin/keys/far").raise_for_status()
        assert second.admin.get("/admin/keys/far").json()["state"] == "revoked", "read as committed"
        assert obeyed(second, secret, 401, HTTP_WAIT_S)


def test_every_change_is_in_the_audit_with_who_and_why(admin: httpx.Client) -> None:
    made(admin, "seen")
    admin.post("/admin/keys/seen/pause", json={"why": "it runs wild"})
    admin.delete("/admin/keys/seen")
    found = admin.get("/admin/audit?subject=seen").json()["data"]
    assert [(e["action"], e["actor"], e["why"]) for e in found] == [
        ("key.revoke", "admin", None),
        ("key.pause", "admin", "it runs wild"),
        ("key.create", "admin", None),
    ]
    first = admin.get("/admin/audit?limit=1").json()
    after = admin.get(f"/admin/audit?limit=1&cursor={first['next_cursor']}").json()
    assert after["data"][0]["id"] < first["data"][0]["id"]
