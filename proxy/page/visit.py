"""One request to the page, once it is known whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from proxy.clock import now_us
from proxy.directory import Key
from proxy.page.desk import Desk
from proxy.page.session import Session
from proxy.public_base import public_base

FORM_MAX: Final = 64 * 1024
FIELDS_MAX: Final = 100


class NotHere(Exception):
    """There is nothing of this name; the words are for the visitor."""


class BadForm(Exception):
    """A form that is none of ours: too large, cut off, or not a form at all."""


@dataclass(slots=True)
class Visit:
    """Who asks what: the request, the session, and the form that came with it."""

    desk: Desk
    request: Request
    session: Session
    root: str  # what comes before every path of ours, where a proxy put us below one
    key: Key | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    fresh: Session | None = None  # to be kept by the browser from now on

    @property
    def csrf(self) -> str:
        """What this session's forms carry."""
        return self.desk.signer.csrf(self.session)

    @property
    def zone(self) -> str:
        """The IANA zone that the visitor's days are counted in now: the key's own, or ours."""
        if self.key is None:
            return self.desk.zone
        return self.desk.directory.zone_of(self.key).at(now_us())

    @property
    def part(self) -> str:
        """Name the part of a page that is asked for alone; empty for the whole."""
        return self.request.query_params.get("part", "")

    @property
    def path(self) -> str:
        """The path as the application sees it."""
        return str(self.request.scope["path"])

    def asked(self, name: str, most: int = 200) -> str:
        """Read a parameter of the query, trimmed; empty where it is missing."""
        return self.request.query_params.get(name, "").strip()[:most]

    def said(self, name: str) -> str:
        """Read a field of the form, trimmed; empty where it is missing."""
        return self.form.get(name, "").strip()

    def go(self, path: str) -> Response:
        """Send the visitor on to another page of ours."""
        return RedirectResponse(self.root + path, 303)


def public_parts(desk: Desk, request: Request) -> tuple[str, bool]:
    """Say below which path visitors see us, and whether they come by https."""
    settings = desk.settings
    base = public_base(
        request.scope, public_url=settings.public_url, trusted=settings.trusted_proxies
    )
    parts = urlsplit(base)
    return parts.path.rstrip("/"), parts.scheme == "https"


async def read_form(request: Request) -> dict[str, str]:
    """Read a urlencoded form.

    Raises:
        BadForm: it is larger than `FORM_MAX`, cut off, or something else.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadForm
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_MAX:
                raise BadForm
        text = body.decode()
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except (ClientDisconnect, ValueError) as error:
        raise BadForm from error
