"""What is handed to clusters, hosts and the release: checked where it stands."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from proxy.settings.table import VARIABLES
from tests.relay.house import ROOT

MANIFESTS = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/farebox.yaml").read_text()))
KNOWN = {told.environment for _, told in VARIABLES.values()}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy/systemd/farebox.service").read_text(encoding="utf-8")


def one(kind: str) -> dict[str, Any]:
    (found,) = [each for each in MANIFESTS if each["kind"] == kind]
    return found


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = one("Deployment")["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return found


def test_every_manifest_selects_the_same_pods() -> None:
    labels = one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert one("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert one("Service")["spec"]["selector"] == labels
    assert one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels


def test_the_pod_runs_as_nobody_and_may_write_nowhere_but_to_its_volumes() -> None:
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod()['securityContext']['runAsUser']}\n" in DOCKERFILE
    assert pod()["automountServiceAccountToken"] is False
    inside = container()["securityContext"]
    assert inside["readOnlyRootFilesystem"] is True
    assert inside["allowPrivilegeEscalation"] is False
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert {each["mountPath"] for each in container()["volumeMounts"]} == {"/tmp", "/data"}  # noqa: S108


def test_the_probes_ask_what_each_is_for() -> None:
    assert container()["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container()["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container()["livenessProbe"]["httpGet"]["path"] == "/healthz", (
        "a restart mends no ledger"
    )


def test_a_node_may_leave_and_calls_in_flight_may_end() -> None:
    replicas = one("Deployment")["spec"]["replicas"]
    assert 1 <= one("PodDisruptionBudget")["spec"]["minAvailable"] < replicas
    assert one("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert pod()["terminationGracePeriodSeconds"] > 600, "FAREBOX_UPSTREAM_TIMEOUT and a little"
    assert container()["lifecycle"]["preStop"]["exec"]["command"][0] == "sleep", (
        "the port closes with SIGTERM, before callers are sent elsewhere"
    )


def test_docker_waits_for_calls_in_flight_as_well() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert compose["services"]["farebox"]["stop_grace_period"] == "11m"
    (line,) = re.findall(r"^docker run .*", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert int(line.partition("--stop-timeout ")[2].split()[0]) > 600


def test_every_setting_is_one_that_farebox_knows_and_no_secret_stands_in_the_open() -> None:
    named = {each["name"]: each for each in container()["env"]} | one("ConfigMap")["data"]
    assert named.keys() <= KNOWN
    for name in ("FAREBOX_ADMIN_TOKEN", "FAREBOX_UPSTREAM_KEY", "FAREBOX_DATABASE_URL"):
        assert "secretKeyRef" in named[name]["valueFrom"]
    assert pod()["enableServiceLinks"] is False, "a service called farebox would set FAREBOX_PORT"
    assert set(re.findall(r"FAREBOX_[A-Z_]+", UNIT)) <= KNOWN


def test_the_unit_has_no_weak_spot_that_systemd_counts() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20"]
    told = subprocess.run(
        [*command, ROOT / "deploy/systemd/farebox.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-500:]


@pytest.mark.parametrize(
    "line",
    ["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077",
     "CapabilityBoundingSet=", "LimitCORE=0", "MemoryDenyWriteExecute=yes"],
)  # fmt: skip
def test_the_unit_says(line: str) -> None:
    assert line in UNIT.splitlines()


def test_the_image_is_built_of_few_pinned_things() -> None:
    froms = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(froms) == {froms[0]}
    assert ":" in froms[0]
    assert not froms[0].endswith(":latest")
    for forbidden in ("ADD ", "sudo", "curl ", "apt-get upgrade", "chmod 777", "pip install -U"):
        assert forbidden not in DOCKERFILE
    steps = re.findall(r"^(ENTRYPOINT|CMD|HEALTHCHECK.*CMD) (.*)$", DOCKERFILE, re.MULTILINE)
    assert all(json.loads(form) for _, form in steps), "exec form: signals reach the program"


def test_a_release_is_tested_first_and_asks_for_no_more_than_it_needs() -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert release["permissions"] == {}
    jobs = release["jobs"]
    assert jobs["build"]["needs"] == jobs["image"]["needs"] == "test"
    assert set(jobs["publish"]["needs"]) == {"build", "image"}
    assert all("timeout-minutes" in job for job in jobs.values())
    assert not re.search(r"secrets\.", json.dumps(release)), "trusted publishing needs no token"
    assert [name for name, job in jobs.items() if "contents" in job["permissions"]
            and job["permissions"]["contents"] == "write"] == ["publish"]  # fmt: skip


def test_the_scripts_are_bash_that_parses() -> None:
    for script in (ROOT / "deploy").glob("*.sh"):
        subprocess.run(["bash", "-n", script], check=True)
