"""A worker counts on where the disk of its metrics is full, and nothing that it counted is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from proxy.metrics import Metrics
from proxy.summed import Workers
from tests.relay.house import ROOT

KEYS = 400  # their refusals take more than the file's first 64 KiB
COUNTING = f"""
import os
import sys
from pathlib import Path

folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
for kind in ("counter", "gauge_livesum", "histogram"):  # as a worker's parent makes room for them
    (folder / f"{{kind}}_{{os.getpid()}}.db").write_bytes(bytes(65536))

from prometheus_client import CollectorRegistry
from proxy.metrics import Metrics

def count():
    for number in range({KEYS}):
        metrics.refusals("art", f"key-{{number}}", "budget_exceeded").inc()

metrics = Metrics(CollectorRegistry())
filler = Path(sys.argv[1])
with filler.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(512))
    except OSError:
        count()
print("still there", flush=True)
filler.unlink()
count()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_files_that_grow_on_a_full_disk_end_no_worker(small_disk: Path) -> None:
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(small_disk), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COUNTING, str(small_disk / "filler")]
    ran = subprocess.run(command, env=environ, check=False, timeout=60, capture_output=True)
    assert (ran.stdout, ran.returncode) == (b"still there\n", 0), ran.stderr
    counted = [
        figure
        for family in Workers(Metrics(CollectorRegistry()), small_disk).collect()
        for (name, *_), figure in (family.figures or {}).items()
        if name == "farebox_refusals_total"
    ]
    assert counted == [2.0] * KEYS
