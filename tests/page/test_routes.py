"""The page without a browser: who gets in, what forms need, what is escaped."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from proxy.page.session import ADMIN, Session, Signer, begin
from proxy.page.views.login import is_ours
from tests.page.house import TOKEN, House, log_in, mark, serving
from tests.page.made_up import HOSTILE

PAGES = (
    "/",
    "/charges",
    "/uncertain",
    "/spend",
    "/advice",
    "/keys",
    "/keys/new",
    "/teams",
    "/prices",
    "/health",
)
FORMS = (
    "/keys/new", "/keys/adopt", "/keys/web-shop", "/keys/web-shop/rotate", "/keys/web-shop/revoke",
    "/keys/web-shop/pause", "/keys/web-shop/top-up", "/teams", "/teams/pause", "/logout",
    "/charges/fb_1/decide", "/login",
)  # fmt: skip


@pytest.fixture
def admin(house: House) -> Iterator[httpx.Client]:
    with house.admin() as client:
        yield client


@pytest.mark.parametrize("path", [*PAGES, "/my", "/charges/fb_1", "/keys/web-shop"])
def test_nobody_gets_in_without_a_login(house: House, path: str) -> None:
    with house.client() as client:
        answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("path", PAGES)
def test_the_admin_gets_every_page_with_headers_that_protect_it(
    admin: httpx.Client, path: str
) -> None:
    answer = admin.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize("path", [*PAGES, "/charges/fb_1", "/keys/web-shop"])
def test_a_key_sees_no_page_of_the_admin(house: House, path: str) -> None:
    with house.client() as client:
        assert log_in(client, house.secrets["web-shop"]).headers["location"] == "/my"
        answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/my")


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_its_mark_changes_nothing(admin: httpx.Client, path: str) -> None:
    answer = admin.post(path, data={"name": "web-shop", "why": "forged"})
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.text


def test_a_mark_of_another_session_is_none(house: House, admin: httpx.Client) -> None:
    with house.admin() as other:
        theirs = mark(other.get("/keys/new").text)
    assert admin.post("/keys/new", data={"csrf": theirs, "name": "forged"}).status_code == 403


def test_a_form_from_another_site_is_refused_even_with_its_mark(admin: httpx.Client) -> None:
    form = {"csrf": mark(admin.get("/keys/new").text), "name": "forged"}
    answer = admin.post("/keys/new", data=form, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 70_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(300))),
        ("application/x-www-form-urlencoded", b"csrf=\xff"),
        ("multipart/form-data; boundary=x", b"--x--"),
    ],
)
def test_what_is_no_form_is_refused(admin: httpx.Client, content_type: str, body: bytes) -> None:
    answer = admin.post("/keys/new", content=body, headers={"content-type": content_type})
    assert answer.status_code in (400, 403)


def test_the_cookie_can_be_read_by_no_script_and_goes_to_no_other_site(house: House) -> None:
    with house.client() as client:
        sent = log_in(client, TOKEN).headers["set-cookie"]
    assert "HttpOnly" in sent
    assert "SameSite=strict" in sent
    assert "Path=/" in sent
    assert "Max-Age=43200" in sent
    assert "Secure" not in sent, "plain http on the loopback would lose it"
    assert TOKEN not in sent


def test_behind_https_and_a_prefix_cookie_and_links_say_so(tmp_path: Path) -> None:
    public = "https://money.example/farebox"
    with serving(tmp_path / "f.db", FAREBOX_PUBLIC_URL=public) as house, house.client() as client:
        asked = client.get("/login")
        assert 'action="/farebox/login"' in asked.text
        assert "Path=/farebox/" in asked.headers["set-cookie"]
        assert "Secure" in asked.headers["set-cookie"]
        assert "strict-transport-security" in asked.headers
        assert client.get("/").headers["location"] == "/farebox/login"


def test_logging_out_forgets_the_session(admin: httpx.Client) -> None:
    admin.post("/logout", data={"csrf": mark(admin.get("/keys").text)})
    assert admin.get("/").status_code == 303


@pytest.mark.parametrize(
    "after", ["//evil.example", "/\\evil.example", "https://evil.example", "x"]
)
def test_a_login_leads_to_no_other_host(house: House, after: str) -> None:
    with house.client() as client:
        assert log_in(client, TOKEN, next=after).headers["location"] == "/"


def test_a_login_leads_where_one_wanted_to_go(house: House) -> None:
    with house.client() as client:
        asked = client.get("/keys/new").headers["location"]
        assert asked == "/login?next=/keys/new"
        assert log_in(client, TOKEN, next="/keys/new").headers["location"] == "/keys/new"


def test_a_link_that_is_passed_on_keeps_its_filter_through_the_login(house: House) -> None:
    link = f"/charges?team=storefront&key=web-shop&prediction={'p' * 250}%26"
    with house.client() as client:
        asked = client.get(link).headers["location"]
        after = re.search(r'name="next" value="([^"]*)"', client.get(asked).text)
        assert after
        wanted = log_in(client, TOKEN, next=unescape(after[1])).headers["location"]
    assert wanted == link


def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    rule = {"FAREBOX_OWN_KEYS": "adopted"}
    with serving(tmp_path / "f.db", **rule) as house, house.client() as client:
        seen = [log_in(client, f"guess-{n}").status_code for n in range(12)]
    assert seen[:5] == [403] * 5
    assert 429 in seen


def test_a_live_part_of_an_ended_session_leads_to_the_login(house: House) -> None:
    with house.client() as client:
        answer = client.get("/?part=figures", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_a_part_that_has_not_changed_is_not_sent_again(admin: httpx.Client) -> None:
    first = admin.get("/?part=budgets")
    seen = re.search(r'data-mark="(\w+)"', first.text)
    assert seen
    assert admin.get(f"/?part=budgets&seen={seen[1]}").status_code == 204
    assert admin.get("/?part=nonsense").status_code == 404


def test_hostile_words_are_shown_and_not_run(house: House, admin: httpx.Client) -> None:
    refused = house.call(house.secrets["web-shop"], f"/api/v3/google/{HOSTILE}/text-to-image")
    assert refused.status_code == 400
    for path in (
        "/",
        f"/charges?model={HOSTILE}",
        f"/charges?prediction={HOSTILE}",
        f"/prices?q={HOSTILE}",
        f"/login?next={HOSTILE}",
    ):
        assert HOSTILE not in admin.get(path).text, path
    assert "&lt;img src=x" in admin.get("/").text
    form = {"csrf": mark(admin.get("/keys/new").text), "name": HOSTILE, "tags": HOSTILE}
    answer = admin.post("/keys/new", data=form)
    assert answer.status_code == 422
    assert HOSTILE not in answer.text


def test_who_decides_too_late_is_told_how_it_stands(house: House, admin: httpx.Client) -> None:
    path = f"/charges/{house.uncertain[1]}"
    form = {"csrf": mark(admin.get(path).text), "why": "the provider shows none"}
    assert admin.post(f"{path}/decide", data={**form, "do": "release"}).status_code == 303
    late = admin.post(f"{path}/decide", data={**form, "do": "charge"})
    assert late.status_code == 409
    assert "Nothing was changed: it is released already" in late.text
    assert "#f-why" not in late.text, "there is no such field any more"
    assert "Decide this fare" not in late.text


def test_a_charge_is_found_by_its_prediction(house: House, admin: httpx.Client) -> None:
    bought = house.call(house.secrets["web-shop"])
    charge, prediction = bought.headers["x-farebox-charge-id"], bought.json()["data"]["id"]
    found = admin.get("/charges", params={"prediction": prediction}).text
    assert set(re.findall(r'id="c-(fb_\w+)"', found)) == {charge}
    assert f'value="{prediction}"' in found
    assert "No charge fits" in admin.get("/charges?prediction=another").text


def test_a_hostile_reason_stays_text(house: House, admin: httpx.Client) -> None:
    path = f"/charges/{house.uncertain[0]}"
    form = {"csrf": mark(admin.get(path).text), "why": HOSTILE, "do": "release"}
    assert admin.post(f"{path}/decide", data=form).status_code == 303
    for seen in (path, "/health"):
        assert HOSTILE not in admin.get(seen).text
        assert "&lt;img src=x" in admin.get(seen).text


@pytest.mark.parametrize(
    "path", ["/charges/fb_none", "/keys/none", "/keys/web-shop/explode", "/teams/explode"]
)
def test_what_is_not_there_is_said_in_a_page(admin: httpx.Client, path: str) -> None:
    form = {"csrf": mark(admin.get("/keys/new").text), "name": "storefront"}
    posted = path.endswith("explode")
    answer = admin.post(path, data=form) if posted else admin.get(path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "two words"),
        ("name", ""),
        ("daily_budget_usd", "1.0000001"),
        ("daily_budget_usd", "-3"),
        ("monthly_budget_usd", "ten"),
        ("max_price_usd", "1e3"),
        ("timezone", "Mars/Olympus"),
        ("models", "white\x00zero"),
        ("tags", "no sign"),
        ("expires_on", "tomorrow"),
        ("upstream_key_env", "9 lives"),
    ],
)
def test_a_field_that_cannot_be_is_named_and_kept(
    admin: httpx.Client, field: str, value: str
) -> None:
    form = {"csrf": mark(admin.get("/keys/new").text), "name": "fine", field: value}
    answer = admin.post("/keys/new", data=form)
    assert answer.status_code == 422
    label = re.search(f'<label for="f-{field}">([^<]+?) ?<', answer.text)
    assert label
    assert re.search(f'<a href="#f-{field}">{label[1]}</a>: [A-Z1]', answer.text), "as its label"
    assert answer.text.count('aria-invalid="true"') == 1


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_form(admin: httpx.Client) -> None:
    wrong = {"name": "two words", "daily_budget_usd": "1000001", "timezone": "Mars/Olympus",
             "tags": "no sign", "expires_on": "tomorrow"}  # fmt: skip
    form = {"csrf": mark(admin.get("/keys/new").text), **wrong}
    answer = admin.post("/keys/new", data=form)
    assert re.findall(r'<a href="#f-(\w+)">', answer.text) == [
        "name", "daily_budget_usd", "expires_on", "timezone", "tags",
    ]  # fmt: skip
    assert "up to a million" in answer.text


def test_what_is_wrong_about_a_team_leads_to_its_own_fields(admin: httpx.Client) -> None:
    form = {"csrf": mark(admin.get("/teams").text), "name": "storefront", "version": "1"}
    answer = admin.post("/teams", data={**form, "daily_budget_usd": "many"})
    assert '<a href="#d-storefront">Daily cap</a>: Dollars' in answer.text
    answer = admin.post("/teams", data={**form, "name": "two words", "daily_budget_usd": "many"})
    assert re.findall(r'<a href="#([\w-]+)">', answer.text) == ["f-name", "f-daily_budget_usd"]


@pytest.mark.parametrize(("mode", "said"), [("enforce", True), ("shadow", False)])
def test_a_key_that_has_spent_all_is_told_what_that_means(
    house: House, admin: httpx.Client, mode: str, *, said: bool
) -> None:
    form = {"csrf": mark(admin.get("/keys/new").text), "name": f"all-{mode}", "mode": mode}
    made = admin.post("/keys/new", data={**form, "daily_budget_usd": "0"})
    secret = re.search(r'value="(sk-fb-[^"]+)"', made.text)
    assert secret
    with house.client() as client:
        log_in(client, secret[1])
        assert ("Nothing is left" in client.get("/my").text) == said


def test_a_name_like_an_id_is_refused_for_what_it_is(admin: httpx.Client) -> None:
    form = {"csrf": mark(admin.get("/keys/new").text), "name": "own-0123456789abcdef"}
    assert "looks like the id or fingerprint" in admin.post("/keys/new", data=form).text


@pytest.mark.parametrize(
    "name",
    [
        "page.css",
        "page.js",
        "charts.js",
        "mark.svg",
        "vendor/htmx.min.js",
        "vendor/uPlot.iife.min.js",
        "vendor/inter.woff2",
    ],
)
def test_every_file_is_served_from_here(house: House, name: str) -> None:
    with house.client() as client:
        answer = client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["htmx", "uPlot", "inter"])
def test_what_others_wrote_comes_with_its_licence(name: str) -> None:
    vendor = Path(__file__).parents[2] / "proxy/page/static/vendor"
    assert (vendor / f"{name}.LICENSE").stat().st_size > 300


NOW_S = 1_800_000_000
SIGNER = Signer("token")


def test_a_session_is_read_as_it_was_written() -> None:
    session = begin(ADMIN, NOW_S)
    assert SIGNER.read(SIGNER.cookie(session), NOW_S) == session
    assert Signer("token").read(SIGNER.cookie(session), NOW_S) == session, "on every worker"


def _other_who(cookie: str) -> str:
    return cookie.replace("nobody", ADMIN, 1)


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "admin",
        "....",
        _other_who(SIGNER.cookie(begin("nobody", NOW_S))),
        Signer("another token").cookie(begin(ADMIN, NOW_S)),
        SIGNER.cookie(Session(ADMIN, NOW_S, "nonce")),
        SIGNER.cookie(begin(ADMIN, NOW_S))[:-1],
        "\N{SNOWMAN}.1.2.3.4",
    ],
    ids=["none", "a name", "dots", "who", "signer", "expired", "cut", "snowman"],
)
def test_no_other_cookie_is_a_session(cookie: str) -> None:
    assert SIGNER.read(cookie, NOW_S) is None


@pytest.mark.parametrize(
    ("path", "ours"),
    [("/keys", True), ("/", True), *((p, False) for p in ("//x", "/\\x", "x", "/\n", ""))],
)
def test_only_paths_of_ours_are_gone_to(path: str, *, ours: bool) -> None:
    assert is_ours(path) is ours


def test_a_secret_in_its_grace_is_ended_only_when_that_is_said(admin: httpx.Client) -> None:
    fields = {"csrf": mark(admin.get("/keys/new").text)}
    admin.post("/keys/new", data={**fields, "name": "turning"})
    for form, status, offered in [
        ({"grace_h": "1"}, 201, False),
        ({"grace_h": "1"}, 422, True),
        ({"grace_h": "1", "force": "yes"}, 201, True),
        ({"grace_h": "0"}, 201, True),
        ({}, 201, False),
    ]:
        page = admin.get("/keys/turning").text
        assert ('name="force"' in page) is offered
        found = re.search(r'name="version" value="(\d+)"', page)
        assert found
        answer = admin.post("/keys/turning/rotate", data={**fields, **form, "version": found[1]})
        assert answer.status_code == status
        assert ("would end it at once" in answer.text) is (status == 422)


def test_only_a_key_of_ours_is_asked_who_pays_for_it(admin: httpx.Client) -> None:
    pages = {"/keys/new": True, "/keys/web-shop": True, "/keys/new?adopt=1": False}
    for path, is_asked in pages.items():
        assert ('name="upstream_key_env"' in admin.get(path).text) is is_asked, path
