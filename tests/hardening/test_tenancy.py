"""Every route against every kind of caller, in one table; and nothing between one key and another.

`^` is the upstream's own answer, `!` our `invalid_key`; a word is the type of our refusal.
"""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from proxy.keys import fingerprint
from tests.hardening.callers import ROUTES, World, world
from tests.relay.house import ADMIN_TOKEN, UPSTREAM_KEY, Farebox, running
from tests.standin.server import Standin

CALLERS = (
    *("nobody", "junk", "bad-sum", "good-sum", "revoked", "expired", "owner", "mate", "other"),
    *("own-new", "own-seen", "upstream", "admin"),
)
TABLE = """
submit         401!  401^  401!  401!  401!  401!  200^  200^  200^  200^  200^  401!  401!
submit-unified 401!  401^  401!  401!  401!  401!  202^  202^  202^  202^  202^  401!  401!
poll           401!  401^  401!  401!  401!  401!  200^  404-p 404-p 404^  404^  401!  401!
poll-result    401!  401^  401!  401!  401!  401!  200^  404-p 404-p 404^  404^  401!  401!
poll-head      401!  401^  401!  401!  401!  401!  200^  404-p 404-p 404^  404^  401!  401!
poll-tasks     401!  401^  401!  401!  401!  401!  200^  404-p 404-p 404^  404^  401!  401!
poll-videos    401!  401^  401!  401!  401!  401!  200^  404-p 404-p 404^  404^  401!  401!
poll-contents  401!  401^  401!  401!  401!  401!  200^  404-p 404-p 404^  404^  401!  401!
list           401!  200^  401!  401!  401!  401!  404   404   404   200^  200^  401!  401!
models         401!  200^  401!  401!  401!  401!  404   404   404   200^  200^  401!  401!
delete         401!  200^  401!  401!  401!  401!  404   404   404   200^  200^  401!  401!
upload         401!  401^  401!  401!  401!  401!  200^  200^  200^  200^  200^  401!  401!
options        204^  204^  204^  204^  204^  204^  204^  204^  204^  204^  204^  204^  204^
budget         401!  200   401!  401!  401!  401!  200   200   200   200   200   401!  401!
quote          401!  200   401!  401!  401!  401!  200   200   200   200   200   401!  401!
metrics        200   200   200   200   200   200   200   200   200   200   200   200   200
healthz        200   200   200   200   200   200   200   200   200   200   200   200   200
readyz         200   200   200   200   200   200   200   200   200   200   200   200   200
admin-list     401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  200
admin-make     401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  201
page           303   303   303   303   303   303   303   303   303   303   303   303   303
page-keys      303   303   303   303   303   303   303   303   303   303   303   303   303
page-my        303   303   303   303   303   303   303   303   303   303   303   303   303
login          200   200   200   200   200   200   200   200   200   200   200   200   200
unknown        404   404   404   404   404   404   404   404   404   404   404   404   404
v2             404   404   404   404   404   404   404   404   404   404   404   404   404
"""
# Where others can reach it: only adopted own keys, and figures for the admin.
EXPOSED = """
submit         401!  401!  401!  401!  401!  401!  200^  200^  200^  401!  401!  401!  401!
poll           401!  401!  401!  401!  401!  401!  200^  404-p 404-p 401!  401!  401!  401!
list           401!  401!  401!  401!  401!  401!  404   404   404   401!  401!  401!  401!
upload         401!  401!  401!  401!  401!  401!  200^  200^  200^  401!  401!  401!  401!
options        204^  204^  204^  204^  204^  204^  204^  204^  204^  204^  204^  204^  204^
budget         401!  401!  401!  401!  401!  401!  200   200   200   401!  401!  401!  401!
quote          401!  401!  401!  401!  401!  401!  200   200   200   401!  401!  401!  401!
metrics        401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  200
admin-list     401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  401!  200
healthz        200   200   200   200   200   200   200   200   200   200   200   200   200
"""
SHORT = {"invalid_key": "!", "prediction_not_found": "-p", "not_found": "", "^": "^", "": ""}


def cells(table: str) -> Iterator[tuple[str, str, str]]:
    for line in table.strip().splitlines():
        route, *wanted = line.split()
        yield from ((route, caller, each) for caller, each in zip(CALLERS, wanted, strict=True))


def short(outcome: str) -> str:
    status, _, kind = outcome.partition(" ")
    return status + SHORT.get(kind, f" {kind}")


@pytest.fixture(scope="module")
def open_world(farebox: Farebox, upstream: Standin) -> World:
    return world(farebox, upstream)


