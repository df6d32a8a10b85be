"""The inputs that fuzzing found worth keeping: one a line, in base64, shortest first."""

import base64
from collections.abc import Iterable
from pathlib import Path

NAMES = ("order", "size", "price_table", "path", "outcome")
INPUT_MAX = 2048
DIRECTORY = Path(__file__).parent / "corpus"


def kept(target: str) -> list[bytes]:
    """The corpus of a target; none, if there is none yet."""
    file = DIRECTORY / f"{target}.txt"
    lines = file.read_text("ascii").splitlines() if file.exists() else []
    return [base64.b64decode(line) for line in lines]


def keep(target: str, inputs: Iterable[bytes]) -> int:
    """Write the corpus of a target; how many inputs it holds."""
    ordered = sorted(set(inputs), key=lambda each: (len(each), each))
    lines = [base64.b64encode(each).decode() for each in ordered]
    DIRECTORY.mkdir(exist_ok=True)
    (DIRECTORY / f"{target}.txt").write_text("\n".join(lines) + "\n", "ascii")
    return len(lines)
