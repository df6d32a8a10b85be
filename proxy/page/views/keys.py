"""Keys: made, set, rotated, paused, revoked, adopted; a secret is shown once."""

from http import HTTPStatus

from starlette.responses import Response

from pricing import parse_usd
from proxy.admin import changes
from proxy.admin.asked import Adoption, KeyChange, NewKey, Reason, Rotation, TopUp
from proxy.admin.changes import Impossible, Revoked, StillGood
from proxy.admin.shown import good_until_us
from proxy.admin.unsold import unsold
from proxy.clock import now_us
from proxy.directory import ACTIVE, PAUSED, REVOKED, Key
from proxy.ledger.registry import Made, Missing, Stale, Taken
from proxy.page.forms import FIELDS, Filled, Unfit, changed, key_said, key_shown, read
from proxy.page.gate import View
from proxy.page.render import render
from proxy.page.standing import one, state_of
from proxy.page.visit import NotHere, Visit

ACTOR = "page"
FIND_FROM = 12  # so many keys are a list to search
NO = (Missing, Taken, Stale, Revoked, StillGood, Impossible)
STALE = "Somebody else changed this key since you opened the page. Below is how it stands now."


async def listed(visit: Visit) -> Response:
    """List the keys, revoked ones when asked for."""
    return _listed(visit)


def _listed(visit: Visit) -> Response:
    everything, wanted = visit.asked("show") == "all", visit.asked("q").casefold()
    directory, now = visit.desk.directory, now_us()
    keys = sorted(directory.keys.values(), key=lambda k: (k.team, k.name))
    shown = [k for k in keys if everything or k.state != REVOKED]
    return render(
        visit,
        "keys.html",
        keys=[k for k in shown if wanted in f"{k.name} {k.team}".casefold()],
        states={k.id: state_of(directory, k, now) for k in shown},
        find=wanted != "" or len(shown) >= FIND_FROM,
        q=visit.asked("q"),
        revoked=sum(k.state == REVOKED for k in keys),
        everything=everything,
        default_micros=directory.default_daily_micros,
    )


async def new(visit: Visit) -> Response:
    """Show the form for a new key, or for the adoption of a caller's own."""
    adopting = visit.asked("fingerprint")
    return _new(
        visit, Filled({"fingerprint": adopting}), adopt=bool(adopting or visit.asked("adopt"))
    )


def _new(visit: Visit, filled: Filled, *, adopt: bool, status: int = 200) -> Response:
    directory = visit.desk.directory
    own = [k for k in directory.keys.values() if k.own and not k.adopted and k.state != REVOKED]
    return render(
        visit, "key_new.html", status, filled=filled, adopt=adopt, own=own,
        teams=_teams(visit), default_micros=directory.default_daily_micros,
    )  # fmt: skip


def _teams(visit: Visit) -> list[str]:
    return [name for name in changes.teams(visit.desk.directory) if name != "*"]


async def create(visit: Visit) -> Response:
    """Make a key and show its secret."""
    try:
        said, wrong = key_said(visit.form, visit.desk.zone)
        asked = read(NewKey, {"name": visit.said("name"), **said}, wrong)
        made = await visit.desk.fares.writer.transact(changes.create(asked, actor=ACTOR))
    except (Unfit, *NO) as error:
        return _new(visit, _wrong(visit, error), adopt=False, status=422)
    return _secret(visit, made, "Key created")


async def adopt(visit: Visit) -> Response:
    """Name a caller's own key."""
    try:
        said, wrong = key_said(visit.form, visit.desk.zone)
        mark = visit.said("fingerprint").lower()
        said = {"name": visit.said("name"), "fingerprint": mark, **said}
        asked = read(Adoption, said, wrong)
        key = await visit.desk.fares.writer.transact(changes.adopt(asked, actor=ACTOR))
    except (Unfit, *NO) as error:
        return _new(visit, _wrong(visit, error), adopt=True, status=422)
    return visit.go(f"/keys/{key.id}?done=adopted")


def _wrong(visit: Visit, error: Exception) -> Filled:
    if isinstance(error, Unfit):
        return Filled(dict(visit.form), error.errors)
    if isinstance(error, Taken):
        return Filled(dict(visit.form), {"name": "Another key has this name"})
    if isinstance(error, Impossible) and error.member:
        why = f"{error.words[:1].upper()}{error.words[1:]}"
        return Filled(dict(visit.form), {FIELDS.get(error.member, error.member): why})
    words = str(error)
    return Filled(dict(visit.form), general=f"{words[:1].upper()}{words[1:]}.")


def _secret(visit: Visit, made: Made, title: str) -> Response:
    facts = {"title": title, "made": made, "unknown": _unknown(visit, made.key)}
    return render(visit, "secret.html", HTTPStatus.CREATED, **facts)


def _unknown(visit: Visit, key: Key) -> list[str]:
    return unsold(visit.desk.prices.book.versions, key.models)


