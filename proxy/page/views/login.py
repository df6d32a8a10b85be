"""In and out: the admin token opens everything, a key opens its own page."""

from http import HTTPStatus

from starlette.responses import Response

from proxy.admin.refusals import Slower
from proxy.clock import now_us
from proxy.door import Caller
from proxy.errors import InvalidKey
from proxy.page.gate import View
from proxy.page.render import render
from proxy.page.session import ADMIN, NOBODY, begin, stamp_of
from proxy.page.visit import Visit

SECRET_MAX = 512
AFTER_MAX = 2000  # of the page that was asked for, filter and all
OF_GPT_PROTO = "sk-"  # what its keys begin with (v3 contract, 1.4); a mistyped token does not
WRONG = "This opens nothing here. Is it the whole token or key, without quotes?"


async def form(visit: Visit) -> Response:
    """Ask for a token or key; whoever is in already goes on."""
    if visit.session.is_admin:
        return visit.go("/")
    if visit.key is not None:
        return visit.go("/my")
    return _form(visit, after=visit.asked("next", AFTER_MAX))


def _form(
    visit: Visit, *, after: str, error: str = "", status: int = 200, wait_s: int = 0
) -> Response:
    visit.fresh = visit.session
    response = render(visit, "login.html", status, after=after, error=error)
    if wait_s:
        response.headers["retry-after"] = str(wait_s)
    return response


async def enter(visit: Visit) -> Response:
    """Let in whoever shows the admin token or a key that can call."""
    secret, after = visit.said("secret")[:SECRET_MAX], visit.said("next")
    now = now_us()
    try:
        caller = _caller(visit, secret, now)
        if caller is None or caller.unseen:
            visit.desk.guard.check_token(secret, visit.desk.guard.address(visit.request))
    except Slower as slower:
        words = f"Too many wrong tries. Try again in {slower.wait_s} seconds."
        return _form(visit, after=after, error=words, status=429, wait_s=slower.wait_s)
    except InvalidKey:  # an unseen own key may go on, if it looks like one; still it was a guess
        if caller is None or not (caller.own_secret or "").startswith(OF_GPT_PROTO):
            return _form(visit, after=after, error=WRONG, status=HTTPStatus.FORBIDDEN)
    if caller is None:
        visit.fresh = begin(ADMIN, now // 1_000_000)
        return visit.go(after if is_ours(after) else "/")
    visit.fresh = begin(caller.key.id, now // 1_000_000, stamp=stamp_of(caller.key))
    return visit.go(after if after.startswith("/my") and is_ours(after) else "/my")


def _caller(visit: Visit, secret: str, now: int) -> Caller | None:
    """Find the key; None if it is none that may call, so perhaps the admin token."""
    sent = [(b"authorization", secret.encode("utf-8", "replace"))]
    try:
        return visit.desk.door.identify(sent, visit.desk.directory, now)
    except InvalidKey:
        return None


def is_ours(path: str) -> bool:
    """Say whether a path leads to a page of ours: no other host, nothing hidden."""
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()


async def leave(visit: Visit) -> Response:
    """Forget the session."""
    visit.fresh = begin(NOBODY, now_us() // 1_000_000)
    return visit.go("/login")


VIEWS = (
    View("GET", "/login", "anyone", form),
    View("POST", "/login", "anyone", enter),
    View("POST", "/logout", "anyone", leave),
)
