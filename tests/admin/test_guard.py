"""Who may ask: the token alone, and guessing it takes longer and longer."""

from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request

from proxy.admin.guard import ADDRESSES_MAX, FREE_TRIES, Guard
from proxy.admin.refusals import Slower
from proxy.errors import InvalidKey
from tests.admin.serving import TOKEN, Served


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def request(token: str | None, client: str = "192.0.2.1", **headers: str) -> Request:
    sent = {"authorization": f"Bearer {token}"} if token is not None else {}
    fields = {n.replace("_", "-"): v for n, v in {**sent, **headers}.items()}
    scope: dict[str, Any] = {
        "type": "http",
        "client": (client, 1),
        "headers": [(n.encode(), v.encode("latin-1")) for n, v in fields.items()],
    }
    return Request(scope)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"x-api-key": TOKEN},
    ],
)
def test_only_the_token_as_bearer_opens(headers: dict[str, str]) -> None:
    guard = Guard(TOKEN)
    sent = {name.replace("-", "_"): value for name, value in headers.items()}
    with pytest.raises(InvalidKey):
        guard.check(request(None, **sent))
    guard.check(request(TOKEN))


def wrong(guard: Guard, client: str = "192.0.2.1", **headers: str) -> None:
    with pytest.raises(InvalidKey):
        guard.check(request("guess", client, **headers))


def test_each_wrong_token_after_the_fifth_doubles_the_wait() -> None:
    clock = Clock()
    guard = Guard(TOKEN, clock=clock)
    for _ in range(FREE_TRIES):
        wrong(guard)
    for wait_s in (1, 2, 4, 8, 16, 32, 60, 60):
        with pytest.raises(Slower) as refused:
            guard.check(request(TOKEN))
        assert refused.value.wait_s == wait_s, "nothing is looked at meanwhile"
        guard.check(request(TOKEN, "192.0.2.2"))
        clock.now_s += wait_s
        wrong(guard)
    clock.now_s += 60
    guard.check(request(TOKEN))
    wrong(guard)
    guard.check(request(TOKEN))


def test_the_table_of_addresses_is_bounded() -> None:
    guard = Guard(TOKEN)
    for number in range(ADDRESSES_MAX + 50):
        wrong(guard, f"198.51.{number // 250}.{number % 250}")
    assert len(guard._tries) == ADDRESSES_MAX  # noqa: SLF001 - the bound is the point


@pytest.mark.parametrize(
    ("peer", "passed", "address"),
    [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"),
        ("::ffff:192.0.2.1", "203.0.113.9", "::ffff:192.0.2.1"),
        ("::10.0.0.1", "203.0.113.9", "::10.0.0.1"),
        ("fe80::1%eth0", "203.0.113.9", "fe80::1%eth0"),
    ],
)
def test_an_address_is_what_a_trusted_proxy_says(peer: str, passed: str, address: str) -> None:
    guard = Guard(TOKEN, (ip_network("10.0.0.0/8"),))
    assert guard.address(request(None, peer, x_forwarded_for=passed)) == address


def test_without_the_token_every_route_says_no_in_the_one_envelope(served: Served) -> None:
    paths = served.admin.get("/admin/openapi.json").json()["paths"]
    for path in (*paths, "/admin/openapi.json", "/admin/docs"):
        answer = served.admin.get(path, headers={"authorization": ""})
        assert answer.status_code in {401, 405}, path
        assert answer.json()["error"]["type"] in {"invalid_key", "method_not_allowed"}
