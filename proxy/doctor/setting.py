"""What was set: addresses, keys, zone, proxies. Pure."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from proxy.doctor.finding import Finding, ok, problem
from proxy.settings import Settings

V3: Final = "/api/v3"
TOKEN_MIN: Final = 20
EVERYBODY: Final = frozenset({ip_network("0.0.0.0/0"), ip_network("::/0")})


def explained(message: str) -> Finding:
    """Say in more words what keeps the settings from being read."""
    if "UPSTREAM_URL" in message and V3 in message:
        hint = f"write the origin alone, without {V3}: Farebox adds the path that the caller sent"
        return problem("base url", f"{message}; {hint}")
    if "TIMEZONE" in message:
        return problem("zone", message)
    if message.startswith("FAREBOX_UPSTREAM_KEY "):
        return problem("upstream key", message)
    return problem("settings", message)


def look(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what was set."""
    yield _base_url(settings)
    yield _key_kind(settings)
    yield _zone(settings, environ)
    yield _proxies(settings)
    yield _admin_token(settings)
    if settings.notify_url and not settings.notify_secret:
        yield problem(
            "webhook",
            "FAREBOX_NOTIFY_URL is set without FAREBOX_NOTIFY_SECRET: what "
            "arrives there cannot be told from a forgery",
        )


def _base_url(settings: Settings) -> Finding:
    public, upstream = settings.public_url, urlsplit(settings.upstream_url)
    if public is not None and public.rstrip("/").endswith(V3):
        return problem(
            "base url", f"FAREBOX_PUBLIC_URL ends in {V3}: poll URLs would have it twice; cut it"
        )
    ours = {settings.host, "127.0.0.1", "localhost", "::1"}
    port = upstream.port or (443 if upstream.scheme == "https" else 80)
    if upstream.hostname in ours and port == settings.port:
        return problem(
            "base url",
            "FAREBOX_UPSTREAM_URL is this Farebox itself: calls would go round in a circle",
        )
    if public is not None and urlsplit(public).netloc == upstream.netloc:
        return problem("base url", "FAREBOX_PUBLIC_URL and FAREBOX_UPSTREAM_URL are the same host")
    return ok(
        "base url",
        f"callers set {public or f'http://{settings.host}:{settings.port}'}; "
        f"the upstream is {settings.upstream_url}",
    )


def _key_kind(settings: Settings) -> Finding:
    key = settings.upstream_key
    if key is None:
        if settings.own_keys == "accept":
            return ok("upstream key", "none is set: callers bring their own GPT Proto keys")
        return problem(
            "upstream key",
            "FAREBOX_UPSTREAM_KEY is unset: calls with Farebox keys "
            "are answered 503 unless each key has --upstream-key-env",
        )
    if key == settings.admin_token:
        return problem(
            "upstream key",
            "FAREBOX_UPSTREAM_KEY and FAREBOX_ADMIN_TOKEN are the same "
            "secret: make a token of its own",
        )
    if not key.startswith("sk-"):
        return problem(
            "upstream key",
            "FAREBOX_UPSTREAM_KEY does not begin with sk- as the keys "
            "of GPT Proto do: is it the right secret?",
        )
    return ok("upstream key", "has the form of a GPT Proto key")


def _zone(settings: Settings, environ: Mapping[str, str]) -> Finding:
    zone, here = settings.timezone, environ.get("TZ", "").lstrip(":")
    if zone.startswith("Etc/GMT") or zone in {"EST", "MST", "HST"}:
        return problem(
            "zone",
            f"FAREBOX_TIMEZONE={zone} never changes its clocks (and the sign "
            "of Etc/GMT is turned round): name a place such as Europe/Berlin",
        )
    if "/" in here and zone == "UTC" and here not in {"Etc/UTC", "Etc/UCT"}:
        return problem(
            "zone",
            f"this host lives in TZ={here}, but budget days end at midnight "
            "UTC: set FAREBOX_TIMEZONE",
        )
    return ok("zone", f"budget days end at midnight {zone}")


def _proxies(settings: Settings) -> Finding:
    if any(network in EVERYBODY for network in settings.trusted_proxies):
        return problem(
            "proxy headers",
            "FAREBOX_TRUSTED_PROXIES trusts every address: anybody "
            "can say with X-Forwarded-* where poll URLs point",
        )
    exposed = not settings.loopback
    if exposed and settings.public_url is None and not settings.trusted_proxies:
        return problem(
            "proxy headers",
            "others can reach this Farebox, but neither "
            "FAREBOX_PUBLIC_URL nor FAREBOX_TRUSTED_PROXIES is set: behind a proxy, "
            "poll URLs would name the wrong scheme or host",
        )
    if exposed and settings.public_url and settings.public_url.startswith("http://"):
        return problem(
            "proxy headers",
            "FAREBOX_PUBLIC_URL is plain http: keys would cross the network readable",
        )
    return ok("proxy headers", "poll URLs name " + (settings.public_url or "what callers call"))


def _admin_token(settings: Settings) -> Finding:
    token = settings.admin_token
    if token is None:
        if not settings.loopback:
            return problem(
                "admin token", "FAREBOX_ADMIN_TOKEN must be set where others can reach Farebox"
            )
        return ok("admin token", "is made at the first start, beside the database")
    if len(token) < TOKEN_MIN:
        return problem(
            "admin token",
            f"FAREBOX_ADMIN_TOKEN has fewer than {TOKEN_MIN} characters and could be guessed",
        )
    return ok("admin token", "is long enough")
