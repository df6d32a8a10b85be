"""Under REQUIRE_ALL=1 a skip is a failure, so a missing program cannot pass for a green run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SKIPS = {
    "a test that skips": "import pytest\ndef test_x(): pytest.skip('no chromium')",
    "a marked test": "import pytest\n@pytest.mark.skip(reason='no chromium')\ndef test_x(): ...",
    "a whole module": "import pytest\npytest.skip('no chromium', allow_module_level=True)",
}


def run(directory: Path, module: str, *more: str, require_all: str) -> tuple[int, str]:
    shutil.copy(CONFTEST, directory)
    (directory / "test_it.py").write_text(module)
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *more],
        cwd=directory,
        env={**os.environ, "REQUIRE_ALL": require_all, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return told.returncode, told.stdout


@pytest.mark.parametrize("more", [(), ("-pxdist", "-n2")], ids=["alone", "in two processes"])
@pytest.mark.parametrize("module", SKIPS.values(), ids=SKIPS.keys())
def test_a_skip_fails_and_keeps_its_reason(
    tmp_path: Path, module: str, more: tuple[str, ...]
) -> None:
    code, said = run(tmp_path, module, *more, require_all="1")
    assert code in {1, 2}
    assert "no chromium" in said
    assert "1 skipped" not in said


def test_without_it_a_skip_is_told_and_passes(tmp_path: Path) -> None:
    code, said = run(tmp_path, SKIPS["a test that skips"], require_all="")
    assert code == 0
    assert "1 skipped" in said
    assert "no chromium" in said


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    module = "import pytest\n@pytest.mark.xfail\ndef test_x(): assert 0"
    assert run(tmp_path, module, require_all="1")[0] == 0
