"""Forms into the same models that the API reads, and back into what a form shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from pricing import usd
from proxy.budget import midnight_us
from proxy.directory import UNLIMITED, Key, Team
from proxy.instants import instant, local

ModelT = TypeVar("ModelT", bound=BaseModel)

_DOLLARS: Final = "Dollars up to a million with at most six decimals, such as 25 or 4.50"
_LIMIT: Final = f"{_DOLLARS}; or the word unlimited"
LABELS: Final = {  # as the forms call their fields, in the order of the forms
    "fingerprint": "Fingerprint",
    "name": "Name",
    "team": "Team",
    "daily_budget_usd": "Daily budget",
    "monthly_budget_usd": "Monthly budget",
    "max_price_usd": "A call may cost at most",
    "models": "Allowed models",
    "expires_on": "Expires at the start of",
    "timezone": "Time zone of its days",
    "tags": "Tags",
    "upstream_key_env": "Environment variable of its GPT Proto key",
    "usd": "More for today",
    "why": "Why",
}
WORDS: Final = {
    "name": "1 to 64 letters, digits, dots, - and _",
    "team": "1 to 64 letters, digits, dots, - and _",
    "daily_budget_usd": _LIMIT,
    "monthly_budget_usd": _LIMIT,
    "max_price_usd": _DOLLARS,
    "usd": _DOLLARS,
    "models": "One model a line, or model@resolution, without spaces",
    "tags": "One name=value a line; names of small letters, digits, - and _",
    "upstream_key_env": "The name of an environment variable",
    "expires_on": "A day such as 2027-01-31",
    "fingerprint": "16 hexadecimal digits, as in the log and on this page",
    "why": "Say why, in at most 500 characters",
    "grace_s": "From 0 to 30 days",
    "images": "A whole number from 0 to 100",
}
FIELDS: Final = {"expires_at": "expires_on"}  # members of the API that the forms call otherwise
NEEDED: Final = {"why": "Say why: it goes on the record", "name": "It needs a name"}


@dataclass(slots=True)
class Filled:
    """A form as somebody filled it in, and what is wrong with it, by field."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    general: str = ""


class Unfit(Exception):
    """A form that says something that cannot be; carries what is wrong, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        places = [*LABELS]
        ordered = sorted(errors, key=lambda n: places.index(n) if n in LABELS else len(places))
        self.errors = {name: errors[name] for name in ordered}


def read(
    model: type[ModelT], said: Mapping[str, Any], also: Mapping[str, str] | None = None
) -> ModelT:
    """Read a form into a model of the API; `also` is what is known to be wrong already, by field.

    Raises:
        Unfit: with words for every field that is wrong.
    """
    wrong = dict(also or {})
    try:
        found = model.model_validate_json(json.dumps(said))
    except ValidationError as error:
        for e in error.errors(include_url=False, include_context=False, include_input=False):
            field = FIELDS.get(str(e["loc"][0]), str(e["loc"][0]))
            wrong.setdefault(field, _words(field, e["msg"], e["type"]))
        raise Unfit(wrong) from error
    if wrong:
        raise Unfit(wrong)
    return found


def _words(field: str, message: str, kind: str) -> str:
    if kind in ("missing", "string_too_short") and field in NEEDED:
        return NEEDED[field]
    said = message.removeprefix("Value error, ")
    said = said[:1].upper() + said[1:]
    return said if kind == "value_error" else WORDS.get(field, said)


def key_said(form: Mapping[str, str], zone: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Say what a form about a key says, as JSON for the API's models; empty is null.

    Beside it what is wrong already, by field: a day that is none, a tag without a value.
    """
    wrong: dict[str, str] = {}
    said: dict[str, Any] = {
        name: form.get(name, "").strip() or None
        for name in ("team", "daily_budget_usd", "monthly_budget_usd", "max_price_usd",
                     "timezone", "upstream_key_env")
    }  # fmt: skip
    said["models"] = form.get("models", "").replace(",", "\n").split()
    said["mode"] = "shadow" if form.get("mode") == "shadow" else "enforce"
    said |= {"tags": {}, "expires_at": None}
    try:
        said["tags"] = _tags(form.get("tags", ""))
    except Unfit as unfit:
        wrong |= unfit.errors
    try:
        said["expires_at"] = _expiry(form.get("expires_on", "").strip(), zone)
    except Unfit as unfit:
        wrong |= unfit.errors
    return said, wrong


def _tags(text: str) -> dict[str, str]:
    pairs = [line.strip().partition("=") for line in text.splitlines() if line.strip()]
    if not all(sign for _, sign, _ in pairs):
        raise Unfit({"tags": WORDS["tags"]})
    return {name.strip(): value.strip() for name, _, value in pairs}


def _expiry(text: str, zone: str) -> str | None:
    """Read the day on which a key expires: at its first instant."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
        return instant(midnight_us(day, zone)).isoformat()
    except (ValueError, OverflowError) as error:
        raise Unfit({"expires_on": WORDS["expires_on"]}) from error


def key_shown(key: Key, zone: str) -> dict[str, str]:
    """Spell a key the way a form about it does."""
    own_zone = key.zone.then or key.zone.name if key.zone else ""
    return {
        "name": key.name,
        "team": key.team,
        "daily_budget_usd": limit_shown(key.daily_micros),
        "monthly_budget_usd": limit_shown(key.monthly_micros),
        "max_price_usd": limit_shown(key.max_price_micros),
        "timezone": own_zone,
        "upstream_key_env": key.upstream_key_env,
        "models": "\n".join(key.models),
        "mode": "shadow" if key.shadow else "enforce",
        "tags": "\n".join(f"{n}={v}" for n, v in key.tags.items()),
        "expires_on": local(key.expires_us, zone).date().isoformat() if key.expires_us else "",
    }


def team_shown(team: Team) -> dict[str, str]:
    """Spell a team the way its form does."""
    return {
        "daily_budget_usd": limit_shown(team.daily_micros),
        "monthly_budget_usd": limit_shown(team.monthly_micros),
    }


def limit_shown(micros: int | None) -> str:
    """Spell a stored limit: empty for the default, without zeros that say nothing."""
    if micros is None:
        return ""
    if micros == UNLIMITED:
        return "unlimited"
    whole, _, decimals = usd(micros).partition(".")
    kept = decimals.rstrip("0")
    return f"{whole}.{kept.ljust(2, '0')}" if kept else whole


def changed(form: Mapping[str, str], shown: Mapping[str, str]) -> set[str]:
    """Name the fields that say something else than was shown."""
    return {n for n, v in shown.items() if n in form and _plain(form[n]) != _plain(v)}


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
