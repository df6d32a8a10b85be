"""What is shipped: wheel, sdist, lock, bill of materials; and nothing known to be broken in it."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from proxy.version import __version__
from tests.relay.house import ROOT, Farebox
from tests.standin.server import Standin

# The first version without the faults named; what is not in the lock cannot hurt.
AT_LEAST = {
    "starlette": ("1.3.1", "CVE-2026-48710, PYSEC-2026-248, CVE-2025-62727"),
    "h11": ("0.16.0", "CVE-2025-43859"),
    "httptools": ("0.6.0", "its llhttp: CVE-2023-30589"),
    "uvicorn": ("0.11.7", "CVE-2020-7694, CVE-2020-7695"),
    "jinja2": ("3.1.6", "CVE-2025-27516, CVE-2024-56326, CVE-2024-34064"),
    "markupsafe": ("2.0", "kept up with jinja2"),
    "mako": ("1.2.2", "CVE-2022-40023"),
    "pydantic": ("2.4.0", "CVE-2024-3772"),
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "idna": ("3.7", "CVE-2024-3651"),
    "anyio": ("4.4.0", "a race in its thread pool, GHSA-8v9m"),
    "pygments": ("2.15.0", "CVE-2022-40896"),
    "markdown-it-py": ("2.2.0", "CVE-2023-26303"),
    "httpcore": ("1.0.9", "CVE-2025-43859 by way of h11"),
    "python-multipart": ("0.0.18", "CVE-2024-53981"),
    "orjson": ("3.9.15", "CVE-2024-27454"),
    "requests": ("2.32.4", "CVE-2024-47081"),
    "urllib3": ("2.6.0", "CVE-2025-66418"),
    "setuptools": ("78.1.1", "CVE-2025-47273"),
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", text))


def locked() -> dict[str, str]:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^ ;\\]+)", lock, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(AT_LEAST.keys() & locked().keys()))
def test_no_locked_package_is_one_with_a_known_fault(name: str) -> None:
    least, faults = AT_LEAST[name]
    assert numbers(locked()[name]) >= numbers(least), faults


def test_the_declared_least_versions_can_be_met_by_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for wanted in project["dependencies"]:
        found = re.match(r"([\w.-]+)(?:\[\w+\])?(>=|==)([\d.]+)", wanted)
        assert found, wanted
        assert numbers(locked()[found[1]]) >= numbers(found[3]), wanted
    assert "starlette>=1.3.1" in project["dependencies"]


def test_the_bill_of_materials_names_all_that_is_locked() -> None:
    told = subprocess.run(
        [sys.executable, "deploy/sbom.py"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    bom = json.loads(told)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["version"] == __version__
    assert {each["name"]: each["version"] for each in bom["components"]} == locked()
    assert all(each["hashes"] for each in bom["components"])
    references = [each["bom-ref"] for each in bom["components"]]
    assert len(set(references)) == len(references)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", directory],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return directory


def test_the_wheel_holds_what_runs_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "proxy",
        "pricing",
    }
    for folder, pattern in (
        ("pricing/tables", "*.toml"),
        ("proxy/ledger/migrations", "*"),
        ("proxy/ledger/migrations/versions", "*.py"),
        ("proxy/page/templates", "*.html"),
        ("proxy/page/static", "*.*"),
    ):
        files = [file for file in (ROOT / folder).glob(pattern) if file.is_file()]
        assert files
        assert {f"{folder}/{file.name}" for file in files} <= names
    assert not [name for name in names if re.search(r"\.(db|token|pyc|log)|/tests/", name)]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_the_wheel_is_made_of(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "proxy/app.py"} <= names
    assert not [name for name in names if re.search(r"\.(db|db-wal|token)$|^\.venv", name)]


class Installed(Farebox):
    """An installation that runs what a wheel put into an environment of its own."""

    def environment(self) -> dict[str, str]:
        kept = super().environment()
        del kept["PYTHONPATH"]
        return kept


def test_the_wheel_runs_in_an_environment_of_its_own(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "venv"
    venv.create(home, symlinks=True)
    python = home / "bin/python"
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index"]
    subprocess.run([*pip, "--no-deps", wheel], check=True, cwd=tmp_path)
    (packages,) = (home / "lib").glob("python*/site-packages")
    # The locked packages of the suite's own environment, but not the project that is edited there.
    ours = Path(pytest.__file__).parents[1]
    (packages / "locked.pth").write_text(f"{ours}\n")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("FAREBOX_", "PYTHON"))}
    told = subprocess.run(
        [home / "bin/farebox", "--version"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert __version__ in told.stdout
    monkeypatch.setattr(sys, "executable", str(python))
    with Standin() as upstream:
        farebox = Installed(tmp_path, upstream.url)
        try:
            farebox.start()
            assert farebox.submit(farebox.key("k")).status_code == 200
            assert farebox.client.get(f"{farebox.url}/login").status_code == 200
            assert farebox.end(signal.SIGTERM) == 0
        finally:
            farebox.close()
