"""FOCUS 1.2 rows: the columns in their order, and how a movement of money fills them. Pure.

Every column that 1.2 asks of usage with public and negotiated prices, the two names that 1.3
puts in the place of provider and publisher, and three of ours. The invoice is the provider's
and unknown here, so `InvoiceId` stays null. A correction is a row of its own in the month that
it was learnt in, or in its charge's month while that one is open.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal

from proxy.instants import instant
from proxy.reports.makers import RESELLER, maker
from proxy.reports.periods import Period
from proxy.reports.sheets import Kind

Grain = Literal["charge", "day"]
PLACES: Final = 12
_CENT: Final = Decimal(1).scaleb(-PLACES)
_HOUR_US: Final = 3_600_000_000
_USD: Final = Decimal("0.000001")

COLUMNS: Final[tuple[tuple[str, Kind], ...]] = (
    ("BilledCost", "money"),
    ("BillingAccountId", "text"),
    ("BillingAccountName", "text"),
    ("BillingCurrency", "text"),
    ("BillingPeriodStart", "instant"),
    ("BillingPeriodEnd", "instant"),
    ("ChargeCategory", "text"),
    ("ChargeClass", "text"),
    ("ChargeDescription", "text"),
    ("ChargeFrequency", "text"),
    ("ChargePeriodStart", "instant"),
    ("ChargePeriodEnd", "instant"),
    ("ConsumedQuantity", "money"),
    ("ConsumedUnit", "text"),
    ("ContractedCost", "money"),
    ("ContractedUnitPrice", "money"),
    ("EffectiveCost", "money"),
    ("InvoiceId", "text"),
    ("InvoiceIssuerName", "text"),
    ("ListCost", "money"),
    ("ListUnitPrice", "money"),
    ("PricingCategory", "text"),
    ("PricingQuantity", "money"),
    ("PricingUnit", "text"),
    ("ProviderName", "text"),
    ("PublisherName", "text"),
    ("ServiceCategory", "text"),
    ("ServiceName", "text"),
    ("ServiceSubcategory", "text"),
    ("SkuId", "text"),
    ("SkuMeter", "text"),
    ("SkuPriceId", "text"),
    ("SkuPriceDetails", "text"),
    ("CommitmentDiscountStatus", "text"),
    ("PricingCurrency", "text"),
    ("PricingCurrencyContractedUnitPrice", "money"),
    ("PricingCurrencyEffectiveCost", "money"),
    ("PricingCurrencyListUnitPrice", "money"),
    ("SubAccountId", "text"),
    ("SubAccountName", "text"),
    ("Tags", "text"),
    ("ServiceProviderName", "text"),
    ("HostProviderName", "text"),
    ("x_ChargeId", "text"),
    ("x_PredictionId", "text"),
    ("x_PriceVersion", "text"),
)
NAMES: Final = tuple(name for name, _ in COLUMNS)


@dataclass(frozen=True, slots=True)
class Movement:
    """Settled money that moved: of one charge, or of a day's alike. Money in micro-USD."""

    charge_id: str | None
    prediction_id: str | None
    correction: bool
    settled_micros: int
    images: int
    admitted_us: int
    account: str
    key_name: str
    team: str
    model: str
    resolution: str
    task: str
    price_version: str
    unit_micros: int
    list_unit_micros: int | None
    images_mode: str
    tags: str

    @property
    def list_unit(self) -> int:
        """The list price of one; a price without one is its own."""
        return self.unit_micros if self.list_unit_micros is None else self.list_unit_micros


def line(moved: Movement, month: Period, grain: Grain) -> tuple[Any, ...]:
    """Fill the columns, in their order, for a movement that belongs to a billing month."""
    facts = _FIXED | _period(moved, month, grain) | _money(moved) | _sku(moved) | _owner(moved)
    return tuple(facts[name] for name in NAMES)


