"""One delivery: signed as Standard Webhooks asks, or in the shape that Slack takes."""

import asyncio
import json
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx

from proxy.notify.rules import Notice, signature

WAIT_S: Final = 10.0  # for any step of a delivery
WHOLE_S: Final = 30.0  # for all of them: a receiver may answer byte by byte
SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})


class NotTaken(Exception):
    """The receiver did not take it; says why, without the address, which may be a secret."""


def takes_slack(url: str) -> bool:
    """Say whether an address wants Slack's shape: Slack's own, or one with `?format=slack`."""
    parts = urlsplit(url)
    return parts.hostname in SLACK_HOSTS or parse_qs(parts.query).get("format") == ["slack"]


def content(url: str, notice: Notice) -> bytes:
    """Write the body that an address wants."""
    facts = json.loads(notice.body)
    if takes_slack(url):
        return json.dumps({"text": facts["text"]}).encode()
    return json.dumps({"id": notice.id, **facts}, separators=(",", ":")).encode()


async def deliver(
    client: httpx.AsyncClient, url: str, secret: str | None, notice: Notice, at: datetime
) -> None:
    """Hand a notice over.

    Raises:
        NotTaken: nobody answered, or not with a 2xx. What else an answer says is not read.
    """
    body = content(url, notice)
    headers = {
        "content-type": "application/json",
        "webhook-id": notice.id,
        "webhook-timestamp": str(int(at.timestamp())),
    }
    if secret is not None:
        headers["webhook-signature"] = signature(secret, notice.id, at, body)
    try:
        async with (
            asyncio.timeout(WHOLE_S),
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            if not answer.is_success:
                raise NotTaken(f"status {answer.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotTaken(type(error).__name__) from error
    except TimeoutError as error:
        raise NotTaken("no answer in time") from error