@pytest.fixture(scope="module")
def exposed_world(upstream: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = {"own_keys": "adopted", "metrics_auth": "1"}
    with running(tmp_path_factory.mktemp("exposed"), upstream.url, **settings) as farebox:
        yield world(farebox, upstream, own=False)


@pytest.mark.parametrize(("route", "caller", "wanted"), list(cells(TABLE)))
def test_each_caller_gets_its_answer(
    route: str, caller: str, wanted: str, open_world: World
) -> None:
    assert short(open_world.outcome(caller, route)) == wanted


@pytest.mark.parametrize("caller", CALLERS)
def test_each_caller_gets_its_answer_where_others_can_reach_it(
    caller: str, exposed_world: World
) -> None:
    wanted = {route: each for route, one, each in cells(EXPOSED) if one == caller}
    assert {route: short(exposed_world.outcome(caller, route)) for route in wanted} == wanted


POLLS = [route for route in ROUTES if route.startswith("poll")]


def traits(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content


@pytest.mark.parametrize("route", POLLS)
def test_a_foreign_prediction_and_none_at_all_are_the_same_to_the_byte(
    route: str, open_world: World
) -> None:
    for caller in ("mate", "other"):
        foreign = traits(open_world.call(caller, route))
        for unknown in ("0" * 32, "x", "a%2Fb", open_world.bought["path"][::-1]):
            none = open_world.call(caller, route, path=unknown, unified=unknown)
            assert traits(none) == foreign, unknown


def test_the_upstream_was_shown_no_key_but_its_own_and_the_callers_own(open_world: World) -> None:
    for route in ("submit", "poll-result", "upload", "options"):
        for caller in CALLERS:
            open_world.call(caller, route)
    sent = [value for call in open_world.upstream.calls for _, value in call.headers]
    secrets = (*(v for n, v in open_world.shown.items() if v.startswith("sk-fb-")), ADMIN_TOKEN)
    for secret in secrets:
        assert not any(secret.encode() in value for value in sent), secret[:14]
    assert any(UPSTREAM_KEY.encode() in value for value in sent)


def test_a_key_that_the_upstream_does_not_know_leaves_no_trace(open_world: World) -> None:
    farebox = open_world.farebox
    for _ in range(3):
        assert farebox.submit("a-key-of-nobody").status_code == 401
    rows = [
        *farebox.rows("SELECT * FROM charges"),
        *farebox.rows("SELECT * FROM entries"),
        *farebox.rows("SELECT * FROM keys"),
        *farebox.rows("SELECT * FROM balances"),
    ]
    assert fingerprint("a-key-of-nobody") not in repr(rows)


TARGETS = (
    *("/api/v3/../../admin/keys", "/api/v3/../admin/keys", "/api/v3/%2e%2e/admin/keys"),
    *("/api/v3/.%2e/%2e./admin/keys", "/api/v3/..%2f..%2fadmin%2fkeys", "/api/v3/%2e%2e%2fadmin"),
    *("/api/v3/..;/admin/keys", "/api/v3/..;a=b/admin/keys", "/api/v3/%252e%252e/admin/keys"),
    *("/api/v3/%2fadmin/keys", "/api/v3//admin/keys", "/api/v3/./admin/keys", "/api/v3/admin/keys"),
    *(
        "/api/v3/%61dmin/keys",
        "/api/v3\\..\\admin\\keys",
        "/api/v3/..%5cadmin",
        "/api/v3/%00/admin",
    ),
    *("/api/v3?/admin/keys", "/api/v3;/admin/keys", "/api/v3%2f..%2fadmin", "/api/v3/#/../admin"),
    *(
        "//admin/keys",
        "/admin//keys",
        "/ADMIN/keys",
        "/%61dmin/keys",
        "/admin%2fkeys",
        "/admin/./keys",
    ),
    *(
        "/x/../admin/keys",
        "/admin;/keys",
        "/admin/keys/",
        "/admin/keys?x=/api/v3/",
        "/admin/keys%00",
    ),
    *(
        "/admin%20/keys",
        "/.//admin/keys",
        "http://127.0.0.1/admin/keys",
        "https://farebox/admin/keys",
    ),
    *("//127.0.0.1/admin/keys", "admin/keys", "*"),
)
TRICKS = (
    "",
    "X-Original-URL: /admin/keys\r\nX-Rewrite-URL: /admin/keys\r\n",
    "X-HTTP-Method-Override: DELETE\r\nX-Forwarded-Prefix: /admin\r\n",
    "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: localhost\r\nForwarded: for=127.0.0.1\r\n",
)


def raw(farebox: Farebox, target: str, key: str, tricks: str) -> bytes:
    head = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n{tricks}"
    with socket.create_connection(("127.0.0.1", farebox.port), timeout=20) as line:
        line.sendall(f"{head}Connection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("caller", ["owner", "own-seen", "admin"])
def test_no_spelling_of_a_path_leads_through_the_relay_to_admin(
    target: str, caller: str, open_world: World
) -> None:
    before = len(open_world.upstream.calls)
    for tricks in TRICKS:
        answer = raw(open_world.farebox, target, open_world.shown[caller], tricks)
        status = int(answer[9:12])
        shows_keys = re.search(rb'"fingerprint"|"daily_budget_usd"', answer)
        if caller != "admin":
            assert not shows_keys, answer[:300]
        elif target.startswith("/api/v3"):
            assert status in {400, 401, 404}, answer[:300]
    for call in open_world.upstream.calls[before:]:
        assert caller == "own-seen"
        assert call.target.decode() == target, "relayed as sent, if at all"
        assert not call.path.startswith("/admin")
        assert call.path.startswith("/api/v3/") or call.path == "/api/v3"
