"""How a statement is laid out: which column says what, and in what units. Pure.

The default is `prediction_id, created_at, model, amount_usd`. A TOML file describes another:

    delimiter = ";"
    [columns]
    prediction_id = "Task ID"
    created_at = "Time"
    model = "Model"
    amount = "Cost (cents)"
    currency = "Currency"          # optional: a line in another currency is not read
    key = "Key name"               # optional: narrows lines without an id
    [amount]
    scale = "0.01"                 # what one unit of the column is in USD
    decimal_comma = false
    negative = false               # true where the bill prints what it takes as negative
    [time]
    format = "%d.%m.%Y %H:%M:%S"   # or "iso", "unix", "unix_ms"
    timezone = "Asia/Shanghai"     # of times that name no offset
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from proxy.instants import epoch_us, instant

AMOUNT_MAX = Decimal(1_000_000)
YEARS = range(2000, 9000)  # a time beyond them was read in the wrong format
_MICROS = Decimal(1_000_000)
_WANTED = ("prediction_id", "created_at", "model", "amount")
_OPTIONAL = ("currency", "key")
_KNOWN = {
    "": {"delimiter", "encoding", "columns", "amount", "time"},
    "columns": {*_WANTED, *_OPTIONAL},
    "amount": {"scale", "decimal_comma", "negative", "currency"},
    "time": {"format", "timezone"},
}


class MappingError(ValueError):
    """A mapping that cannot be used; says where and why."""


class Unreadable(ValueError):
    """One line of a statement that cannot be read; says which member and why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout, ready to read lines with."""

    columns: Mapping[str, str] = field(
        default_factory=lambda: {
            "prediction_id": "prediction_id",
            "created_at": "created_at",
            "model": "model",
            "amount": "amount_usd",
        }
    )
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    scale: Decimal = Decimal(1)
    decimal_comma: bool = False
    negative: bool = False
    currency: str = "USD"
    time_format: str = "iso"
    timezone: str = "UTC"

    def micros(self, text: str) -> int:
        """Read an amount exactly, in micro-USD; a refund is below 0.

        Raises:
            Unreadable: it is no number, too large, or finer than a micro-dollar.
        """
        plain = text.strip().lstrip("$").replace(" ", "")
        if self.decimal_comma:
            plain = plain.replace(".", "").replace(",", ".")
        try:
            amount = Decimal(plain) * self.scale
            if not amount.is_finite() or abs(amount) > AMOUNT_MAX:
                raise Unreadable(f"amount {text!r} is no sum of money")
        except ArithmeticError as error:
            raise Unreadable(f"amount {text!r} is no number") from error
        micros = amount * _MICROS
        if micros != int(micros):
            raise Unreadable(f"amount {text!r} is finer than a micro-dollar")
        return -int(micros) if self.negative else int(micros)

    def at_us(self, text: str) -> int:
        """Read an instant, in microseconds since 1970.

        Raises:
            Unreadable: it does not have the format, or lies beyond `YEARS`.
        """
        try:
            moment = self._moment(text.strip())
        except (ValueError, ArithmeticError, OSError) as error:
            raise Unreadable(f"time {text!r} is not {self.time_format}") from error
        if moment.year not in YEARS:
            raise Unreadable(f"time {text!r} is of the year {moment.year}: is it another format?")
        return epoch_us(moment)

    def _moment(self, text: str) -> datetime:
        if self.time_format in ("unix", "unix_ms"):
            unit = 1_000_000 if self.time_format == "unix" else 1_000
            return instant(int(Decimal(text) * unit))
        if self.time_format == "iso":
            moment = datetime.fromisoformat(text)
        else:
            moment = datetime.strptime(text, self.time_format)  # noqa: DTZ007 - the zone follows
        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.timezone))


def read_mapping(text: str) -> Layout:
    """Read a mapping.

    Raises:
        MappingError: it is not TOML, or a member is unknown, missing or of the wrong kind.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"not TOML: {error}") from error
    parts = {name: _part(document, name) for name in ("columns", "amount", "time")}
    _known("", document)
    if missing := [name for name in _WANTED if name not in parts["columns"]]:
        raise MappingError(f"columns: {', '.join(missing)} must be named")
    default = Layout()
    columns, amount, time = parts.values()
    return Layout(
        columns={name: _text(columns, name, "") for name in columns},
        delimiter=_delimiter(_text(document, "delimiter", default.delimiter)),
        encoding=_text(document, "encoding", default.encoding),
        scale=_scale(amount.get("scale", "1")),
        decimal_comma=_flag(amount, "decimal_comma"),
        negative=_flag(amount, "negative"),
        currency=_text(amount, "currency", default.currency).upper(),
        time_format=_text(time, "format", default.time_format),
        timezone=_zone(_text(time, "timezone", default.timezone)),
    )


def _text(part: Mapping[str, Any], name: str, default: str) -> str:
    value = part.get(name, default)
    if not isinstance(value, str):
        raise MappingError(f"{name} must be a text in quotes")
    return value


def _flag(part: Mapping[str, Any], name: str) -> bool:
    value = part.get(name, False)
    if not isinstance(value, bool):
        raise MappingError(f"{name} must be true or false, without quotes")
    return value


def _delimiter(text: str) -> str:
    if len(text) != 1 or text in '"\r\n':
        raise MappingError(f"delimiter must be one character, such as ';', not {text!r}")
    return text


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name, {})
    if not isinstance(part, dict):
        raise MappingError(f"{name} must be a table")
    _known(name, part)
    return part


def _known(name: str, part: Mapping[str, Any]) -> None:
    if unknown := set(part) - _KNOWN[name]:
        place = f"{name}: " if name else ""
        raise MappingError(f"{place}{', '.join(sorted(unknown))} is not a member of a mapping")


def _scale(value: object) -> Decimal:
    try:
        if isinstance(value, str) and (scale := Decimal(value)) > 0:
            return scale
    except InvalidOperation:
        pass
    raise MappingError('amount: scale must be a string such as "0.01"')


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise MappingError(f"time: there is no time zone {name!r}") from error
    return name