async def told(visit: Visit) -> Response:
    """Show a key: where it stands, and all that can be done to it."""
    return await _told(visit, _key(visit))


def _key(visit: Visit) -> Key:
    try:
        return changes.find(visit.desk.directory, visit.request.path_params["key_id"])
    except Missing as missing:
        raise NotHere("There is no key of this name.") from missing


async def _told(
    visit: Visit, key: Key, filled: Filled | None = None, status: int = 200
) -> Response:
    directory, now = visit.desk.directory, now_us()
    found = await visit.desk.reader.ask(one(directory, key))
    standings = [found[0], *(s for s in found[1:] if s.limit_micros is not None)]
    return render(
        visit, "key.html", status, key=key, standings=standings, teams=_teams(visit),
        filled=filled or Filled(key_shown(key, visit.desk.zone)),
        default_micros=directory.default_daily_micros, old_until_us=good_until_us(key, now),
        state=state_of(directory, key, now), paused=directory.paused(key),
        unknown=_unknown(visit, key),
    )  # fmt: skip


async def alter(visit: Visit) -> Response:
    """Change what the form says otherwise than it was."""
    key = _key(visit)
    try:
        wanted = changed(visit.form, key_shown(key, visit.desk.zone))
        said, wrong = key_said(visit.form, visit.desk.zone)
        said = {"name": visit.said("name"), **said}
        kept = {n: v for n, v in said.items() if FIELDS.get(n, n) in wanted}
        asked = read(KeyChange, kept, {n: why for n, why in wrong.items() if n in wanted})
        change = changes.alter(key.id, asked, actor=ACTOR, versions={_version(visit)})
        await visit.desk.fares.writer.transact(change)
    except (Unfit, *NO) as error:
        return await _refused(visit, error)
    return visit.go(f"/keys/{key.id}?done=saved")


def _version(visit: Visit) -> int:
    sent = visit.said("version")
    return int(sent) if sent.isdecimal() and len(sent) < 10 else 0  # noqa: PLR2004


async def _refused(visit: Visit, error: Exception) -> Response:
    key = _key(visit)
    if isinstance(error, Stale):
        filled = Filled(key_shown(key, visit.desk.zone), general=STALE)
        return await _told(visit, key, filled, HTTPStatus.CONFLICT)
    filled = _wrong(visit, error)
    filled.values = {**key_shown(key, visit.desk.zone), **filled.values}
    return await _told(visit, key, filled, 422)


async def rotate(visit: Visit) -> Response:
    """Give a key a new secret and show it; the form sent twice rotates once."""
    key = _key(visit)
    try:
        hours = visit.said("grace_h") or "0"
        grace_s = int(hours) * 3600 if hours.isdecimal() else hours
        asked = read(Rotation, {"grace_s": grace_s, "force": visit.said("force") == "yes"})
        change = changes.rotate(
            key.id,
            actor=ACTOR,
            grace_s=asked.grace_s,
            force=asked.force,
            versions={_version(visit)},
        )
        made = await visit.desk.fares.writer.transact(change)
    except (Unfit, *NO) as error:
        return await _refused(visit, error)
    return _secret(visit, made, "Key rotated")


async def put(visit: Visit) -> Response:
    """Pause, resume or revoke."""
    key, do = _key(visit), visit.request.path_params["do"]
    state = {"pause": PAUSED, "resume": ACTIVE, "revoke": REVOKED}.get(do)
    if state is None:
        raise NotHere("A key can be paused, resumed and revoked.")
    try:
        why = read(Reason, {"why": visit.said("why")}).why
        await visit.desk.fares.writer.transact(changes.put(key.id, state, actor=ACTOR, why=why))
    except (Unfit, *NO) as error:
        return await _refused(visit, error)
    return visit.go(f"/keys/{key.id}?done={do}")


async def top_up(visit: Visit) -> Response:
    """Add to today's limit."""
    key = _key(visit)
    try:
        micros = parse_usd(read(TopUp, {"usd": visit.said("usd")}).usd)
        await visit.desk.fares.writer.transact(changes.top_up(key.id, micros, actor=ACTOR))
    except (Unfit, *NO) as error:
        return await _refused(visit, error)
    return visit.go(f"/keys/{key.id}?done=topped")


VIEWS = (
    View("GET", "/keys", "admin", listed),
    View("GET", "/keys/new", "admin", new),
    View("POST", "/keys/new", "admin", create),
    View("POST", "/keys/adopt", "admin", adopt),
    View("GET", "/keys/{key_id}", "admin", told),
    View("POST", "/keys/{key_id}", "admin", alter),
    View("POST", "/keys/{key_id}/rotate", "admin", rotate),
    View("POST", "/keys/{key_id}/top-up", "admin", top_up),
    View("POST", "/keys/{key_id}/{do}", "admin", put),
)
