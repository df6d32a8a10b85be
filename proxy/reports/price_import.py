"""A new price version out of the one in force and of what is published now. Pure.

What is published replaces the plain price of its model and resolution. What is not in the
source stays as it was: aliases, how images are counted, rates bound to more, our own estimates.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from pricing import Micros, Model, PriceTable, Rate, load_table, usd
from pricing.resolution import ANY, canonical
from proxy.reports.price_sources import Published, Skipped

Told = list[Published | Skipped]


@dataclass(frozen=True, slots=True)
class Imported:
    """The new version, and what of the source is not in it."""

    table: PriceTable
    skipped: tuple[Skipped, ...]


def build(
    base: PriceTable, told: Told, *, version: str, effective_from: datetime, source: str
) -> Imported:
    """Make a version; raises `TableError` where the result would not load."""
    models = dict(base.models)
    skipped = [each for each in told if isinstance(each, Skipped)]
    for each in told:
        if isinstance(each, Published):
            known = models.get(each.model)
            if each.starting and known is not None and len(known.rates) > 1:
                skipped += _starting(known, each)
            else:
                models[each.model] = _with(known, each, source)
    table = replace(
        base, version=version, effective_from=effective_from, models=models, source=source
    )
    return Imported(load_table(written(table), name=version), tuple(skipped))


def again(base: PriceTable, *, version: str, effective_from: datetime) -> PriceTable:
    """Make a version that says what another one said: the end of a promotion."""
    table = replace(
        base, version=version, effective_from=effective_from, source=f"as in {base.version}"
    )
    return load_table(written(table), name=version)


def _starting(known: Model, told: Published) -> Iterator[Skipped]:
    """Compare a starting price with the least of several: it says nothing of the others."""
    least = min(rate.usd_micros for rate in known.rates)
    if least != told.usd_micros:
        why = f"starts at {usd(told.usd_micros)}, here at {usd(least)}: look at its page"
        yield Skipped(told.model, "", why)


def _with(known: Model | None, told: Published, source: str) -> Model:
    rate = Rate(Micros(told.usd_micros), _listed(told), "published", told.resolution, source=source)
    if known is None:
        return Model(told.model, told.kind, "n" if told.kind == "image" else "run", (rate,))
    rates = [_updated(each, told, source) for each in known.rates]
    if not any(_same(each, told) or _says(each, told) for each in rates):
        rates.append(rate)
    return replace(known, rates=tuple(rates))


def _says(rate: Rate, told: Published) -> bool:
    """Whether a rate bound to more is the published price already."""
    here = canonical(rate.resolution) == canonical(told.resolution)
    return here and rate.usd_micros == told.usd_micros


def _listed(told: Published) -> Micros | None:
    return None if told.list_micros is None else Micros(told.list_micros)


def _updated(rate: Rate, told: Published, source: str) -> Rate:
    if not _same(rate, told):
        return rate
    listed = rate.list_micros if told.starting else _listed(told)
    if (rate.usd_micros, rate.list_micros) == (told.usd_micros, listed):
        return rate
    return replace(
        rate, usd_micros=Micros(told.usd_micros), list_micros=listed, status="published", note="",
        source=source,
    )  # fmt: skip


def _same(rate: Rate, told: Published) -> bool:
    if rate.task or rate.references or rate.quality:
        return False
    return told.starting or canonical(rate.resolution) == canonical(told.resolution)


def sells_the_same(one: PriceTable, two: PriceTable) -> bool:
    """Say whether two versions differ in their names, dates and sources only."""
    return _sold(one) == _sold(two)


def _sold(table: PriceTable) -> list[object]:
    return [table.complete, {name: _without_words(model) for name, model in table.models.items()}]


def _without_words(model: Model) -> Model:
    return replace(model, rates=tuple(replace(r, source="", note="") for r in model.rates))


def written(table: PriceTable) -> str:
    """Write a version as the TOML that `load_table` reads."""
    return "\n".join(
        [*_head(table), *(line for m in table.models.values() for line in _model(m, table))]
    )


def _head(table: PriceTable) -> Iterator[str]:
    yield f"version = {_text(table.version)}"
    yield f"effective_from = {table.effective_from.isoformat()}"
    yield 'currency = "USD"'
    yield f"source = {_text(table.source)}"
    if not table.complete:
        yield "complete = false"


def _source(model: Model, table: PriceTable) -> str:
    """Find the source that all rates of a model have; else the table's."""
    sources = {rate.source for rate in model.rates}
    return sources.pop() if len(sources) == 1 else table.source


def _model(model: Model, table: PriceTable) -> Iterator[str]:
    place = f"models.{_text(model.id)}"
    yield f"\n[{place}]"
    yield f"kind = {_text(model.kind)}"
    if model.aliases:
        yield f"aliases = [{', '.join(map(_text, model.aliases))}]"
    if model.default_resolution:
        yield f"default_resolution = {_text(model.default_resolution)}"
    if not model.makes_sequences:  # by its name; to say how images count would undo it
        yield f"images = {_text(model.images)}"
    if not model.complete:
        yield "complete = false"
    if model.relays_unpriced:
        yield 'unpriced = "relay"'
    source = _source(model, table)
    if source != table.source:
        yield f"source = {_text(source)}"
    plain = [rate for rate in model.rates if not (rate.task or rate.references or rate.quality)]
    if plain:
        yield f"[{place}.prices]"
        yield from (f"{_text(r.resolution)} = {{ {', '.join(_facts(r, source))} }}" for r in plain)
    for rate in model.rates:
        if rate not in plain:
            yield f"\n[[{place}.rates]]"
            yield from _bindings(rate)
            yield from _facts(rate, source)


def _bindings(rate: Rate) -> Iterator[str]:
    if rate.resolution != ANY:
        yield f"resolution = {_text(rate.resolution)}"
    if rate.task:
        yield f"task = {_text(rate.task)}"
    if rate.references:
        least, most = rate.references
        yield f"references = {_text(f'{least}+' if most is None else f'{least}-{most}')}"
    if rate.quality:
        yield f"quality = {_text(rate.quality)}"


def _facts(rate: Rate, source: str) -> Iterable[str]:
    yield f"usd = {_text(usd(rate.usd_micros))}"
    if rate.list_micros is not None:
        yield f"list_usd = {_text(usd(rate.list_micros))}"
    yield f"status = {_text(rate.status)}"
    if rate.source != source:
        yield f"source = {_text(rate.source)}"
    if rate.note:
        yield f"note = {_text(rate.note)}"


def _text(value: str) -> str:
    """Quote as TOML does: JSON's escapes are among its own, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
