"""What is in our memory is nobody else's to read."""

import contextlib
import ctypes
import resource
from typing import Final

PR_SET_DUMPABLE: Final = 4


def keep_memory_private() -> None:
    """Leave no core dump, and let no other process of this user read our memory: keys are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
