"""Before every view: who is it, may they, is the form theirs. After it: protecting headers."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from proxy.clock import now_us
from proxy.ledger.reader import revision
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import beside
from proxy.page.desk import Desk
from proxy.page.render import render
from proxy.page.session import COOKIE, LIFE_S, NOBODY, Session, Signer, begin
from proxy.page.visit import BadForm, NotHere, Visit, public_parts, read_form

Who = Literal["admin", "key", "anyone"]

# Nothing from elsewhere, nothing inline, no frame around us, forms go to us only.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class View:
    """One page or form: its method, its path, who may ask for it, and what answers."""

    method: Literal["GET", "POST"]
    path: str
    who: Who
    answer: Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets visitors through to the views of a desk."""

    desk: Desk

    def route(self, view: View) -> Route:
        """Put a view on the map, behind the gate."""

        async def answer(request: Request) -> Response:
            visit, secure = self._visit(request)
            response = await self._answered(view, visit)
            _protect(response, visit, self.desk, secure=secure)
            return response

        return Route(view.path, answer, methods=[view.method])

    def _visit(self, request: Request) -> tuple[Visit, bool]:
        root, secure = public_parts(self.desk, request)
        now_s = now_us() // 1_000_000
        found = self.desk.signer.read(request.cookies.get(COOKIE, ""), now_s)
        return Visit(self.desk, request, found or begin(NOBODY, now_s), root), secure

    async def _answered(self, view: View, visit: Visit) -> Response:
        try:
            await self._catch_up()
            if (turned := self._turned_away(view, visit)) is not None:
                return turned
            if view.method == "POST":
                visit.form = await read_form(visit.request)
                if not self._is_own_form(visit):
                    return _problem(visit, 403, "This form is out of date", _STALE_FORM)
            return await view.answer(visit)
        except BadForm:
            return _problem(visit, 400, "This form could not be read", "Nothing was changed.")
        except NotHere as missing:
            return _problem(visit, 404, "Not found", str(missing))
        except LedgerFault as fault:
            return _problem(visit, 503, "The ledger does not answer", f"{_NO_LEDGER} ({fault})")

    async def _catch_up(self) -> None:
        """Read what another worker has just changed: a form's answer may come from this one."""
        fares = self.desk.fares
        if await self.desk.reader.ask(revision) != self.desk.directory.revision:
            with contextlib.suppress(LedgerFault):  # what cannot be written can still be shown
                await fares.writer.transact(beside(lambda store: store.directory))

    def _turned_away(self, view: View, visit: Visit) -> Response | None:
        session = visit.session
        visit.key = session.key(self.desk.directory, self.desk.door, now_us())
        if view.who == "anyone":
            return None
        if view.who == "admin" and session.is_admin:
            return None
        if view.who == "key" and visit.key is not None:
            return None
        if session.is_admin:
            return visit.go("/")
        return visit.go("/my") if visit.key is not None else _to_login(visit)

    def _is_own_form(self, visit: Visit) -> bool:
        if visit.request.headers.get("sec-fetch-site") == "cross-site":
            return False
        return self.desk.signer.is_ours(visit.session, visit.form.get("csrf", ""))


def is_signed_in(signer: Signer, request: Request) -> bool:
    """Say whether a request comes from the page, with the admin signed in."""
    session = signer.read(request.cookies.get(COOKIE, ""), now_us() // 1_000_000)
    return session is not None and session.is_admin


_STALE_FORM: Final = (
    "Nothing was changed. The page it came from is older than your login, or another site sent it."
    " Go back, reload, and try again."
)
_NO_LEDGER: Final = "Figures cannot be shown, and nothing was changed. Calls are refused meanwhile."


def _to_login(visit: Visit) -> Response:
    if visit.request.headers.get("hx-request"):
        return Response(status_code=401, headers={"hx-redirect": f"{visit.root}/login"})
    asked = visit.path if visit.request.method == "GET" else ""
    if asked and (query := visit.request.url.query):  # a link that was passed on keeps its filter
        asked += f"?{query}"
    after = f"?next={quote(asked, safe='/')}" if asked not in ("", "/") else ""
    return RedirectResponse(f"{visit.root}/login{after}", 303)


def _problem(visit: Visit, status: int, title: str, words: str) -> Response:
    return render(visit, "problem.html", status, title=title, words=words)


def _protect(response: Response, visit: Visit, desk: Desk, *, secure: bool) -> None:
    for name, value in HEADERS.items():
        response.headers[name] = value
    if secure:
        response.headers["strict-transport-security"] = "max-age=31536000"
    if visit.fresh is not None:
        _keep(response, desk, visit.fresh, visit.root, secure=secure)


def _keep(response: Response, desk: Desk, session: Session, root: str, *, secure: bool) -> None:
    response.set_cookie(
        COOKIE,
        desk.signer.cookie(session),
        max_age=LIFE_S,
        path=f"{root}/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
