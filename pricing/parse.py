"""The text of a price table -> `PriceTable`, refusing whatever could be read in two ways.

Every rule about the file's members is here. A breach is a `TableError` that names the file, the
line and the member.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn, cast, get_args

from pricing.errors import TableError
from pricing.lines import Member, line_of, spell
from pricing.money import Micros, parse_usd
from pricing.rates import Rate, ties
from pricing.resolution import ANY, canonical
from pricing.table import ImagesMode, Model, PriceTable, names_of

KINDS = ("image", "video", "audio", "tool")
STATUSES = ("published", "derived", "estimated", "free")
_TABLE = {"version", "effective_from", "currency", "source", "complete", "models"}
_MODEL = {"kind", "aliases", "default_resolution", "images", "complete", "unpriced", "source"}
_PRICE = {"usd", "list_usd", "status", "note", "source"}
_RATE = _PRICE | {"resolution", "task", "references", "quality"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/-]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._*-]{0,31}")
_RANGE = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3})|(\+))?")
_AT_LINE = re.compile(r" \(at line (\d+)")
_RUNS = ("midjourney", "grid", "sequen")


def load_table(text: str, *, name: str, stored: bool = False) -> PriceTable:
    """Read one version from its TOML text; `name` is the file that errors speak of.

    A version that is `stored` already may have no model: it was let in before that was a fault.

    Raises:
        TableError: it cannot be used; names file, line and member.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        place = _AT_LINE.search(str(error))
        line = int(place[1]) if place else len(text.splitlines())
        raise TableError(name, line, "", f"is not TOML: {error}") from None
    return _Reader(text, name).table(document, may_be_empty=stored)


