"""The page on PostgreSQL and several workers: one login is known to all, every page is read."""

import re
import time
from pathlib import Path

import httpx

from tests.page.house import House, log_in, mark, serving
from tests.page.test_routes import PAGES
from tests.postgres import Postgres, postgres  # noqa: F401 - the fixture

TURNS = 12  # new connections, so that every worker is asked


def first_call(house: House, secret: str) -> httpx.Response:
    """Call once every worker has heard of the key, which may take a second."""
    end = time.monotonic() + 10
    while (answer := house.call(secret)).status_code == 401 and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def test_one_login_is_known_to_every_worker_and_every_page_reads_postgresql(
    postgres: Postgres,  # noqa: F811
    tmp_path: Path,
) -> None:
    url = postgres.create()
    settings = {"FAREBOX_DATABASE_URL": url, "FAREBOX_WORKERS": "2"}
    with serving(tmp_path / "unused.db", **settings) as house, house.admin() as admin:
        form = {"csrf": mark(admin.get("/keys/new").text), "name": "shared", "team": "both"}
        made = admin.post("/keys/new", data=form)
        secret = re.search(r'value="(sk-fb-[^"]+)"', made.text)
        assert secret
        charge_id = first_call(house, secret[1]).headers["x-farebox-charge-id"]
        for path in (*PAGES, f"/charges/{charge_id}", "/keys/shared", "/spend?by=month"):
            assert admin.get(path).status_code == 200, path
        for _ in range(TURNS):
            with house.client() as client:
                client.cookies = admin.cookies
                assert "shared" in client.get("/").text
        with house.client() as client:
            assert log_in(client, secret[1]).headers["location"] == "/my"
            assert charge_id in client.get("/my").text
