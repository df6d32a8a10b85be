"""`Idempotency-Key`: bought once, answered from the first time (interface, section 4)."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.ledger import registry
from tests.relay.house import PATH, PRICE_MICROS, UNIFIED, Farebox, charge_of, state_of
from tests.standin.server import Standin


def new_key() -> str:
    return f"once-{uuid.uuid4().hex}"


def once(
    farebox: Farebox, key: str, idempotency: str, *, path: str = PATH, **body: object
) -> httpx.Response:
    return farebox.client.post(
        farebox.url + path,
        headers={"Authorization": key, "Idempotency-Key": idempotency},
        json={"prompt": "a cat", "size": "1K", **body},
    )


def told(answer: httpx.Response) -> tuple[object, ...]:
    moves = ("x-farebox-budget", "x-farebox-replayed")
    kept = {n: v for n, v in answer.headers.items() if not n.startswith(moves)}
    return answer.status_code, kept, answer.content


def test_a_repeat_is_answered_from_the_first_time(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    idempotency, before = new_key(), len(upstream.submits)
    first = once(farebox, rich, idempotency)
    second = once(farebox, rich, idempotency)

    assert first.status_code == 200
    assert told(second) == told(first)
    assert [answer.headers.get("x-farebox-replayed") for answer in (first, second)] == [None, "1"]
    assert len(upstream.submits) - before == 1
    assert charge_of(second) == charge_of(first)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"models": ("seedream-4-5",)}, "model_not_allowed"),
        ({"upstream_key_env": "SET_BY_NOBODY"}, "upstream_key_missing"),
    ],
)
def test_a_repeat_is_answered_whatever_has_become_of_its_key(
    farebox: Farebox, upstream: Standin, changed: dict[str, object], why: str
) -> None:
    key, idempotency, before = farebox.key(why), new_key(), len(upstream.submits)
    first = once(farebox, key, idempotency)
    with farebox.ledger() as store:
        store.transact(registry.set_key(why, changed, actor="test"))
    dry = {"x-farebox-dry-run": "1"}
    farebox.until(lambda: not farebox.submit(key, headers=dry).json()["admitted"])
    second = once(farebox, key, idempotency)
    assert told(second) == told(first)
    assert second.headers["x-farebox-budget-remaining-usd"] == "24.959800"
    refused = once(farebox, key, idempotency, prompt="another")
    assert refused.json()["error"]["type"] == why
    assert len(upstream.submits) - before == 1


def test_it_never_reaches_the_upstream(farebox: Farebox, upstream: Standin, rich: str) -> None:
    once(farebox, rich, new_key())
    assert upstream.last("text-to-image").header(b"idempotency-key") is None


@pytest.mark.parametrize(
    ("path", "status"),
    [pytest.param(PATH, 422, id="path"), pytest.param(UNIFIED, 400, id="unified")],
)
def test_another_body_under_the_same_key_is_refused(
    farebox: Farebox, rich: str, path: str, status: int
) -> None:
    headers = {"Authorization": rich, "Idempotency-Key": new_key()}
    body = {"model": "google/gemini-3.1-flash-image-preview"} if path == UNIFIED else {}
    farebox.client.post(farebox.url + path, headers=headers, json={**body, "prompt": "a cat"})
    answer = farebox.client.post(farebox.url + path, headers=headers, json={**body, "prompt": "b"})

    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "idempotency_mismatch"
    assert answer.json()["error"]["code"] == 422


@pytest.mark.parametrize("path", [f"{PATH}?seed=2", PATH.replace("text-to-image", "image-edit")])
def test_another_target_under_the_same_key_is_refused(
    farebox: Farebox, rich: str, path: str
) -> None:
    idempotency = new_key()
    once(farebox, rich, idempotency)
    answer = once(farebox, rich, idempotency, path=path)
    assert answer.status_code == 422
    assert answer.json()["error"]["type"] == "idempotency_mismatch"


def test_a_call_that_was_refused_upstream_frees_its_key(farebox: Farebox, rich: str) -> None:
    idempotency = new_key()
    assert state_of(once(farebox, rich, idempotency, prompt="standin:400")) == "released"
    again = once(farebox, rich, idempotency, prompt="standin:400")
    assert again.status_code == 400
    assert "x-farebox-refused" not in again.headers


def test_a_failed_generation_frees_its_key(farebox: Farebox, rich: str) -> None:
    idempotency, prompt = new_key(), "standin:sync standin:failed"
    first = once(farebox, rich, idempotency, prompt=prompt, enable_sync_mode=True)
    second = once(farebox, rich, idempotency, prompt=prompt, enable_sync_mode=True)

    assert state_of(first) == state_of(second) == "released"
    assert charge_of(first) != charge_of(second)


def test_a_refused_call_frees_its_key(farebox: Farebox) -> None:
    poor = farebox.key(daily_micros=PRICE_MICROS - 1)
    idempotency = new_key()
    assert once(farebox, poor, idempotency).status_code == 402
    assert once(farebox, poor, idempotency, size="0.5K").status_code == 200


def test_an_uncertain_call_is_not_bought_again(farebox: Farebox, rich: str) -> None:
    idempotency = new_key()
    assert state_of(once(farebox, rich, idempotency, prompt="standin:reset")) == "uncertain"
    again = once(farebox, rich, idempotency, prompt="standin:reset")

    assert again.status_code == 409
    assert again.json()["error"]["type"] == "idempotency_in_progress"
    assert "is still running or uncertain" in again.json()["error"]["message"]


def test_a_key_belongs_to_its_caller(farebox: Farebox, rich: str) -> None:
    idempotency, other = new_key(), farebox.key(daily_micros=-1)
    assert charge_of(once(farebox, rich, idempotency)) != charge_of(
        once(farebox, other, idempotency)
    )


def test_an_answer_too_large_to_keep_is_named(farebox: Farebox, rich: str) -> None:
    idempotency = new_key()
    large = {"prompt": "standin:sync standin:base64 standin:big=200000", "enable_sync_mode": True}
    first = once(farebox, rich, idempotency, **large)
    farebox.until(lambda: farebox.charge(charge_of(first))["state"] == "settled")
    again = once(farebox, rich, idempotency, **large)

    assert (first.status_code, again.status_code) == (200, 409)
    assert "too large to keep" in again.json()["error"]["message"]
    assert again.json()["error"]["details"]["prediction_id"] == first.json()["data"]["id"]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at_once=st.lists(st.integers(0, 2), min_size=2, max_size=12))
def test_however_many_at_once_each_key_is_bought_once(
    farebox: Farebox, upstream: Standin, rich: str, at_once: list[int]
) -> None:
    keys = [new_key() for _ in range(3)]
    with ThreadPoolExecutor(len(at_once)) as callers:
        answers = list(callers.map(lambda which: once(farebox, rich, keys[which]), at_once))

    assert {answer.status_code for answer in answers} <= {200, 409}
    for which in set(at_once):
        mine = [a for a, w in zip(answers, at_once, strict=True) if w == which]
        bought = {charge_of(a) for a in mine if a.status_code == 200}
        assert len(bought) == 1
        assert once(farebox, rich, keys[which]).status_code == 200
