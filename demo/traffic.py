"""Made-up calls: several models and sizes, failures, callers that never come back."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from demo.installation import Installation

CALLERS = 6
CALLS_A_SECOND = 6
POLL_S = 0.3
POLLS_MAX = 60

# model, sizes, how often
WANTED = (
    ("google/gemini-3.1-flash-image-preview", ("0.5K", "1K", "1K", "2K", "4K"), 6),
    ("google/gemini-3-pro-image-preview", ("1K", "2K", "4K"), 3),
    ("google/gemini-2.5-flash-image", (None,), 2),
    ("bytedance/seedream-4-5-251128", ("2048x2048",), 1),
)
ENDINGS = ("", "", "", "", "", "", "", "standin:failed", "standin:400")


def drive(farebox: Installation, seconds: float) -> None:
    """Call for so many seconds, a few calls a second, the same calls every time."""
    chosen = random.Random(7)  # noqa: S311 - a show, not a secret
    end = time.monotonic() + seconds
    pause = threading.Event()
    with (
        httpx.Client(base_url=farebox.url, timeout=30) as client,
        ThreadPoolExecutor(CALLERS) as callers,
    ):
        while time.monotonic() < end:
            model, sizes, _ = chosen.choices(WANTED, [w[2] for w in WANTED])[0]
            size, ending = chosen.choice(sizes), chosen.choice(ENDINGS)
            key = chosen.choice(list(farebox.keys.values()))
            comes_back = chosen.random() > 0.1  # noqa: PLR2004 - one caller in ten
            body = {"prompt": f"a lighthouse {ending}".strip()} | ({"size": size} if size else {})
            callers.submit(_one, client, key, model, body, comes_back=comes_back)
            pause.wait(1 / CALLS_A_SECOND)


def _one(
    client: httpx.Client, key: str, model: str, body: dict[str, str], *, comes_back: bool
) -> None:
    headers = {"Authorization": key}
    answer = client.post(f"/api/v3/{model}/text-to-image", headers=headers, json=body)
    if not answer.is_success or not comes_back:
        return
    prediction = answer.json()["data"]["id"]
    for _ in range(POLLS_MAX):
        found = client.get(f"/api/v3/predictions/{prediction}/result", headers=headers).json()
        if found["data"]["status"] in ("completed", "failed"):
            return
        time.sleep(POLL_S)
