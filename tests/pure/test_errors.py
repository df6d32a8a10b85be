import json
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy import errors
from proxy.errors import BudgetExceeded, Refusal, envelope, error_object, shown

RESET = datetime.fromisoformat("2026-11-24T00:00:00+01:00")


def spent(**facts: Any) -> BudgetExceeded:
    """The refusal of interface section 5."""
    defaults: dict[str, Any] = {
        "scope": "key",
        "name": "web",
        "window": "day",
        "limit_micros": 5_000_000,
        "spent_micros": 4_919_600,
        "reserved_micros": 40_200,
        "price_micros": 80_400,
        "remaining_micros": 40_200,
        "resets_at": RESET,
        "affordable": ["gemini-3.1-flash-image-preview@1K", "gemini-2.5-flash-image"],
    }
    return BudgetExceeded(**{**defaults, **facts})


REFUSALS = [
    (spent(), "budget_exceeded", 402, 400, None),
    (errors.ModelNotAllowed("no"), "model_not_allowed", 403, 400, None),
    (errors.KeyPaused(scope="key", name="web"), "key_paused", 403, 400, None),
    (errors.UnknownPrice(what="x"), "price_unknown", 400, 400, None),
    (errors.RequestNotUnderstood(member="n", why="no"), "request_not_understood", 400, 400, None),
    (errors.BadRequest("no"), "bad_request", 400, 400, None),
    (errors.InvalidKey(), "invalid_key", 401, 401, None),
    (errors.NotFound(), "not_found", 404, 404, None),
    (errors.PredictionNotFound(), "prediction_not_found", 404, 404, None),
    (errors.MethodNotAllowed(), "method_not_allowed", 405, 405, None),
    (errors.RequestTimeout(), "request_timeout", 408, 408, None),
    (errors.IdempotencyInProgress(why="runs"), "idempotency_in_progress", 409, 400, None),
    (errors.IdempotencyMismatch(), "idempotency_mismatch", 422, 400, None),
    (errors.PayloadTooLarge(limit=9), "payload_too_large", 413, 413, None),
    (errors.UnsupportedEncoding(), "unsupported_encoding", 415, 415, None),
    (errors.HeadersTooLarge(), "headers_too_large", 431, 431, None),
    (errors.LedgerUnavailable(), "ledger_unavailable", 503, 503, b"5"),
    (errors.UpstreamKeyMissing(), "upstream_key_missing", 503, 503, b"60"),
    (errors.Draining(), "draining", 503, 503, b"1"),
    (errors.Overloaded(), "overloaded", 503, 503, b"1"),
    (errors.UpstreamUnreachable(), "upstream_unreachable", 502, 502, None),
    (errors.UpstreamTimeout(fare="uncertain"), "upstream_timeout", 504, 504, None),
]


@pytest.mark.parametrize(("refusal", "kind", "path", "unified", "again"), REFUSALS)
def test_each_refusal_has_its_type_status_and_headers(
    refusal: Refusal, kind: str, path: int, unified: int, again: bytes | None
) -> None:
    assert (refusal.type, refusal.code) == (kind, path)
    assert (refusal.status("path"), refusal.status("unified")) == (path, unified)
    assert dict(refusal.headers).get(b"x-farebox-refused") == kind.encode()
    assert dict(refusal.headers).get(b"retry-after") == again


@pytest.mark.parametrize("refusal", [row[0] for row in REFUSALS], ids=lambda r: r.type)
def test_every_refusal_wears_the_envelope_that_all_clients_survive(refusal: Refusal) -> None:
    body = json.loads(envelope(refusal))

    assert body == {
        "error": error_object(refusal),
        "code": refusal.code,
        "message": refusal.message,
        "data": {"status": "failed", "error": refusal.message, "outputs": []},
    }
    assert refusal.message == str(refusal) == body["error"]["message"] != ""
    assert body["error"]["type"] == refusal.type
    assert body["error"]["code"] == refusal.code


def test_the_tree_names_every_refusal_once() -> None:
    leaves = {row[0].type for row in REFUSALS}
    tree = [each for each in vars(errors).values() if isinstance(each, type)]

    assert {each.type for each in tree if hasattr(each, "type")} == leaves
    assert all(
        f"{each.__name__} " in (errors.__doc__ or "") for each in tree if hasattr(each, "type")
    )


