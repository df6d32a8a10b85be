"""The files around the code: make, locks, container, manual."""

import re
import subprocess
from pathlib import Path

import pytest

from proxy.settings.reference import page
from proxy.settings.table import VARIABLES

HOUSE = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def text(name: str) -> str:
    return (HOUSE / name).read_text(encoding="utf-8")


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[\w.\[\]-]+==\S+", text(lock), re.MULTILINE))


@pytest.mark.parametrize(
    "target",
    ["setup", "run", "test", "demo", "lint", "bench", "chaos", "dashboards", "docs", "help"],
)
def test_make_knows_the_target(target: str) -> None:
    told = subprocess.run(
        ["make", "--dry-run", target], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|\bfile:|@ ", text(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes(lock: str) -> None:
    for entry in re.split(r"\n(?=\S)", text(lock).strip()):
        assert re.match(r"[\w.\[\]-]+==\S+( ;[^\\]+)? \\\n", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]


def test_the_dev_lock_holds_everything_that_runs() -> None:
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_build_backend_is_locked() -> None:
    assert any(pin.startswith("hatchling==") for pin in pins("requirements.lock"))


@pytest.mark.parametrize(
    "line",
    [
        "--require-hashes -r requirements.lock",
        "USER 10001",
        "VOLUME /data",
        "EXPOSE 4000",
        "FAREBOX_HOST=0.0.0.0",
        "HEALTHCHECK",
        "/healthz",
    ],
)
def test_the_image_holds(line: str) -> None:
    assert line in text("Dockerfile")


def test_the_image_is_given_what_it_copies() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text("Dockerfile"), re.MULTILINE)
    allowed = re.findall(r"^!(\S+)$", text(".dockerignore"), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == set(allowed)


def test_the_reference_of_settings_is_up_to_date() -> None:
    assert text("docs/reference/settings.md") == page(), "run `make docs`"


def test_the_manual_names_no_unknown_setting() -> None:
    known = {told.environment for _, told in VARIABLES.values()}
    for file in [HOUSE / "README.md", HOUSE / "Dockerfile", *(HOUSE / "docs").rglob("*.md")]:
        named = set(re.findall(r"\bFAREBOX_[A-Z_]+\b", file.read_text(encoding="utf-8")))
        assert named <= known, file.name


def test_links_between_pages_lead_somewhere() -> None:
    for file in [HOUSE / "README.md", *(HOUSE / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name} -> {target}"
