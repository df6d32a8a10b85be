"""The same administration on PostgreSQL, two nodes on one database."""

import time
from pathlib import Path

from tests.admin.serving import Served, serving
from tests.notify.receiver import Receiver
from tests.postgres import Postgres
from tests.standin.server import Standin


def test_keys_charges_and_thresholds_work_across_two_nodes(
    postgres: Postgres, upstream: Standin, tmp_path: Path
) -> None:
    database = {"FAREBOX_DATABASE_URL": postgres.create(), "FAREBOX_NOTIFY_AT": "50"}
    with (
        Receiver() as receiver,
        serving(tmp_path, upstream.url, **database, FAREBOX_NOTIFY_URL=receiver.url) as one,
        serving(tmp_path, upstream.url, **database, FAREBOX_NOTIFY_URL=receiver.url) as two,
    ):
        body = {"name": "web", "team": "design", "daily_budget_usd": "0.06"}
        secret = one.admin.post("/admin/keys", json=body).json()["key"]
        assert two.admin.get("/admin/keys/web").json()["team"] == "design"
        _until(two, secret, 200)
        assert receiver.taken(1)[0].facts["state"] == "raised"
        (charge,) = one.admin.get("/admin/charges?key=web&state=open&from=2026-01-01").json()[
            "data"
        ]
        path = f"/admin/charges/{charge['id']}/release"
        assert two.admin.post(path, json={"why": "a test"}).json()["state"] == "released"
        assert receiver.taken(1)[0].facts["state"] == "resolved", "told once, by one of the two"
        assert one.admin.delete("/admin/keys/web").status_code == 200
        _until(two, secret, 401)
        assert one.admin.get("/admin/verify").json() == {"ok": True, "differences": []}
        actions = [e["action"] for e in two.admin.get("/admin/audit?limit=2").json()["data"]]
        assert actions == ["key.revoke", "charge.release"]
        assert receiver.deliveries.empty()


def _until(farebox: Served, secret: str, status: int) -> None:
    """Ask until the answer is the one; the promise is a second, a machine under load gets ten."""
    end = time.monotonic() + 10
    while (seen := farebox.submit(secret).status_code) != status:
        assert time.monotonic() < end, seen


def test_a_text_that_postgresql_cannot_keep_is_refused_by_name(
    postgres: Postgres, upstream: Standin, tmp_path: Path
) -> None:
    why = {"why": "it\0broke"}
    with serving(tmp_path, upstream.url, FAREBOX_DATABASE_URL=postgres.create()) as farebox:
        secret = farebox.admin.post("/admin/keys", json={"name": "web"}).json()["key"]
        charge = farebox.submit(secret).headers["x-farebox-charge-id"]
        for path in ("keys/web/pause", f"charges/{charge}/release"):
            refused = farebox.admin.post(f"/admin/{path}", json=why)
            assert refused.status_code == 400
            assert (
                refused.json()["error"]["message"] == "'why': a text cannot hold the character NUL."
            )