class _Reader:
    """One reading of one file: it knows where a fault stands."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    def fault(self, member: Member, why: str) -> NoReturn:
        raise TableError(self.name, line_of(self.text, member), spell(member), why)

    def table(self, document: dict[str, Any], *, may_be_empty: bool) -> PriceTable:
        self.known(document, _TABLE, ())
        version = self.matching(document, ("version",), _VERSION)
        if document.get("currency", "USD") != "USD":
            self.fault(("currency",), "must be USD")
        complete = self.flag(document, ("complete",), default=True)
        source = self.words(document, ("source",))
        models = {
            name: self.model(name, self.mapping(member, ("models", name)), source, whole=complete)
            for name, member in self.mapping(document.get("models", {}), ("models",)).items()
        }
        self.distinct_names(models.values())
        instant = self.instant(document)
        if complete and not models and not may_be_empty:
            self.fault(("models",), "is empty: no call would have a price")
        return PriceTable(version, instant, models, complete, source, self.text)

    def instant(self, document: dict[str, Any]) -> datetime:
        value = document.get("effective_from")
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.fault(("effective_from",), "must be an instant with an offset")
        return value

    def model(self, name: str, member: dict[str, Any], source: str, *, whole: bool) -> Model:
        place: Member = ("models", name)
        self.known(member, _MODEL | {"prices", "rates"}, place)
        if not _NAME.fullmatch(name):
            self.fault(place, "is no name of a model")
        complete = whole and self.flag(member, (*place, "complete"), default=True)
        relays = self.choice(member, (*place, "unpriced"), ("relay",), None) is not None
        kind = self.choice(member, (*place, "kind"), KINDS, "image")
        rates = self.rates(member, place, self.words(member, (*place, "source")) or source)
        if not rates and complete and not relays:
            self.fault(place, "has no price")
        images = self.choice(member, (*place, "images"), get_args(ImagesMode), None)
        return Model(
            id=name,
            kind=cast("str", kind),
            images=cast("ImagesMode", images or _images_by_default(name, cast("str", kind))),
            rates=rates,
            aliases=self.aliases(member, (*place, "aliases")),
            default_resolution=self.default(
                member, (*place, "default_resolution"), rates, complete=complete
            ),
            complete=complete,
            relays_unpriced=relays,
            makes_sequences=images is None and "seedream" in name,
        )

    def rates(self, member: dict[str, Any], place: Member, source: str) -> tuple[Rate, ...]:
        rows: list[tuple[Member, Rate]] = []
        for label, value in self.mapping(member.get("prices", {}), (*place, "prices")).items():
            here: Member = (*place, "prices", label)
            price = self.mapping(value, here)
            self.known(price, _PRICE, here)
            rows.append((here, self.rate({**price, "resolution": label}, here, source)))
        listed = member.get("rates", [])
        if not isinstance(listed, list):
            self.fault((*place, "rates"), "must be a list of tables")
        for index, value in enumerate(listed):
            here = (*place, "rates", index)
            price = self.mapping(value, here)
            self.known(price, _RATE, here)
            rows.append((here, self.rate(price, here, source)))
        for one, two in ties([rate for _, rate in rows]):
            self.fault(rows[two][0], f"ties with {spell(rows[one][0])}")
        return tuple(rate for _, rate in rows)

    def rate(self, row: dict[str, Any], place: Member, source: str) -> Rate:
        status = self.choice(row, (*place, "status"), STATUSES, "published")
        usd = self.money(row, (*place, "usd"))
        if usd is None:
            self.fault((*place, "usd"), "is missing")
        if (usd == 0) != (status == "free"):
            self.fault((*place, "usd"), "is 0 if and only if the status is free")
        label = row.get("resolution", ANY)
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            self.fault((*place, "resolution"), "must be a label")
        return Rate(
            usd_micros=usd,
            list_micros=self.money(row, (*place, "list_usd")),
            status=cast("str", status),
            resolution=ANY if label.lower() == ANY else label,
            task=self.words(row, (*place, "task")) or None,
            references=self.range(row, (*place, "references")),
            quality=self.words(row, (*place, "quality")).lower() or None,
            source=self.words(row, (*place, "source")) or source,
            note=self.words(row, (*place, "note")),
        )

    def default(
        self, member: dict[str, Any], place: Member, rates: Iterable[Rate], *, complete: bool
    ) -> str | None:
        wanted = canonical(self.words(member, place))
        sold = {canonical(rate.resolution): rate.resolution for rate in rates}
        if not wanted and complete and len(sold) == 1:
            (wanted,) = sold  # all it sells, so nothing is left open
        if wanted and wanted not in sold:
            self.fault(place, "is not a resolution of this model")
        return None if wanted == ANY else sold.get(wanted)

    def distinct_names(self, models: Iterable[Model]) -> None:
        owners: dict[str, str] = {}
        for model in models:
            for called in names_of(model):
                if owners.setdefault(called, model.id) != model.id:
                    place = "aliases" if called != model.id else ""
                    member = ("models", model.id, place) if place else ("models", model.id)
                    self.fault(member, f"{called} is also a name of {owners[called]}")

    def aliases(self, member: dict[str, Any], place: Member) -> tuple[str, ...]:
        names = member.get("aliases", [])
        if not isinstance(names, list):
            self.fault(place, "must be a list of names")
        for name in names:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                self.fault(place, f"{name!r} is no name of a model")
        return tuple(names)

    def known(self, member: Mapping[str, Any], names: set[str], place: Member) -> None:
        for name in member:
            if name not in names:
                self.fault((*place, name), "is not a member that a price table has here")

    def mapping(self, value: object, place: Member) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fault(place, "must be a table")
        return value

    def flag(self, member: Mapping[str, Any], place: Member, *, default: bool) -> bool:
        value = member.get(str(place[-1]), default)
        if not isinstance(value, bool):
            self.fault(place, "must be true or false")
        return value

    def words(self, member: Mapping[str, Any], place: Member) -> str:
        value = member.get(str(place[-1]), "")
        if not isinstance(value, str):
            self.fault(place, "must be a string")
        return value

    def matching(self, member: Mapping[str, Any], place: Member, form: re.Pattern[str]) -> str:
        value = self.words(member, place)
        if not form.fullmatch(value):
            self.fault(place, f"must match {form.pattern}")
        return value

    def choice(
        self, member: Mapping[str, Any], place: Member, values: tuple[str, ...], default: str | None
    ) -> str | None:
        value = member.get(str(place[-1]), default)
        if value != default and value not in values:
            self.fault(place, f"must be one of {', '.join(values)}")
        return cast("str | None", value)

    def money(self, member: Mapping[str, Any], place: Member) -> Micros | None:
        value = member.get(str(place[-1]))
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(place, "must be a string of dollars")
        try:
            return parse_usd(value)
        except ValueError as error:
            self.fault(place, f"{value!r} is {error}")

    def range(self, member: Mapping[str, Any], place: Member) -> tuple[int, int | None] | None:
        value = member.get("references")
        if value is None:
            return None
        found = _RANGE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            self.fault(place, 'must be a range such as "4-7", "4+" or "4"')
        least = int(found[1])
        most = None if found[3] else int(found[2] or found[1])
        if most is not None and most < least:
            self.fault(place, "ends before it starts")
        return least, most


def _images_by_default(name: str, kind: str) -> str:
    return "run" if kind != "image" or any(word in name for word in _RUNS) else "n"
