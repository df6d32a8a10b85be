"""The upstream's words, one by one: the lists here are those of the contract."""

import pytest

from proxy.words import (
    DONE,
    ERROR_KINDS,
    FAILED,
    KNOWN,
    RUNNING,
    error_code,
    status_word,
    upstream_error_kind,
)

GOES_ON = [
    "created",
    "queued",
    "pending",
    "processing",
    "running",
    "in_progress",
    "starting",
    "submitted",
]
WENT_WELL = ["completed", "succeeded", "success", "succeed", "done", "finished"]
WENT_WRONG = ["failed", "error", "cancelled", "canceled", "timeout", "deleted", "expired"]


def test_a_status_is_one_of_three_lists() -> None:
    assert (set(GOES_ON), set(WENT_WELL), set(WENT_WRONG)) == (RUNNING, DONE, FAILED)
    assert {*GOES_ON, *WENT_WELL, *WENT_WRONG} == KNOWN


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (None, "absent"),
        ("", "absent"),
        ("Failed", "failed"),
        (" done\n", "done"),
        ("In Progress", "in_progress"),
        ("in - progress", "in_progress"),
        ("absent", "other"),
        ("soon", "other"),
        (0, "other"),
        (["failed"], "other"),
    ],
)
def test_a_status_is_read_in_any_spelling(said: object, word: str) -> None:
    assert status_word(said) == word


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (0, None),
        (1, 1),
        (199, 199),
        (200, None),
        (299, None),
        (300, 300),
        (5004, 5004),
        (True, None),
        ("400", None),
        (None, None),
    ],
)
def test_a_code_that_says_no_is_no_0_and_no_2xx(code: object, error: int | None) -> None:
    assert error_code({"code": code}) == error


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (400, {}, "bad_request"),
        (401, {}, "auth"),
        (402, {}, "balance_empty"),
        (403, {}, "auth"),
        (404, {}, "not_found"),
        (429, {}, "rate_limited"),
        (499, {}, "bad_request"),
        (500, {}, "server_error"),
        (599, {}, "server_error"),
        (600, {}, "other"),
        (399, {}, "other"),
        (200, {}, "other"),
        (200, {"code": 401}, "auth"),
        (299, {"code": 429}, "rate_limited"),
        (300, {"code": 429}, "other"),
        (200, {"code": 600}, "other"),
        (500, [], "server_error"),
        (403, {"error": "insufficient balance"}, "balance_empty"),
        (403, {"error": {"message": "Insufficient account quota"}}, "balance_empty"),
        (403, {"message": "your credit is exhausted"}, "balance_empty"),
        (403, {"message": "quota" + "." * 21 + "empty"}, "auth"),
        (403, {"message": "insufficient" + "." * 21 + "funds"}, "auth"),
        (403, {"message": "quota" + "." * 20 + "empty"}, "balance_empty"),
        (403, {"message": "insufficient" + "." * 20 + "funds"}, "balance_empty"),
        (400, {"type": "content_policy_violation"}, "content_policy"),
        (400, {"error": {"type": "moderation"}}, "content_policy"),
        (400, {"error": {"code": "nsfw"}}, "content_policy"),
        (400, {"message": "content    filter"}, "content_policy"),
        (400, {"message": "content     filter"}, "bad_request"),
        (400, {"message": "for your safety"}, "content_policy"),
        (400, {"message": "a sensitive picture"}, "content_policy"),
        (400, {"message": "prohibited"}, "content_policy"),
        (400, {"message": ["prohibited"]}, "bad_request"),
    ],
)
def test_an_answer_that_says_no_says_why(status: int, document: object, kind: str) -> None:
    assert upstream_error_kind(status, document) == kind
    assert kind in ERROR_KINDS


def test_the_kinds_of_an_error_are_a_closed_set() -> None:
    assert {
        "auth", "balance_empty", "bad_request", "content_policy", "not_found", "other",
        "rate_limited", "server_error",
    } == ERROR_KINDS  # fmt: skip
