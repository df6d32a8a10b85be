"""What a request may say. Unknown members are refused by name; money is a string of dollars."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
)

from pricing import parse_usd
from proxy.directory import UNLIMITED
from proxy.instants import epoch_us
from proxy.settings import values

STEPS: Final = frozenset({".", ".."})  # no path leads to what is called so
NAME: Final = r"^[A-Za-z0-9._-]{1,64}$"
_USD: Final = r"(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,6})?|1000000(?:\.0{1,6})?"
GRACE_MAX_S: Final = 30 * 86400
_YEARS: Final = range(2000, 9000)
_LIKE_AN_ID: Final = re.compile(r"(?i)own[-_][0-9a-f]{16}|key_[0-9a-z]{14}|[0-9a-f]{16}")


def _no_id(name: str) -> str:
    if _LIKE_AN_ID.fullmatch(name):
        raise ValueError("this looks like the id or fingerprint of a key; choose another name")
    return name


def _no_step(name: str) -> str:
    if name in STEPS:
        raise ValueError("a name is not . or .., which every URL takes for a step; choose another")
    return name


def _in_reach(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"expected a year from {_YEARS.start} to {_YEARS.stop - 1}")
    return moment


_TEAM: Final = r"^(\*|[A-Za-z0-9._-]{1,64})$"
_AMOUNT: Final = f"^(?:{_USD})$"
_LIMIT: Final = f"^(?:unlimited|{_USD})$"
_MARK: Final = r"^[0-9a-f]{16}$"
_CHARGE: Final = r"^fb_[0-9a-z]{21}$"
_PREDICTION: Final = r"^[^\x00]{1,256}$"
PATTERNS: Final = {
    NAME: "a name is 1 to 64 letters, digits, dots, - and _",
    _TEAM: "a name is 1 to 64 letters, digits, dots, - and _",
    _AMOUNT: "expected dollars with at most six decimals, such as 0.0402, up to a million",
    _LIMIT: "expected unlimited, or dollars with at most six decimals, up to a million",
    _CHARGE: "send the next_cursor of the last answer to the same question",
    _PREDICTION: "a prediction's id has 1 to 256 characters",
    _MARK: "a fingerprint is the first 16 hex digits of the SHA-256 of the bare key",
}

Name = Annotated[str, Field(pattern=NAME, description="1 to 64 letters, digits, dots, - and _.")]
FreshName = Annotated[Name, AfterValidator(_no_id), AfterValidator(_no_step)]
Membership = Annotated[Name, AfterValidator(_no_step)]
TeamName = Annotated[str, Field(pattern=_TEAM, description="A team."), AfterValidator(_no_step)]
Usd = Annotated[str, Field(pattern=_AMOUNT, examples=["0.0402"], description="Dollars.")]
Limit = Annotated[
    str,
    Field(
        pattern=_LIMIT,
        examples=["25", "unlimited"],
        description='Dollars, "unlimited", or null for the default.',
    ),
]
Prediction = Annotated[str, Field(pattern=_PREDICTION, description="Id of the upstream's job.")]
Instant = Annotated[AwareDatetime, AfterValidator(_in_reach)]
Timezone = Annotated[
    str,
    Field(examples=["Europe/Berlin"], max_length=64, description="An IANA zone."),
    AfterValidator(values.zone),
]
Why = Annotated[str, Field(min_length=1, max_length=500, description="Goes on the record.")]
ModelEntry = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
TagName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
TagValue = Annotated[str, Field(max_length=200, pattern=r"^[\x20-\x7e]*$")]
Fingerprint = Annotated[str, Field(pattern=_MARK)]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


class Asked(BaseModel):
    """The rules of every request: nothing unknown, nothing turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @field_validator("*")
    @classmethod
    def _can_be_kept(cls, value: Any) -> Any:
        """Refuse what PostgreSQL takes for no text."""
        if isinstance(value, str) and "\0" in value:
            raise ValueError("a text cannot hold the character NUL")
        return value


