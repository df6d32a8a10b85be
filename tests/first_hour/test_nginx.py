"""Two nodes on one PostgreSQL behind a real nginx: TLS, forwarded headers, a path prefix."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from tests.clients.run import run_client
from tests.first_hour.nginx import Nginx, in_front
from tests.postgres import Postgres, postgres  # noqa: F401 - the fixture
from tests.relay.house import ADMIN_TOKEN, PATH, PRICE_MICROS, Farebox, prediction_of, running
from tests.standin.server import Standin

TURNS = 8  # calls enough to meet both nodes


@dataclass(frozen=True)
class Site:
    """What callers see, and what stands behind it."""

    nginx: Nginx
    nodes: tuple[Farebox, Farebox]
    upstream: Standin

    def client(self, key: str = "") -> httpx.Client:
        headers = {"Authorization": key} if key else {}
        return httpx.Client(verify=self.nginx.trust, trust_env=False, headers=headers, timeout=30)

    def key(self, name: str, *, images: int) -> str:
        """Make a key for so many images a day, and wait until both nodes know it."""
        secret = self.nodes[0].key(name, daily_micros=images * PRICE_MICROS)
        self.nodes[1].until(lambda: self.nodes[1].budget(secret).status_code == 200)
        return secret


@pytest.fixture(scope="module")
def site(
    postgres: Postgres,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    settings = {"database_url": postgres.create(), "trusted_proxies": "127.0.0.1"}
    with ExitStack() as stack:
        upstream = stack.enter_context(Standin(polls=1))
        one, two = (
            stack.enter_context(running(tmp_path_factory.mktemp(name), upstream.url, **settings))
            for name in ("one", "two")
        )
        addresses = [node.url.removeprefix("http://") for node in (one, two)]
        nginx = stack.enter_context(in_front(tmp_path_factory.mktemp("nginx"), *addresses))
        yield Site(nginx, (one, two), upstream)


def test_poll_urls_carry_scheme_host_and_prefix_and_work(site: Site) -> None:
    with site.client(site.key("polling", images=5)) as client:
        taken = client.post(f"{site.nginx.url}{PATH}", json={"prompt": "a cat"})
        get = taken.json()["data"]["urls"]["get"]
        assert get.startswith(f"{site.nginx.url}/api/v3/predictions/{prediction_of(taken)}")
        seen = [client.get(get) for _ in range(3)]
    assert [answer.status_code for answer in seen] == [200] * 3
    assert seen[-1].headers["x-farebox-charge-state"] == "settled"


def test_a_path_reaches_the_upstream_as_the_caller_wrote_it(site: Site) -> None:
    path = "/api/v3/predictions/a%2Fb%3Ac/result?a=%2F%7e&b=%20c"
    with site.client("sk-a-key-of-its-own") as client:
        client.get(f"{site.nginx.url}{path}")
    assert site.upstream.last("/predictions/a").target == path.encode()


def test_one_budget_binds_both_nodes(site: Site) -> None:
    key = site.key("shared", images=5)
    with site.client(key) as client, ThreadPoolExecutor(TURNS) as callers:
        answers = list(
            callers.map(
                lambda _: client.post(f"{site.nginx.url}{PATH}", json={"prompt": "a cat"}),
                range(3 * TURNS),
            )
        )
        left = client.get(f"{site.nginx.url}/budget").json()["remaining_usd"]
    assert {answer.headers["x-node"] for answer in answers} == {
        node.url.removeprefix("http://") for node in site.nodes
    }
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [402] * (3 * TURNS - 5)
    assert left == "0.000000"


def test_a_client_of_the_article_gets_its_picture(site: Site) -> None:
    key = site.key("article", images=5)
    trusted = str(site.nginx.certificate)
    ran = run_client("article", site.nginx.url, key, REQUESTS_CA_BUNDLE=trusted)
    assert ran.outcome == "completed", ran


def test_the_page_s_login_works_below_the_prefix_on_both_nodes(site: Site) -> None:
    base = site.nginx.url
    with site.client() as client:
        client.base_url = httpx.URL(f"{base}/")
        turned_away = client.get("")
        assert (turned_away.status_code, turned_away.headers["location"]) == (303, "/farebox/login")
        form = client.get("login").text
        loaded = set(re.findall(r'(?:src|href)="(/[^"#]*)"', form))
        assert any("/static/" in path for path in loaded)
        assert all(path.startswith("/farebox/") for path in loaded), loaded
        for path in loaded:
            found = client.get(f"{base.removesuffix('/farebox')}{path}", follow_redirects=True)
            assert found.status_code == 200, path
        entered = _logged_in(client)
        cookie = entered.headers["set-cookie"]
        assert entered.headers["location"] == "/farebox/"
        for part in ("Path=/farebox/", "Secure", "HttpOnly", "SameSite=strict"):
            assert part.lower() in cookie.lower(), cookie
        seen = {client.get("").headers["x-node"] for _ in range(TURNS)}
        assert len(seen) == 2
        assert client.get("keys").status_code == 200


def _logged_in(client: httpx.Client) -> httpx.Response:
    form = re.search(r'name="csrf" value="([^"]+)"', client.get("login").text)
    assert form
    return client.post("login", data={"csrf": form[1], "secret": ADMIN_TOKEN})


def test_the_metrics_are_not_shown_through_nginx(site: Site) -> None:
    with site.client() as client:
        assert client.get(f"{site.nginx.url}/metrics").status_code == 404
        moved = client.get(site.nginx.url)
    assert (moved.status_code, moved.headers["location"][-9:]) == (308, "/farebox/")


def test_forwarded_headers_of_a_stranger_are_not_believed(site: Site) -> None:
    """nginx says itself what came; what the caller says about it does not count."""
    lies = {
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
    }
    with site.client(site.key("lying", images=1)) as client:
        taken = client.post(f"{site.nginx.url}{PATH}", json={"prompt": "a cat"}, headers=lies)
    assert taken.json()["data"]["urls"]["get"].startswith(f"{site.nginx.url}/api/v3/")


def test_calls_go_on_when_a_node_has_ended(site: Site) -> None:
    key = site.key("surviving", images=2 * TURNS)
    assert site.nodes[1].end() == 0
    with site.client(key) as client:
        for _ in range(TURNS):
            taken = client.post(f"{site.nginx.url}{PATH}", json={"prompt": "a cat"})
            assert taken.status_code == 200
            assert client.get(taken.json()["data"]["urls"]["get"]).status_code == 200
        spent = client.get(f"{site.nginx.url}/budget").json()
    assert spent["remaining_usd"] == f"{TURNS * PRICE_MICROS / 1e6:.6f}"
