"""GPT Proto's own SDK (PyPI `gptproto` 0.1.0): the unified surface, one submit, then polls.

Usage: BASE=… KEY=… python gptproto_sdk.py PROMPT MODEL SIZE.
"""

import json
import os
import sys
from typing import Any

from gptproto import GptprotoClient, TaskFailedError, TaskTimeoutError
from gptproto.models.image_resolution import ImageResolution
from gptproto.models.unified_image_request import UnifiedImageRequest


def _status(task_id: str, status: str) -> None:
    sys.stdout.write(json.dumps({"event": "status", "id": task_id, "status": status}) + "\n")


def main() -> int:
    prompt, model, size = sys.argv[1:4]
    client = GptprotoClient(api_key=os.environ["KEY"], base_url=os.environ["BASE"])
    body = UnifiedImageRequest(model=model, prompt=prompt, resolution=ImageResolution(size))
    pause_s = float(os.environ.get("POLL_S", "3"))
    said: dict[str, Any]
    try:
        result = client.run("image", body, poll_interval=pause_s, on_status=_status)
    except (TaskFailedError, TaskTimeoutError) as error:
        said = {"outcome": "failed", "message": str(error)}
    except RuntimeError as error:
        said = {"outcome": "refused", "message": str(error)}
    except Exception as error:  # noqa: BLE001 - what this SDK does with an answer it did not expect
        said = {"outcome": "crashed", "message": repr(error)}
    else:
        said = {"outcome": "completed", "outputs": list(result.unsigned_urls or [])}
    sys.stdout.write(json.dumps(said) + "\n")
    return 0 if said["outcome"] == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
