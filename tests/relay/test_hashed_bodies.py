"""Repeated calls: known by a salted hash, where the operator asks for it, and only there."""

import re
from pathlib import Path

from tests.relay.house import Farebox, charge_of, running
from tests.standin.server import Standin


def _hash(farebox: Farebox, key: str, prompt: str) -> str:
    answer = farebox.submit(key, prompt)
    assert answer.status_code == 200
    found: str = farebox.charge(charge_of(answer))["body_hash"]
    return found


def test_the_same_call_has_the_same_hash_in_one_ledger_only(tmp_path: Path) -> None:
    seen = []
    with Standin() as upstream:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            with running(tmp_path / name, upstream.url, hash_bodies="1") as farebox:
                first, second = (farebox.key(daily_micros=None) for _ in range(2))
                marks = [_hash(farebox, key, "a cat") for key in (first, second)]
                marks.append(_hash(farebox, first, "a dog"))
            with running(tmp_path / name, upstream.url, hash_bodies="1") as farebox:
                marks.append(_hash(farebox, first, "a cat"))
            seen.append(marks)
    for same, again, other, restarted in seen:
        assert re.fullmatch("[0-9a-f]{16}", same)
        assert same == again == restarted != other
    assert not set(seen[0]) & set(seen[1])


def test_nothing_is_kept_of_a_body_unless_it_is_asked_for(tmp_path: Path) -> None:
    with Standin() as upstream, running(tmp_path, upstream.url) as farebox:
        assert _hash(farebox, farebox.key(), "a cat") == ""
        assert farebox.rows("SELECT 1 FROM meta WHERE name='body_salt'") == []


def test_pictures_and_aspect_are_kept_with_the_charge(tmp_path: Path) -> None:
    path = "/api/v3/google/gemini-3.1-flash-image-preview/image-edit"
    pictures = ["https://pictures.example/1.png", "https://pictures.example/2.png"]
    with Standin() as upstream, running(tmp_path, upstream.url) as farebox:
        answer = farebox.submit(farebox.key(), path=path, images=pictures, aspect_ratio="16:9")
        charge = farebox.charge(charge_of(answer))
    assert (charge["refs"], charge["aspect"]) == (2, "16:9")
