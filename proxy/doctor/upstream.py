"""The upstream: can it be reached, does it know the key, does its clock agree."""

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from proxy.clock import now_us
from proxy.doctor.finding import Finding, ok, problem
from proxy.instants import epoch_us
from proxy.keys import is_farebox
from proxy.settings import Settings

PROBE: Final = "/api/v3/predictions/farebox-doctor/result"  # a poll: it costs nothing
WAIT_S: Final = 10.0
CLOCK_MAX_S: Final = 60
TURNED_AWAY: Final = 401


def look(settings: Settings) -> Iterator[Finding]:
    """Ask the upstream for a prediction that does not exist."""
    try:
        answer = _ask(settings)
    except httpx.HTTPError as error:
        yield problem(
            "upstream",
            f"{settings.upstream_url} cannot be reached: {_why(error)}; "
            "check FAREBOX_UPSTREAM_URL, DNS, and what your firewall lets out",
        )
        return
    if "x-farebox-refused" in answer.headers:
        yield problem(
            "base url",
            f"{settings.upstream_url} is a Farebox, not the upstream: set "
            "FAREBOX_UPSTREAM_URL to https://gptproto.com",
        )
        return
    yield ok("upstream", f"{settings.upstream_url} answers")
    yield from _key(settings, answer.status_code)
    yield from _clock(answer.headers.get("date", ""))


def _ask(settings: Settings) -> httpx.Response:
    key = settings.upstream_key
    headers = {"authorization": key} if key and not is_farebox(key) else {}
    url = f"{settings.upstream_url}{PROBE}"
    return httpx.get(url, headers=headers, timeout=WAIT_S, trust_env=False)


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _key(settings: Settings, status: int) -> Iterator[Finding]:
    if settings.upstream_key is None:
        return
    if status == TURNED_AWAY:
        yield problem(
            "upstream key",
            "the upstream turns FAREBOX_UPSTREAM_KEY away (401): is it "
            "whole, and is it still valid?",
        )
    else:
        yield ok("upstream key", "the upstream does not turn it away")


def _clock(date: str) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return
    apart_s = (now_us() - epoch_us(theirs.replace(tzinfo=theirs.tzinfo or UTC))) / 1e6
    if abs(apart_s) > CLOCK_MAX_S:
        yield problem(
            "clock",
            f"this host is {apart_s:+.0f} s off the upstream's clock: days "
            "would begin at the wrong time; switch on time synchronisation",
        )
    else:
        yield ok("clock", "this host and the upstream agree on the time")
