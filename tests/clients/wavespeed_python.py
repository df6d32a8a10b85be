"""WaveSpeed's Python client (PyPI `wavespeed` 2.0.5): the path surface.

Usage: BASE=… KEY=… python wavespeed_python.py PROMPT MODEL SIZE; SYNC=1 waits in the submit.
"""

import contextlib
import json
import os
import sys
from typing import Any

import wavespeed


def main() -> int:
    prompt, model, size = sys.argv[1:4]
    client = wavespeed.Client(
        api_key=os.environ["KEY"],
        base_url=os.environ["BASE"],
        max_retries=int(os.environ.get("MAX_RETRIES", "0")),
        retry_interval=float(os.environ.get("POLL_S", "1")),
    )
    pause_s = float(os.environ.get("POLL_S", "1"))
    sync = os.environ.get("SYNC") == "1"
    said: dict[str, Any]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = client.run(
                f"{model}/text-to-image",
                {"prompt": prompt, "size": size},
                poll_interval=pause_s,
                enable_sync_mode=sync,
            )
    except RuntimeError as error:
        refused = "Failed to submit" in str(error)
        said = {"outcome": "refused" if refused else "failed", "message": str(error)}
    except Exception as error:  # noqa: BLE001 - what this client does with an answer it did not expect
        said = {"outcome": "crashed", "message": repr(error)}
    else:
        said = {"outcome": "completed", "outputs": result["outputs"]}
    sys.stdout.write(json.dumps(said) + "\n")
    return 0 if said["outcome"] == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
