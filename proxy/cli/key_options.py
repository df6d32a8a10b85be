"""The options of a key: what may be said of one at a terminal, and its members in the API."""

import functools
import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from inspect import Parameter
from typing import Annotated, Any, Final

import typer

from proxy.cli.arguments import moment, span
from proxy.clock import now_us
from proxy.instants import instant

CLEARED: Final = frozenset({"", "default", "none", "never", "all"})

Named = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of a key.")]
Why = Annotated[str, typer.Option(help="Goes on the record.")]
Given = dict[str, Any]
"""What was said of a key, as members of the API; what was not given is left out."""

# option -> its member in the API, and its words
_OPTIONS: Final = {
    "team": ("team", "Team it belongs to; '' for none."),
    "daily_budget": ("daily_budget_usd", "USD a day, unlimited, or default."),
    "monthly_budget": ("monthly_budget_usd", "USD a month, unlimited, or default."),
    "timezone": ("timezone", "IANA zone of its days, or default."),
    "models": ("models", "A,B@1K: what it may use; all."),
    "max_price": ("max_price_usd", "The most one call may cost, USD; none."),
    "expires": ("expires_at", "90d from now, an instant, or never."),
    "mode": ("mode", "enforce, or shadow: count but do not refuse."),
    "upstream_key_env": ("upstream_key_env", "Variable with the GPT Proto key it calls with."),
}

Command = Callable[..., None]


def says_of_a_key(*, but: str = "") -> Callable[[Command], Command]:
    """Give a command these options, all `but` one, where its signature says `given`."""
    options = [
        Parameter(
            option,
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(help=words)],
        )
        for option, (_, words) in _OPTIONS.items()
        if option != but
    ]

    def wrap(command: Command) -> Command:
        taken: list[Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            taken += options if parameter.name == "given" else [parameter]

        @functools.wraps(command)
        def called(**values: Any) -> None:
            texts = {option.name: values.pop(option.name) for option in options}
            command(**values, given=_said(texts))

        called.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]  # typer reads it
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in taken}
        return called

    return wrap


def _said(texts: Mapping[str, str | None]) -> Given:
    return {
        _OPTIONS[option][0]: None if _clears(option, text) else _member(option, text)
        for option, text in texts.items()
        if text is not None
    }


def _clears(option: str, text: str) -> bool:
    if option == "mode":  # empty by a slip, it is not to end a trial in shadow
        return False
    return text == "" if option == "team" else text.lower() in CLEARED


def _member(option: str, text: str) -> Any:
    if option == "models":
        return [part.strip() for part in text.split(",") if part.strip()]
    return _expiry(text) if option == "expires" else text


def _expiry(text: str) -> datetime:
    if text[-1:].isalpha() and "T" not in text:
        return instant(now_us() + int(span(text) * 1e6))
    return moment(text)
