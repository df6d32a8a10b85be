"""The script that readers of the article run: `requests`, the raw key, the poll URL as handed out.

Usage: BASE=… KEY=… python article_script.py PROMPT MODEL SIZE. Only BASE differs from the article.
"""

import json
import os
import sys
import time
from typing import Any

import requests

BASE = os.environ.get("BASE", "https://gptproto.com")
KEY = os.environ["KEY"]
POLL_S = float(os.environ.get("POLL_S", "2"))


def generate(prompt: str, model: str, size: str) -> list[str]:
    """Submit, then follow `data.urls.get` until the image is there."""
    headers = {"Authorization": KEY, "Content-Type": "application/json"}
    body: Any = {
        "prompt": prompt,
        "size": size,
        "aspect_ratio": "1:1",
        "output_format": "png",
        "enable_sync_mode": False,
        "enable_base64_output": False,
    }
    url = f"{BASE}/api/v3/{model}/text-to-image"
    answer = requests.post(url, headers=headers, json=body)  # noqa: S113 - so does the article
    answer.raise_for_status()
    result_url = answer.json()["data"]["urls"]["get"]
    while True:
        answer = requests.get(result_url, headers={"Authorization": KEY})  # noqa: S113
        data = answer.json()["data"]
        if data.get("error") or data["status"] == "failed":
            raise RuntimeError(f"Generation failed: {data['error']}")
        if data["status"] == "completed":
            return list(data["outputs"])
        time.sleep(POLL_S)


def main() -> int:
    said: dict[str, Any]
    try:
        outputs = generate(*sys.argv[1:4])
    except requests.HTTPError as error:
        said = {"outcome": "refused", "message": str(error)}
    except RuntimeError as error:
        said = {"outcome": "failed", "message": str(error)}
    except (requests.RequestException, KeyError, TypeError, AttributeError) as error:
        said = {"outcome": "crashed", "message": repr(error)}
    else:
        said = {"outcome": "completed", "outputs": outputs}
    sys.stdout.write(json.dumps(said) + "\n")
    return 0 if said["outcome"] == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
