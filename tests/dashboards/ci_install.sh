#!/usr/bin/env bash
# What the tests of the dashboards need beside the Python packages: Prometheus, Alertmanager and
# Chromium from Debian, and Grafana's components from npm. Does nothing the second time.
set -euo pipefail
cd "$(dirname "$0")/../.."

# program=package
programs=(prometheus=prometheus promtool=prometheus prometheus-alertmanager=prometheus-alertmanager
          amtool=prometheus-alertmanager chromium=chromium npm=npm node=nodejs)
missing=()
for pair in "${programs[@]}"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
done
fc-list 2>/dev/null | grep -q . || missing+=(fonts-dejavu-core)

if ((${#missing[@]})); then
    echo "missing: ${missing[*]}"
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "without root and apt-get they must be installed by hand" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Outside of the checkout, once for a version of dashboards/preview/package.json.
if [[ -x .venv/bin/python ]]; then
    .venv/bin/python -m tests.dashboards.drawing
fi
