"""Every setting of Farebox: one frozen object, and what the reference page says of each."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from proxy.settings import values
from proxy.settings.values import Network


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting from outside: its name, how its text is read, what it is when unset.

    `default` is written as a user would write it, None where there is none. `exposed` is the
    default of an installation that listens on more than the loopback interface, where that
    differs. `says` replaces both on the reference page.
    """

    name: str
    read: Callable[[str], object]
    default: str | None
    meaning: str
    exposed: str | None = None
    says: str | None = None
    secret: bool = False

    @property
    def environment(self) -> str:
        """The name in the environment."""
        return f"FAREBOX_{self.name.upper()}"

    def fallback(self, *, loopback: bool) -> object:
        """Return the value when nobody set one."""
        text = self.default if loopback or self.exposed is None else self.exposed
        return None if text is None else self.read(text)


def variable(  # the return type is the field's, as with dataclasses.field
    name: str,
    read: Callable[[str], object],
    default: str | None,
    meaning: str,
    *,
    exposed: str | None = None,
    says: str | None = None,
    secret: bool = False,
) -> Any:
    """Declare a field of `Settings` that is read from the variable of that name."""
    told = Variable(name, read, default, meaning, exposed, says, secret)
    return field(default=told.fallback(loopback=True), repr=not secret, metadata={"variable": told})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What Farebox was told at its start.

    Made by `load_settings`. Without arguments it holds every default of a loopback
    installation. Spans are seconds, sizes bytes, money micro-USD.
    """

    upstream_url: str = variable(
        "upstream_url", values.origin, "https://gptproto.com", "Origin of the upstream."
    )
    upstream_key: str | None = variable(
        "upstream_key",
        values.upstream_key,
        None,
        "GPT Proto key used for calls made with Farebox keys.",
        secret=True,
    )
    upstream_auth: Literal["mirror", "raw", "bearer"] = variable(
        "upstream_auth",
        values.choice("mirror", "raw", "bearer"),
        "mirror",
        "How `Authorization` is spelled upstream: as the client did (`mirror`), `raw`, `bearer`.",
    )
    database_url: str = variable(
        "database_url",
        values.database_url,
        "sqlite:///./farebox.db",
        "The ledger's database: `sqlite:///file` or `postgresql://…`.",
        secret=True,
    )
    admin_token: str | None = variable(
        "admin_token",
        values.secret,
        None,
        "Bearer token of `/admin` and the page. Must be set where Farebox listens on more than "
        "the loopback interface.",
        says="made once, beside the database",
        secret=True,
    )
    public_url: str | None = variable(
        "public_url",
        values.base_url,
        None,
        "Base URL written into poll URLs; may hold a path.",
        says="from the request",
    )
    poll_urls: str = variable(
        "poll_urls",
        values.choice("auto", "proxy", "unchanged"),
        "auto",
        "Whose poll URLs become ours: those of callers with a Farebox key (`auto`), all "
        "(`proxy`), none (`unchanged`).",
    )
    own_keys: str = variable(
        "own_keys",
        values.choice("accept", "adopted", "refuse"),
        "accept",
        "Callers with their own GPT Proto key: `accept` all, only `adopted` ones, or `refuse`.",
        exposed="adopted",
    )
    default_daily_budget_micros: int | None = variable(
        "default_daily_budget_usd",
        values.budget_micros,
        "25",
        "Daily budget, in USD, of a key without one of its own; `unlimited` is a value.",
    )
    timezone: str = variable(
        "timezone",
        values.zone,
        "UTC",
        "IANA zone of the days of teams, of the installation, and of keys without their own.",
    )
    unpriced: str = variable(
        "unpriced",
        values.choice("refuse", "relay"),
        "refuse",
        "A submit whose price is unknown: `refuse` it, or `relay` and count it.",
    )
    price_tables: Path | None = variable(
        "price_tables",
        Path,
        None,
        "Extra directory of price tables, read after the bundled ones.",
    )
    charge_on: str = variable(
        "charge_on",
        values.choice("completion", "submit"),
        "completion",
        "When a fare is settled: at `completion`, or in full once the upstream took the `submit`.",
    )
    refusal_status: str = variable(
        "refusal_status",
        values.choice("auto", "400", "402", "403", "422", "429"),
        "auto",
        "HTTP status of a spent budget: `auto` (402, and 400 where the vendor's SDK shows no "
        "other), or one of 400, 402, 403, 422, 429.",
    )
    poll_after_s: float = variable(
        "poll_after",
        values.span_s,
        "60s",
        "The reconciler asks about an accepted fare this long after anyone last did.",
    )
    give_up_after_s: float = variable(
        "give_up_after",
        values.span_s,
        "24h",
        "An undecided fare is charged for good after this long.",
    )
    upstream_timeout_s: float = variable(
        "upstream_timeout",
        values.span_s,
        "10m",
        "One upstream call, from the first byte sent to the last received.",
    )
    tags: tuple[str, ...] = variable(
        "tags",
        values.tag_names,
        "project,user",
        "Names of `x-farebox-tag-*` that are kept.",
    )
    hash_bodies: bool = variable(
        "hash_bodies",
        values.switch,
        "0",
        "`1`: a salted hash of each submit is kept, so that repeated calls show in the advice.",
    )
    share_polls: bool = variable(
        "share_polls",
        values.switch,
        "0",
        "`1`: the same poll by the same caller within half a second shares one upstream answer.",
    )
    notify_url: str | None = variable(
        "notify_url",
        values.web_url,
        None,
        "Webhook told of budgets running low.",
        secret=True,
    )
    notify_secret: str | None = variable(
        "notify_secret", values.secret, None, "Signs what the webhook is sent.", secret=True
    )
    notify_at: tuple[int, ...] = variable(
        "notify_at", values.percents, "50,80,100", "Thresholds of the webhook, in per cent."
    )
    max_body: int = variable("max_body", values.size, "32MiB", "Largest body of one request.")
    max_in_flight: int = variable(
        "max_in_flight", values.whole(1, 1_000_000), "5000", "Calls in flight in one worker."
    )
    max_buffered: int = variable(
        "max_buffered", values.size, "512MiB", "Bytes held in memory for all calls of one worker."
    )
    metrics_auth: bool = variable(
        "metrics_auth",
        values.switch,
        "0",
        "`1`: `/metrics` needs the admin token.",
        exposed="1",
    )
    metrics_series_max: int = variable(
        "metrics_series_max",
        values.whole(1, 10_000_000),
        "10000",
        'Above it the smallest series fold into `key="other"`; sums stay exact.',
    )
    show_shared: bool = variable(
        "show_shared",
        values.switch,
        "0",
        "`1`: callers see limit and spend of team and installation, not only what remains.",
    )
    trusted_proxies: tuple[Network, ...] = variable(
        "trusted_proxies",
        values.networks,
        "none",
        "Addresses and CIDR ranges whose `X-Forwarded-*` is believed.",
    )
    log_format: str = variable(
        "log_format",
        values.choice("console", "json"),
        "json",
        "Lines for people (`console`) or for machines (`json`).",
        says="`console` on a terminal, else `json`",
    )
    host: str = variable("host", values.host, "127.0.0.1", "Address to listen on.")
    port: int = variable("port", values.whole(0, values.PORT_MAX), "4000", "Port to listen on.")
    workers: int = variable("workers", values.whole(1, 256), "1", "Processes that serve.")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach Farebox."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Tell whether a bind address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything


VARIABLES: dict[str, tuple[str, Variable]] = {
    told.name: (place.name, told)
    for place in fields(Settings)
    for told in (place.metadata["variable"],)
}
"""By name: the field of `Settings`, and the variable it is read from."""
