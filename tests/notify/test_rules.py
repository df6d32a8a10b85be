"""Which thresholds are told, and how: the rules by themselves."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from proxy.budget import Budget, Standing
from proxy.notify.rules import Mark, Notice, passed, signature
from proxy.notify.webhook import content, takes_slack

AT = [50, 80, 100]
NOW_US = 1_795_000_000_000_000


def standing(spent: int, held: int, limit: int | None, period: str = "2026-11-23") -> Standing:
    budget = Budget("key", "web", "day", limit)
    return Standing(budget, period, "UTC", spent, held, NOW_US + 1)


@pytest.mark.parametrize(
    ("spent", "held", "limit", "reached"),
    [
        (0, 0, 100, []),
        (49, 0, 100, []),
        (49, 1, 100, [50]),
        (80, 0, 100, [50, 80]),
        (100, 0, 100, [50, 80, 100]),
        (0, 300, 100, [50, 80, 100]),
        (1, 0, 0, [50, 80, 100]),
        (0, 0, 0, []),
        (10**12, 0, None, []),
    ],
)
def test_a_threshold_is_reached_by_spent_and_held_money(
    spent: int, held: int, limit: int | None, reached: list[int]
) -> None:
    assert passed(standing(spent, held, limit), AT) == reached


def test_the_signature_is_that_of_standard_webhooks() -> None:
    at, body = datetime(2026, 11, 23, tzinfo=UTC), b'{"a":1}'
    signed = f"ntc_1.{int(at.timestamp())}.".encode() + body
    for secret, key in (("plain", b"plain"), ("whsec_a2V5", b"key")):
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert signature(secret, "ntc_1", at, body) == f"v1,{wanted}"


@pytest.mark.parametrize(
    ("url", "slack"),
    [
        ("https://hooks.slack.com/services/T/B/x", True),
        ("https://chat.example.com/hooks/x?format=slack", True),
        ("https://example.com/hook", False),
        ("https://example.com/hooks.slack.com", False),
    ],
)
def test_slack_gets_the_shape_that_it_takes(url: str, slack: bool) -> None:
    notice = Notice(Mark("key:1", "day", "2026-11-23", 80), "raised", '{"text": "low"}')
    assert takes_slack(url) is slack
    told = json.loads(content(url, notice))
    assert (told == {"text": "low"}) is slack
    assert slack or told["id"] == notice.id
