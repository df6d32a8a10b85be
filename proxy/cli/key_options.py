"""The options of a key: what may be said of one at a terminal, and its members in the API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from proxy.cli.arguments import moment, span
from proxy.clock import now_us
from proxy.instants import instant

CLEARED: Final = frozenset({"", "default", "none", "never", "all"})

Named = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of a key.")]
Team = Annotated[str | None, typer.Option(help="Team it belongs to; '' for none.")]
Daily = Annotated[str | None, typer.Option(help="USD a day, unlimited, or default.")]
Monthly = Annotated[str | None, typer.Option(help="USD a month, unlimited, or default.")]
Zone = Annotated[str | None, typer.Option(help="IANA zone of its days, or default.")]
Models = Annotated[str | None, typer.Option(help="A,B@1K: what it may use; all.")]
MaxPrice = Annotated[str | None, typer.Option(help="The most one call may cost, USD; none.")]
Expires = Annotated[str | None, typer.Option(help="90d from now, an instant, or never.")]
Mode = Annotated[str | None, typer.Option(help="enforce, or shadow: count but do not refuse.")]
KeyEnv = Annotated[str | None, typer.Option(help="Variable with the GPT Proto key it calls with.")]
Why = Annotated[str, typer.Option(help="Goes on the record.")]


def said(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read options into members of the API; what was not given is left out."""
    found: dict[str, Any] = {}
    for option, member in _MEMBERS.items():
        if (text := options.get(option)) is not None:
            found[member] = None if _clears(option, text) else _member(option, text)
    return found


_MEMBERS: Final = {
    "team": "team",
    "daily_budget": "daily_budget_usd",
    "monthly_budget": "monthly_budget_usd",
    "timezone": "timezone",
    "models": "models",
    "max_price": "max_price_usd",
    "expires": "expires_at",
    "mode": "mode",
    "upstream_key_env": "upstream_key_env",
}


def _clears(option: str, text: str) -> bool:
    return text == "" if option in {"team", "mode"} else text.lower() in CLEARED


def _member(option: str, text: str) -> Any:
    if option == "models":
        return [part.strip() for part in text.split(",") if part.strip()]
    return _expiry(text) if option == "expires" else text


def _expiry(text: str) -> datetime:
    if text[-1:].isalpha() and "T" not in text:
        return instant(now_us() + int(span(text) * 1e6))
    return moment(text)
