"""Farebox as it is, but open to a profiler of the same user: `python -m bench.watched serve`.

Keys are in its memory, so a Farebox that serves lets nobody look into it.
"""

import ctypes

from proxy import server
from proxy.__main__ import main

PR_SET_PTRACER, ANYBODY = 0x59616D61, -1


def let_look() -> None:
    """Let any process of this user look into ours."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)


if __name__ == "__main__":
    vars(server)["keep_memory_private"] = let_look
    raise SystemExit(main())
