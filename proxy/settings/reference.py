"""Write docs/reference/settings.md from the table of settings."""

import sys
from pathlib import Path

from proxy.settings.table import VARIABLES, Variable

HEAD = """\
# Settings

Written by `make docs` from `proxy/settings/table.py`; change it there.

Each setting is an environment variable, or the same name in lower case and without `FAREBOX_` in
`farebox.toml` (in the working directory, or named with `--config`). Flags of `farebox serve` win
over the environment, the environment over the file. An empty variable counts as unset. An unknown
name or a bad value stops the start with a line that names it.

Spans are written `500ms`, `60s`, `10m`, `24h`, `90d`; sizes `512KiB`, `32MiB`, `1GiB`; lists with
commas, the empty one `none`; money in USD with at most six decimals.

| variable | default | meaning |
|---|---|---|
"""


def page() -> str:
    """Return the reference page."""
    return HEAD + "".join(f"{_row(told)}\n" for _, told in VARIABLES.values())


def _row(told: Variable) -> str:
    return f"| `{told.environment}` | {_default(told)} | {told.meaning} |"


def _default(told: Variable) -> str:
    if told.says is not None:
        return told.says
    if told.default is None:
        return "unset"
    if told.exposed is not None:
        return f"`{told.default}` on a loopback bind, else `{told.exposed}`"
    return f"`{told.default}`"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
