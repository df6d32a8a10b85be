"""What holds for every test.

Under REQUIRE_ALL=1 nothing may be skipped: a skipped test fails, with the reason it gave.
At the end no ledger and no log that any test left behind may hold a key or a token.
No property is judged by how fast it runs, since a shared machine is slow at times.
"""

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("farebox", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("farebox")

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"
# Keys as Farebox makes them, and those that the tests' installations are given.
SECRET = re.compile(
    rb"sk-fb-[0-9A-Za-z]{8}-[0-9A-Za-z]{38}|sk-upstream-0123456789abcdef|sk-the-real-"
    rb"|admin-token-0123456789abcdef|an-admin-token-of-the-tests"
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = _told(report.longrepr)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if REQUIRE_ALL and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = _told(report.longrepr)
    return report


def _told(why: object) -> str:
    reason = why[2] if isinstance(why, tuple) else why
    return f"REQUIRE_ALL=1 and this was skipped: {reason}"


def leaks(directory: Path) -> Iterator[Path]:
    """Ledgers, with what is beside them, and logs in which a secret stands."""
    for pattern in ("*.db", "*.db-*", "log"):
        for file in directory.rglob(pattern):
            if file.is_file() and SECRET.search(file.read_bytes()):
                yield file


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is None or hasattr(session.config, "workerinput"):
        return  # what the processes of xdist left is looked at where they were started
    if found := [str(file) for file in leaks(factory.getbasetemp())]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line("")
        reporter.write_line(f"a key or a token stands in {', '.join(found)}", red=True)