@pytest.mark.parametrize(("setting", "status"), [("400", 400), ("403", 403), ("429", 429)])
def test_the_setting_moves_the_status_of_a_spent_budget_alone(setting: str, status: int) -> None:
    for surface in ("path", "unified"):
        assert spent().status(surface, setting) == status
    assert spent().code == 402
    assert errors.KeyPaused(scope="team", name="a").status("path", setting) == 403


def test_a_spent_budget_says_what_is_left_and_what_would_fit() -> None:
    refusal = spent()

    assert refusal.message == (
        "Daily budget of key 'web': 0.040200 of 5.000000 USD left, this call costs 0.080400; "
        "resets 2026-11-24T00:00:00+01:00."
    )
    assert refusal.details == {
        "scope": "key",
        "name": "web",
        "window": "day",
        "limit_usd": "5.000000",
        "spent_usd": "4.919600",
        "reserved_usd": "0.040200",
        "price_usd": "0.080400",
        "remaining_usd": "0.040200",
        "resets_at": "2026-11-24T00:00:00+01:00",
        "affordable": ["gemini-3.1-flash-image-preview@1K", "gemini-2.5-flash-image"],
    }


@pytest.mark.parametrize(
    ("scope", "name", "whose"),
    [("team", "growth", "team 'growth'"), ("installation", "*", "the installation")],
)
def test_a_shared_budget_shows_only_what_remains(scope: str, name: str, whose: str) -> None:
    refusal = spent(scope=scope, name=name, window="month", resets_at=RESET.astimezone(UTC))

    assert refusal.message == (
        f"Monthly budget of {whose}: 0.040200 USD left, this call costs 0.080400; "
        "resets 2026-11-23T23:00:00+00:00."
    )
    assert refusal.details is not None
    assert not {"limit_usd", "spent_usd", "reserved_usd"} & refusal.details.keys()
    assert spent(scope=scope, name=name, show_shared=True).details == {
        **(spent().details or {}),
        "scope": scope,
        "name": name,
    }


def test_what_remains_is_never_below_zero() -> None:
    refusal = spent(remaining_micros=-7)

    assert refusal.remaining_micros == 0
    assert (refusal.details or {})["remaining_usd"] == "0.000000"


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (errors.KeyPaused(scope="installation", name="*"), "The installation is paused."),
        (errors.KeyPaused(scope="team", name="a"), "Team 'a' is paused."),
        (errors.UnknownPrice(what="x", nearest="y"), "Nearest known model: 'y'"),
        (errors.UnknownPrice(what="x"), "No price is known for 'x'."),
        (errors.UnknownPrice(what=""), "No price is known: no model is named."),
        (errors.UnknownPrice(what="", why="the body names none"), "known: the body names none."),
        (errors.UnknownPrice(what="x", why="is a film"), "known for 'x': it is a film."),
        (errors.RequestNotUnderstood(member="size", why="stands twice"), "'size': stands twice."),
        (errors.PayloadTooLarge(limit=9), "9 bytes"),
        (errors.IdempotencyInProgress(why="is too large", prediction_id="p"), "prediction is p."),
        (errors.UpstreamUnreachable(fare="released"), "the fare is released"),
        (errors.UpstreamTimeout(fare="uncertain"), "the fare is uncertain"),
        (errors.MethodNotAllowed(["GET", "HEAD"]), "GET, HEAD"),
    ],
)
def test_a_message_says_what_to_know(refusal: Refusal, words: str) -> None:
    assert words in refusal.message


def test_a_method_refused_names_those_that_are_not() -> None:
    assert (b"allow", b"GET, HEAD") in errors.MethodNotAllowed(["GET", "HEAD"]).headers


def test_a_callers_text_is_repeated_short_and_printable() -> None:
    assert shown("a" * 1000) == "a" * 128
    assert shown("a\x1b[31m\r\n\ud800") == "a\ufffd[31m\ufffd\ufffd\ufffd"
    assert b"\x1b" not in envelope(errors.UnknownPrice(what="\x1b" * 500))
