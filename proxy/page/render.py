"""Templates into answers, and how money and time are spelled for people."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from proxy.budget import Standing
from proxy.charge import State
from proxy.clock import now_us
from proxy.instants import local
from proxy.ledger.fare import Fare
from proxy.page.forms import LABELS
from proxy.page.visit import Visit

STATIC: Final = Path(__file__).with_name("static")
NAV: Final = (
    ("/", "Today"),
    ("/charges", "Charges"),
    ("/uncertain", "Uncertain"),
    ("/spend", "Spend"),
    ("/advice", "Advice"),
    ("/keys", "Keys"),
    ("/teams", "Teams"),
    ("/prices", "Prices"),
    ("/health", "Health"),
)
FULLNESS: Final = (("full", 99), ("near", 80))  # in per cent of the limit
CENTS: Final = 10_000  # micro-USD


def money(micros: int | None) -> Markup:
    """Spell micro-USD with all six decimals, the last four small; None is no limit."""
    if micros is None:
        return Markup('<span class="none">unlimited</span>')
    cents, rest = divmod(abs(micros), CENTS)
    sign = "\N{MINUS SIGN}" if micros < 0 else ""
    whole = f"{sign}{cents // 100:,}.{cents % 100:02d}"
    return Markup('<span class="usd">{}<small>{:04d}</small></span>').format(whole, rest)


def moved(micros: int) -> Markup:
    """Spell a movement of money, with its sign; none at all is a dash."""
    if not micros:
        return Markup('<span class="none">\N{EN DASH}</span>')
    return Markup("+{}").format(money(micros)) if micros > 0 else money(micros)


def clock(at_us: int | None, zone: str) -> Markup:
    """Spell an instant: the time alone if it lies today, else the day with it."""
    if at_us is None:
        return Markup('<span class="none">\N{EN DASH}</span>')
    moment = local(at_us, zone)
    today = local(now_us(), zone).date()
    shape = "%H:%M:%S" if moment.date() == today else "%d %b %Y, %H:%M"
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(), moment.strftime(shape)
    )


def day(text: str) -> str:
    """Spell a day or a month for reading: 2026-11-23 is Monday, 23 November 2026."""
    if len(text) == len("2026-11"):
        return date.fromisoformat(f"{text}-01").strftime("%B %Y")
    found = date.fromisoformat(text)
    return f"{found:%A}, {found.day} {found:%B %Y}"


def share(part: int, whole: int | None) -> str:
    """Say how much of a whole a part is, in per cent of a bar's width; anything fills nothing."""
    if whole is None or whole <= 0:
        return "100" if whole == 0 and part > 0 else "0"
    return f"{max(0.0, min(100.0, 100 * part / whole)):.2f}"


def fullness(standing: Standing) -> str:
    """Name how full a budget is, from the same steps on as the alerts and the Grafana boards."""
    used, limit = standing.settled_micros + standing.reserved_micros, standing.limit_micros or 0
    return next((name for name, per_cent in FULLNESS if 100 * used >= per_cent * limit), "")


def images(fare: Fare) -> int:
    """Count what a fare was charged for, or what was asked for while it is not."""
    paid = fare.state == State.SETTLED or fare.settled_micros > 0
    return fare.sold_images if paid else fare.images


def given_back(fare: Fare) -> bool:
    """Say whether a fare was released, and not charged after all later."""
    return fare.state == State.RELEASED and not fare.settled_micros


def _version() -> str:
    """Name the static files as they are, so that a browser never shows yesterday's."""
    made = hashlib.sha256()
    for path in sorted(STATIC.rglob("*.*")):
        made.update(path.read_bytes())
    return made.hexdigest()[:10]


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("proxy.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"money": money, "moved": moved, "clock": clock, "day": day, "json": json.dumps}
    made.filters["images"], made.tests["given_back"] = images, given_back
    made.globals |= {"share": share, "static_version": _version(), "nav": NAV, "labels": LABELS}
    made.globals["fullness"] = fullness
    return made


ENVIRONMENT: Final = _environment()


def text(visit: Visit, template: str, **facts: Any) -> Markup:
    """Fill a template in."""
    filled = ENVIRONMENT.get_template(template).render(
        visit=visit, root=visit.root, zone=visit.zone, **facts
    )
    return Markup(filled)  # noqa: S704 - the template has escaped what it was given


def render(visit: Visit, template: str, status: int = 200, **facts: Any) -> Response:
    """Answer with a page."""
    return HTMLResponse(text(visit, template, **facts), status)


def live(visit: Visit, part: str, template: str, **facts: Any) -> Markup:
    """Make a part of a page that asks for itself again, and is replaced only when it changed."""
    inner = text(visit, template, **facts)
    mark = hashlib.sha256(inner.encode()).hexdigest()[:12]
    query = [(n, v) for n, v in visit.request.query_params.items() if n not in ("part", "seen")]
    url = _url(visit, [*query, ("part", part), ("seen", mark)])
    return Markup(
        '<div class="live" id="part-{}" data-mark="{}" hx-get="{}" hx-swap="outerHTML"'
        ' hx-trigger="farebox:tick from:body">{}</div>'
    ).format(part, mark, url, inner)


def _url(visit: Visit, query: list[tuple[str, str]]) -> str:
    return f"{visit.root}{visit.path}?{urlencode(query)}"


def part_only(visit: Visit, part: Markup) -> Response:
    """Answer with one part; with nothing where the visitor has it already."""
    if f'data-mark="{escape(visit.asked("seen"))}"' in part[:200]:
        return Response(status_code=204)
    return HTMLResponse(part)
