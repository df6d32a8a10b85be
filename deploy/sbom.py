"""What the image holds, as CycloneDX: `python deploy/sbom.py > farebox.cdx.json`.

Made from requirements.lock, the one list that the image and `make setup` install from; the same
lock and version give the same bytes.
"""

# ruff: noqa: INP001 - a script, of no package
import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).parents[1]
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,.-]+\])?==([^ ;\\]+)(?: ; ([^\\]+?))? \\$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> Iterator[dict[str, Any]]:
    """Read the packages of a lock; `sha256` of every file that may be installed for each."""
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        found = PIN.match(entry.splitlines()[0])
        if found is None:
            raise ValueError(f"not a pin: {entry[:60]!r}")
        name, version, marker = found.groups()
        purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "scope": "optional" if marker else "required",
            "hashes": [{"alg": "SHA-256", "content": each} for each in HASH.findall(entry)],
        }


def bom(lock: str, version: str) -> dict[str, Any]:
    """Return the whole bill of materials."""
    ours = f"pkg:pypi/farebox@{version}"
    parts = list(components(lock))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ours + lock)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": "farebox",
                "version": version,
                "purl": ours,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": ours, "dependsOn": [each["bom-ref"] for each in parts]}],
    }


def main() -> None:
    """Print it."""
    text = (HOUSE / "proxy/version.py").read_text(encoding="utf-8")
    version = re.search(r'__version__\b.*= "([^"]+)"', text)
    assert version is not None  # noqa: S101 - the build reads the same line
    lock = (HOUSE / "requirements.lock").read_text(encoding="utf-8")
    json.dump(bom(lock, version[1]), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