_FIXED: Final[dict[str, Any]] = {
    "BillingCurrency": "USD",
    "PricingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargeFrequency": "Usage-Based",
    "PricingCategory": "Standard",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceSubcategory": "Generative AI",
    "ServiceName": "GPT Proto Image API",
    "ProviderName": RESELLER,
    "ServiceProviderName": RESELLER,
    "HostProviderName": RESELLER,
    "InvoiceIssuerName": RESELLER,
    "InvoiceId": None,
    "CommitmentDiscountStatus": None,
}


def _period(moved: Movement, month: Period, grain: Grain) -> dict[str, Any]:
    start, span = _charged(moved.admitted_us // _HOUR_US, grain)
    return {
        **_billing(month),
        "ChargePeriodStart": start,
        "ChargePeriodEnd": start + span,
        "ChargeClass": "Correction" if moved.correction else None,
    }


@lru_cache(maxsize=64)
def _billing(month: Period) -> dict[str, datetime]:
    return {
        "BillingPeriodStart": instant(month.start_us),
        "BillingPeriodEnd": instant(month.end_us),
    }


@lru_cache(maxsize=1024)
def _charged(hours: int, grain: Grain) -> tuple[datetime, timedelta]:
    hour = instant(hours * _HOUR_US).replace(minute=0, second=0, microsecond=0)
    return (hour, timedelta(hours=1)) if grain == "charge" else (hour.replace(hour=0), timedelta(1))


def _money(moved: Movement) -> dict[str, Any]:
    cost, quantity = _usd(moved.settled_micros), _places(Decimal(moved.images))
    unit, listed = _usd(moved.unit_micros), _usd(moved.list_unit)
    return {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost"), cost),
        "PricingCurrencyEffectiveCost": cost,
        **dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), quantity),
        **dict.fromkeys(("ContractedUnitPrice", "PricingCurrencyContractedUnitPrice"), unit),
        **dict.fromkeys(("ListUnitPrice", "PricingCurrencyListUnitPrice"), listed),
        "ListCost": _usd(moved.images * moved.list_unit),
    }


def _sku(moved: Movement) -> dict[str, Any]:
    sku = f"{moved.model}/{moved.task}"
    unit = "Runs" if moved.images_mode == "run" else "Images"
    counted = unit.lower() if moved.images != 1 else unit.lower()[:-1]
    what = "correction" if moved.correction else f"{moved.images} {counted}"
    return {
        "SkuId": sku,
        "SkuMeter": f"{unit} generated",
        "SkuPriceId": f"{sku}/{moved.resolution}/{moved.price_version}:{moved.unit_micros}",
        "SkuPriceDetails": _details(moved.model, moved.resolution, moved.task),
        "ChargeDescription": f"{moved.model} at {moved.resolution}, {moved.task}: {what}",
        **dict.fromkeys(("ConsumedUnit", "PricingUnit"), unit),
        "PublisherName": maker(moved.model),
        "x_PriceVersion": moved.price_version,
    }


def _owner(moved: Movement) -> dict[str, Any]:
    return {
        "BillingAccountId": moved.account,
        "BillingAccountName": f"{RESELLER} account {moved.account}",
        **dict.fromkeys(("SubAccountId", "SubAccountName"), moved.team or None),
        "Tags": _tags(moved.team, moved.key_name, moved.tags),
        "x_ChargeId": moved.charge_id,
        "x_PredictionId": moved.prediction_id,
    }


@lru_cache(maxsize=4096)
def _details(model: str, resolution: str, task: str) -> str:
    facts = {"x_Model": model, "x_Resolution": resolution, "x_Task": task}
    return json.dumps(facts, ensure_ascii=False)


_OURS: Final = ("team", "key")  # a caller who may declare such a tag is not believed


@lru_cache(maxsize=4096)
def _tags(team: str, key: str, tags: str) -> str:
    ours = ({"team": team} if team else {}) | {"key": key}
    told = json.loads(tags).items()
    theirs = {f"tag:{name}" if name in _OURS else name: value for name, value in told}
    return json.dumps(ours | theirs, ensure_ascii=False)


@lru_cache(maxsize=4096)
def _usd(micros: int) -> Decimal:
    return _places(micros * _USD)


@lru_cache(maxsize=4096)
def _places(number: Decimal) -> Decimal:
    return number.quantize(_CENT)
