"""Everybody who may call, and what each of them gets: an answer's short name."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from proxy.clock import now_us
from proxy.keys import new_key
from proxy.ledger import registry
from tests.relay.house import ADMIN_TOKEN, PATH, UNIFIED, UPSTREAM_KEY, Farebox, prediction_of
from tests.standin.server import Standin

ROUTES = {
    "submit": ("POST", PATH),
    "submit-unified": ("POST", UNIFIED),
    "poll": ("GET", "/api/v3/predictions/{path}"),
    "poll-result": ("GET", "/api/v3/predictions/{path}/result"),
    "poll-head": ("HEAD", "/api/v3/predictions/{path}/result"),
    "poll-tasks": ("GET", "/api/v3/tasks/result/{unified}"),
    "poll-videos": ("GET", "/api/v3/videos/{unified}"),
    "poll-contents": ("GET", "/api/v3/contents/generations/tasks/{unified}"),
    "list": ("GET", "/api/v3/predictions"),
    "models": ("GET", "/api/v3/models"),
    "delete": ("DELETE", "/api/v3/predictions/{path}"),
    "upload": ("POST", "/api/v3/media/uploads"),
    "options": ("OPTIONS", PATH),
    "budget": ("GET", "/budget"),
    "quote": ("POST", "/quote"),
    "metrics": ("GET", "/metrics"),
    "healthz": ("GET", "/healthz"),
    "readyz": ("GET", "/readyz"),
    "admin-list": ("GET", "/admin/keys"),
    "admin-make": ("POST", "/admin/keys"),
    "page": ("GET", "/"),
    "page-keys": ("GET", "/keys"),
    "page-my": ("GET", "/my"),
    "login": ("GET", "/login"),
    "unknown": ("GET", "/nothing"),
    "v2": ("POST", "/api/v2/x"),
}
FLASH = "google/gemini-3.1-flash-image-preview"
BODIES = {
    "submit": {"prompt": "x"},
    "submit-unified": {"prompt": "x", "model": FLASH},
    "quote": {"path": PATH, "body": {"prompt": "x"}},
    "admin-make": {"name": "made-by-nobody"},
}


@dataclass(frozen=True)
class World:
    """Two predictions of one key, and the credential that each caller shows."""

    farebox: Farebox
    upstream: Standin
    shown: dict[str, str]
    bought: dict[str, str]
    fresh: Iterator[int]

    def credential(self, caller: str) -> str:
        """What this caller puts into Authorization; one that is new is new each time."""
        if caller == "own-new":
            return f"sk-never-seen-{next(self.fresh)}"
        return self.shown[caller]

    def call(self, caller: str, route: str, **ids: str) -> httpx.Response:
        method, path = ROUTES[route]
        credential = self.credential(caller)
        return self.farebox.client.request(
            method,
            self.farebox.url + path.format(**(self.bought | ids)),
            headers={"Authorization": credential} if credential else {},
            json=BODIES.get(route),
        )

    def outcome(self, caller: str, route: str) -> str:
        """`status` of our own answer, `status type` of a refusal, `status ^` of the upstream's."""
        before = len(self.upstream.calls)
        answer = self.call(caller, route)
        if refused := answer.headers.get("x-farebox-refused"):
            assert len(self.upstream.calls) == before, "refused and yet sent"
            return f"{answer.status_code} {refused}"
        passed = len(self.upstream.calls) > before
        return f"{answer.status_code} ^" if passed else f"{answer.status_code}"


def world(farebox: Farebox, upstream: Standin, *, own: bool = True) -> World:
    """Make the keys, and let one of them buy; `own`: a caller's own key too."""
    team = {"team": "red"}
    shown = {
        "nobody": "",
        "junk": "letmein",
        "bad-sum": "sk-fb-abcdefgh-" + "a" * 38,
        "good-sum": new_key().secret,
        "revoked": farebox.key("revoked", **team),
        "expired": farebox.key("expired", **team),
        "owner": farebox.key("owner", daily_micros=-1, **team),
        "mate": farebox.key("mate", daily_micros=-1, **team),
        "other": farebox.key("other", daily_micros=-1, team="blue"),
        "own-seen": "sk-somebodys-own-key",
        "upstream": UPSTREAM_KEY,
        "admin": f"Bearer {ADMIN_TOKEN}",
    }
    farebox.change(registry.revoke("revoked", actor="test"))
    farebox.change(registry.set_key("expired", {"expires_us": now_us() - 1}, actor="test"))
    assert farebox.submit(shown["own-seen"]).status_code == (200 if own else 401)
    bought = {
        "path": prediction_of(farebox.submit(shown["owner"], "standin:never")),
        "unified": prediction_of(farebox.submit(shown["owner"], "standin:never", path=UNIFIED)),
    }
    for gone in ("revoked", "expired"):
        farebox.until(lambda gone=gone: farebox.budget(shown[gone]).status_code == 401)  # type: ignore[misc]
    return World(farebox, upstream, shown, bought, itertools.count(1))
