import pytest

from proxy.answers import poll_outcome
from proxy.ledger.fare import BEGINNING, FIRST, Fare
from proxy.places import is_likely, poll_targets
from proxy.routes import route

PLACES = ["predictions/j", "predictions/j/result", "tasks/result/j", "videos/j",
          "contents/generations/tasks/j"]  # fmt: skip


def fare(surface: str, task: str, prediction: str) -> Fare:
    told = dict.fromkeys(FIRST, "") | dict(BEGINNING)
    return Fare(**told | {"surface": surface, "task": task, "prediction_id": prediction})


@pytest.mark.parametrize(
    ("surface", "task", "prediction", "likely"),
    [
        ("path", "text-to-image", "j", PLACES[:2]),
        ("path", "text-to-video", "j", PLACES[:2]),
        ("path", "tasks", "j", PLACES[:2]),
        ("path", "text-to-image", "cgt-j", PLACES[4:]),
        ("unified", "text-to-image", "j", PLACES[2:3]),
        ("unified", "image-to-video", "j", PLACES[2:4]),
        ("unified", "videos", "j", PLACES[2:4]),
        ("unified", "lip-sync", "j", PLACES[2:4]),
        ("unified", "tasks", "j", PLACES[4:]),
        ("unified", "text-to-image", "cgt-j", PLACES[4:]),
    ],
)
def test_a_place_is_likely_by_what_was_bought(
    surface: str, task: str, prediction: str, likely: list[str]
) -> None:
    bought = fare(surface, task, prediction)
    paths = {place: route("GET", f"/api/v3/{place}".encode()).segments for place in PLACES}
    assert [place for place in PLACES if is_likely(bought, paths[place])] == likely
    first = route("GET", poll_targets(bought)[0])
    assert is_likely(bought, first.segments)
    assert first.prediction_id == prediction


def test_an_id_is_escaped_where_it_is_asked_for() -> None:
    assert poll_targets(fare("path", "", "a/b:c"))[0] == b"/api/v3/predictions/a%2Fb%3Ac/result"


@pytest.mark.parametrize("document", [{"status": "failed"}, {"data": {"status": "completed"}}])
def test_where_a_name_is_due_one_must_be_there(document: dict[str, object]) -> None:
    assert poll_outcome(200, document, asked="j").kind in ("failed", "completed")
    unnamed = poll_outcome(200, document, asked="j", named=True)
    assert (unnamed.kind, unnamed.word) == ("running", "no_id")
    assert poll_outcome(200, document | {"id": "j"}, asked="j", named=True).kind != "running"
