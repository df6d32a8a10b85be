"""Every body of the corpus through a running Farebox: its one outcome, and no other trace."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.hardening.bodies.document import BODY_MAX, IMAGES, Document
from tests.hardening.bodies.page import documents, page
from tests.relay.house import ROOT, Farebox, charge_of, micros, running
from tests.standin.server import Standin

CORPUS = documents()
PAGE = ROOT / "docs/operations/json-bodies.md"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Standin]:
    with Standin(keep=1000) as standin:
        yield standin
    assert not standin.mistakes, standin.mistakes


@pytest.fixture(scope="module")
def farebox(upstream: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farebox]:
    home: Path = tmp_path_factory.mktemp("bodies")
    with running(home, upstream.url, max_body=f"{BODY_MAX}B") as started:
        yield started


@pytest.fixture(scope="module")
def key(farebox: Farebox) -> str:
    return farebox.key("unlimited", daily_micros=-1)


def send(farebox: Farebox, key: str, document: Document) -> httpx.Response:
    headers = {"Authorization": key, "Content-Type": "application/json"}
    return farebox.client.post(farebox.url + document.path, content=document.body, headers=headers)


def named(document: Document) -> str:
    return f"{document.family}-{document.shown[:40]}-{document.path.rsplit('/', 1)[-1]}"


def test_the_corpus_is_large_and_has_both_outcomes() -> None:
    assert len(CORPUS) >= 300
    assert 100 <= sum(document.is_priced for document in CORPUS) <= len(CORPUS) - 100


def test_the_page_lists_the_corpus() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.hardening.bodies"


@pytest.mark.parametrize("document", [d for d in CORPUS if d.is_priced], ids=named)
def test_a_priced_body_is_reserved_at_its_price_and_sent_to_the_byte(
    document: Document, farebox: Farebox, upstream: Standin, key: str
) -> None:
    answer = send(farebox, key, document)
    assert "x-farebox-refused" not in answer.headers, answer.text[:300]
    charge = farebox.charge(charge_of(answer))
    assert charge["reserved_micros"] == micros(document.outcome)
    assert upstream.calls[-1].body == document.body
    assert upstream.calls[-1].path == document.path


@pytest.mark.parametrize("document", [d for d in CORPUS if not d.is_priced], ids=named)
def test_a_refused_body_leaves_nothing_behind(
    document: Document, farebox: Farebox, upstream: Standin, key: str
) -> None:
    before = farebox.rows("SELECT count(*),(SELECT count(*) FROM entries) FROM charges")
    last = upstream.calls[-1:]
    answer = send(farebox, key, document)
    assert answer.headers.get("x-farebox-refused") == document.outcome, answer.text[:300]
    assert answer.status_code == (413 if document.outcome == "payload_too_large" else 400)
    assert answer.json()["error"]["type"] == document.outcome
    assert upstream.calls[-1:] == last
    assert farebox.rows("SELECT count(*),(SELECT count(*) FROM entries) FROM charges") == before


def test_the_dry_run_says_the_same(farebox: Farebox, key: str) -> None:
    headers = {"Authorization": key, "x-farebox-dry-run": "1"}
    for document in CORPUS:
        if document.outcome == "payload_too_large":
            continue
        answer = farebox.client.post(
            farebox.url + document.path, content=document.body, headers=headers
        )
        said = answer.json()
        told = said["price_usd"] if document.is_priced else said["refusal"]["type"]
        assert told == document.outcome, (document.path == IMAGES, document.shown, said)
