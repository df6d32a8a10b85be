"""Where a prediction may be polled, and which of these places know it. Pure.

A word from a place that may know nothing of a prediction counts only if it names it: "task not
found", say, comes as a failed job in some dialects.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from pricing.rates import asks_for
from proxy.ledger.fare import Fare

_PREDICTIONS, _RESULTS = b"predictions/%b/result", b"tasks/result/%b"
_TASKS, _VIDEOS = b"contents/generations/tasks/%b", b"videos/%b"
_WORDS: Final = {
    _PREDICTIONS: "predictions", _RESULTS: "tasks", _TASKS: "contents", _VIDEOS: "videos",
}  # fmt: skip
_OF_TASKS: Final = "cgt-"  # how the ids of those begin


def poll_targets(fare: Fare) -> list[bytes]:
    """List where a prediction may be polled, the likeliest place first."""
    prediction, likely = quote(fare.prediction_id or "", safe="").encode(), _likely(fare)
    places = sorted(_WORDS, key=lambda place: place != likely)
    return [b"/api/v3/" + place % prediction for place in places]


def is_likely(fare: Fare, segments: Sequence[str]) -> bool:
    """Say whether a poll's decoded segments are a place that knows the fare's prediction.

    That is the first of `poll_targets`, in every form of it, or where the vendor's own SDK asks
    for a video.
    """
    word = segments[0]
    if word == _WORDS[_likely(fare)]:
        return True
    return word == "videos" and fare.surface == "unified" and asks_for(fare.task) == "video"


def _likely(fare: Fare) -> bytes:
    """Name the likeliest place.

    A route does not tell for sure: some take an order in one dialect and answer in the other.
    """
    if (fare.prediction_id or "").startswith(_OF_TASKS):
        return _TASKS
    if fare.surface == "path":
        return _PREDICTIONS
    return _TASKS if fare.task == "tasks" else _RESULTS
