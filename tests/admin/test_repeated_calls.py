"""A call about a key that is sent twice does one thing; one on top of somebody else's does none."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.admin.serving import Served, serving
from tests.admin.test_keys import made
from tests.postgres import Postgres
from tests.standin.server import Standin

ONCE = {"idempotency-key": "the first try"}


def test_a_rotation_that_is_repeated_leaves_the_secret_in_use_alone(
    admin: httpx.Client, served: Served
) -> None:
    old = made(admin, "rot").json()["key"]
    path = "/admin/keys/rot/rotate"
    new = admin.post(path, json={"grace_s": 3600}).json()["key"]
    again = admin.post(path, json={"grace_s": 3600})
    error = again.json()["error"]
    assert (again.status_code, error["type"]) == (409, "conflict")
    assert error["details"]["old_secret_until"].endswith("+00:00")
    assert error["details"]["old_secret_until"][:16] in error["message"]
    assert 'send "force": true' in error["message"]
    assert [served.submit(secret).status_code for secret in (old, new)] == [200, 200]
    third = admin.post(path, json={"grace_s": 3600, "force": True}).json()["key"]
    assert [served.submit(secret).status_code for secret in (old, new, third)] == [401, 200, 200]
    assert admin.post(path).status_code == 200, "without a grace all that was before ends"
    assert [served.submit(secret).status_code for secret in (new, third)] == [401, 401]


CALLS = [("rotate", {}), ("pause", {}), ("resume", {}), ("top-up", {"usd": "1"})]


@pytest.mark.parametrize(("call", "body"), CALLS)
def test_what_somebody_else_has_changed_is_left_alone(
    call: str, body: dict[str, str], admin: httpx.Client
) -> None:
    name = f"stale-{call}"
    read = made(admin, name).headers["etag"]
    admin.patch(f"/admin/keys/{name}", json={"mode": "shadow"})
    before = admin.get(f"/admin/keys/{name}")
    path = f"/admin/keys/{name}/{call}"
    stale = admin.post(path, json=body, headers={"if-match": read})
    assert (stale.status_code, stale.json()["error"]["type"]) == (412, "version_mismatch")
    assert admin.get(f"/admin/keys/{name}").json() == before.json()
    fresh = admin.post(path, json=body, headers={"if-match": before.headers["etag"]})
    assert fresh.status_code == 200


def test_an_own_key_that_somebody_else_has_adopted_is_left_alone(admin: httpx.Client) -> None:
    body = {"fingerprint": "a" * 16, "name": "theirs"}
    read = admin.post("/admin/keys/adopt", json=body).headers["etag"]
    now = admin.patch("/admin/keys/theirs", json={"team": "t"}).headers["etag"]
    for tag, fingerprint, status in [(read, "a", 412), (read, "b", 412), (now, "a", 200)]:
        answer = admin.post(
            "/admin/keys/adopt",
            json={"fingerprint": fingerprint * 16, "name": "ours"},
            headers={"if-match": tag},
        )
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize("call", ["pause", "resume"])
def test_a_team_that_somebody_else_has_changed_is_left_alone(
    call: str, admin: httpx.Client
) -> None:
    admin.put("/admin/teams/moving", json={"daily_budget_usd": "1"})
    now = admin.put("/admin/teams/moving", json={"daily_budget_usd": "2"}).headers["etag"]
    path = f"/admin/teams/moving/{call}"
    assert admin.post(path, headers={"if-match": '"1"'}).status_code == 412
    assert admin.post(path, headers={"if-match": now}).status_code == 200
    new = admin.put("/admin/teams/never-seen", json={}, headers={"if-match": '"3"'})
    assert new.status_code == 412, "what is not there has no version"


def test_a_top_up_that_is_repeated_adds_once_and_answers_the_same(admin: httpx.Client) -> None:
    made(admin, "fuller", daily_budget_usd="1")
    path = "/admin/keys/fuller/top-up"
    first, second = (admin.post(path, json={"usd": "0.5"}, headers=ONCE) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])
    assert admin.get("/admin/keys/fuller").json()["top_up_usd"] == "0.500000"
    old = {**ONCE, "if-match": '"1"'}
    assert admin.post(path, json={"usd": "0.5"}, headers=old).content == first.content
    other = admin.post(path, json={"usd": "0.6"}, headers=ONCE)
    assert (other.status_code, other.json()["error"]["type"]) == (422, "idempotency_mismatch")
    more = admin.post(path, json={"usd": "0.5"}, headers={"idempotency-key": "another"})
    assert more.json()["top_up_usd"] == "1.000000"


def test_a_key_whose_answer_was_lost_is_made_once(admin: httpx.Client) -> None:
    body, headers = {"name": "lost"}, {"idempotency-key": "make lost"}
    first = admin.post("/admin/keys", json=body, headers=headers)
    again = admin.post("/admin/keys", json=body, headers=headers)
    error = again.json()["error"]
    assert (first.status_code, again.status_code, error["type"]) == (201, 409, "already_done")
    assert f"made key 'lost' ({first.json()['id']})" in error["message"]
    assert (error["details"]["did"], error["details"]["key"]) == ("made", "lost")


def test_a_rotation_whose_answer_was_lost_happens_once(admin: httpx.Client, served: Served) -> None:
    made(admin, "turned")
    path, headers = "/admin/keys/turned/rotate", {"idempotency-key": "turn it"}
    new = admin.post(path, headers=headers).json()
    again = admin.post(path, headers=headers)
    assert (again.status_code, again.json()["error"]["type"]) == (409, "already_done")
    assert "rotated key 'turned'" in again.json()["message"]
    assert served.submit(new["key"]).status_code == 200
    assert admin.get("/admin/keys/turned").json()["version"] == new["version"]


def test_a_refused_call_frees_its_idempotency_key(admin: httpx.Client) -> None:
    path, headers = "/admin/keys/later/top-up", {"idempotency-key": "freed"}
    assert admin.post(path, json={"usd": "1"}, headers=headers).status_code == 404
    made(admin, "later")
    assert admin.post(path, json={"usd": "1"}, headers=headers).status_code == 200


@pytest.mark.parametrize("value", ["", "x" * 256, "a\xa0b"])
def test_an_idempotency_key_that_cannot_be_kept_is_refused(value: str, admin: httpx.Client) -> None:
    headers = [("idempotency-key", value.encode("latin-1"))]
    answer = admin.post("/admin/keys", json={"name": "never"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["member"] == "Idempotency-Key"
    two = [("idempotency-key", "a"), ("idempotency-key", "b")]
    assert admin.post("/admin/keys", json={"name": "never"}, headers=two).status_code == 400


def test_another_process_knows_what_was_done_and_no_secret_is_kept(
    served: Served, upstream: Standin, tmp_path: Path
) -> None:
    url = served.environ["FAREBOX_DATABASE_URL"]
    headers = {"idempotency-key": "over there"}
    body = {"name": "shared-once"}
    secret = served.admin.post("/admin/keys", json=body, headers=headers).json()["key"]
    top_up = ("/admin/keys/shared-once/top-up", {"usd": "1"}, {"idempotency-key": "more"})
    first = served.admin.post(top_up[0], json=top_up[1], headers=top_up[2])
    with serving(tmp_path, upstream.url, FAREBOX_DATABASE_URL=url) as second:
        assert second.admin.post("/admin/keys", json=body, headers=headers).status_code == 409
        again = second.admin.post(top_up[0], json=top_up[1], headers=top_up[2])
        assert again.content == first.content
    database = Path(url.removeprefix("sqlite:///"))
    for file in (database, Path(f"{database}-wal")):
        assert secret.encode() not in file.read_bytes()


def test_of_many_at_once_one_is_done_on_two_nodes(
    postgres: Postgres, upstream: Standin, tmp_path: Path
) -> None:
    database = {"FAREBOX_DATABASE_URL": postgres.create()}
    with (
        serving(tmp_path, upstream.url, **database) as one,
        serving(tmp_path, upstream.url, **database) as two,
    ):
        read = made(one.admin, "raced", daily_budget_usd="1").headers["etag"]
        path = "/admin/keys/raced/top-up"
        told = _at_once(
            [one, two] * 4, path, {"usd": "1"}, {"idempotency-key": "once", "if-match": read}
        )
        assert [status for status, _ in told] == [200] * 8
        assert len({body for _, body in told}) == 1
        now = two.admin.get("/admin/keys/raced")
        assert now.json()["top_up_usd"] == "1.000000"
        told = _at_once([one, two] * 4, path, {"usd": "1"}, {"if-match": now.headers["etag"]})
        assert sorted(status for status, _ in told) == [200] + [412] * 7
        told = _at_once([one, two] * 4, "/admin/keys/raced/rotate", {"grace_s": 60}, {})
        assert sorted(status for status, _ in told) == [200] + [409] * 7


def _at_once(
    nodes: list[Served], path: str, body: dict[str, object], headers: dict[str, str]
) -> list[tuple[int, bytes]]:
    """Send the same to each at the same time; every status and body."""

    def send(node: Served) -> tuple[int, bytes]:
        answer = node.admin.post(path, json=body, headers=headers)
        return answer.status_code, answer.content

    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(send, nodes))