class KeyFacts(Asked):
    """What may be said of any key; what is left out stays as it is."""

    team: Membership | None = None
    daily_budget_usd: Limit | None = None
    monthly_budget_usd: Limit | None = None
    timezone: Timezone | None = None
    models: list[ModelEntry] | None = Field(
        None, max_length=500, description="`model` or `model@resolution`; null or empty: all."
    )
    max_price_usd: Usd | None = Field(None, description="The most one call may cost.")
    expires_at: Instant | None = None
    mode: Literal["enforce", "shadow"] | None = Field(None, description="null is enforce.")
    tags: dict[TagName, TagValue] | None = None
    upstream_key_env: EnvName | None = Field(
        None, description="Environment variable that holds the GPT Proto key for this key's calls."
    )

    def facts(self) -> dict[str, Any]:
        """Say it in the registry's words; only what was said."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return {_COLUMNS.get(name, name): _stored(name, value) for name, value in said.items()}


_COLUMNS: Final = {
    "daily_budget_usd": "daily_micros",
    "monthly_budget_usd": "monthly_micros",
    "max_price_usd": "max_price_micros",
    "expires_at": "expires_us",
    "mode": "shadow",
}
_KEPT: Final = ("name", None)
_EMPTY: Final[dict[str, Any]] = {"team": "", "models": [], "tags": {}, "upstream_key_env": ""}


def _stored(name: str, value: Any) -> Any:
    if name == "mode":
        return int(value == "shadow")
    if value is None:
        return _EMPTY.get(name)
    if name.endswith("_usd"):
        return limit_micros(value)
    return epoch_us(value) if name == "expires_at" else value


def limit_micros(text: str) -> int:
    """Read a limit into micro-USD as stored: unlimited is -1."""
    return UNLIMITED if text == "unlimited" else parse_usd(text)


class NewKey(KeyFacts):
    """A key to be made."""

    name: FreshName


class Adoption(KeyFacts):
    """A caller's own GPT Proto key to be named and budgeted; its secret is never told."""

    fingerprint: Fingerprint = Field(description="First 16 hex of the SHA-256 of the bare key.")
    name: FreshName


class KeyChange(KeyFacts):
    """What is to change of a key; what is left out stays."""

    name: FreshName | None = Field(None, description="A new name; null keeps it.")

    def facts(self) -> dict[str, Any]:
        """Say it in the registry's words; a name of null is no change."""
        return {name: value for name, value in super().facts().items() if (name, value) != _KEPT}


class Rotation(Asked):
    """How long the old secret is good for beside the new one."""

    grace_s: int = Field(0, ge=0, le=GRACE_MAX_S, description="Seconds.")
    force: bool = Field(
        default=False,
        description="End the grace of an earlier rotation for another; refused otherwise.",
    )


class Reason(Asked):
    """Why, for the record."""

    why: str = Field("", max_length=500)


class TopUp(Asked):
    """More for the running day."""

    usd: Usd


class TeamFacts(Asked):
    """A team's limits; what is left out stays as it is, null is no limit."""

    daily_budget_usd: Limit | None = None
    monthly_budget_usd: Limit | None = None

    def facts(self) -> dict[str, Any]:
        """Say it in the registry's words; only what was said."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return {_COLUMNS[name]: _stored(name, value) for name, value in said.items()}


class Decision(Asked):
    """A fare decided by hand."""

    why: Why


class Charging(Decision):
    """A fare charged by hand."""

    images: int = Field(0, ge=0, le=100, description="Images sold; 0 charges what was reserved.")


class QuoteAsked(Asked):
    """A submit to be priced, for a key or for none."""

    path: str = Field(max_length=2000, examples=["/api/v3/google/gemini-2.5-flash-image/edit"])
    body: dict[str, Any]
    key: str | None = Field(None, max_length=64, description="Name or id; null asks for no key.")


class Paged(Asked):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid", strict=False)
    cursor: str | None = Field(None, max_length=200)
    limit: int = Field(100, ge=1, le=1000)


class KeysAsked(Paged):
    """Which keys."""

    team: Name | None = None
    state: Literal["active", "paused", "revoked"] | None = None


class ChargesAsked(Paged):
    """Which charges, newest first; the cursor is a charge's id."""

    model_config = ConfigDict(extra="forbid", strict=False, populate_by_name=True)
    cursor: str | None = Field(None, pattern=_CHARGE)
    key: str | None = Field(None, max_length=64, description="Name or id of a key.")
    team: Name | None = None
    state: Literal["reserved", "accepted", "uncertain", "settled", "released", "open"] | None = None
    from_: str | None = Field(None, alias="from", max_length=40, description="Instant or day.")
    to: str | None = Field(None, max_length=40, description="Instant, or the last day.")
    prediction: Prediction | None = None


class AuditAsked(Paged):
    """Which changes, newest first."""

    subject: str | None = Field(None, max_length=200)
    action: str | None = Field(None, max_length=64, examples=["key.create"])


class PricesAsked(Asked):
    """Prices in force at an instant."""

    at: str | None = Field(None, max_length=40, description="Instant or day; now if left out.")


class DiffAsked(Asked):
    """Two price versions."""

    model_config = ConfigDict(extra="forbid", strict=False, populate_by_name=True)
    from_: str = Field(alias="from", max_length=64)
    to: str = Field(max_length=64)


class Nothing(Asked):
    """No body, no query."""
