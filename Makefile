# Two commands are enough: `make run` and `make test`. Nothing is installed outside of .venv.

PYTHON_NAMES := python3 python3.13 python3.12 python3.11
VENV := .venv/bin/python
# Three on two cores: two leave a third of them idle, waiting for what a test has started.
PYTEST_ARGS ?= -n 3 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup dev run test mutation coverage demo lint bench bench-peers chaos dashboards docs lock

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

setup: .venv/.setup ## the environment alone: .venv/bin/farebox

dev: .venv/.setup-dev ## the same with what tests and benchmarks need

run: .venv/.setup ## start Farebox on 127.0.0.1:4000
	.venv/bin/farebox serve

test: .venv/.setup-dev ## the test suite; REQUIRE_ALL=1 makes a skipped test a failed one
	$(VENV) -m pytest -rs $(PYTEST_ARGS)

mutation: .venv/.setup-dev ## small faults in the rules about money, one by one: every one must be seen
	$(VENV) -m tests.mutation

# The rules about money, which can do no I/O; and the way of a call around them.
comma := ,
RULES := pricing/* proxy/answers.py proxy/budget.py proxy/charge.py proxy/directory.py \
	proxy/instants.py proxy/order.py proxy/outline.py proxy/prices.py proxy/scan.py proxy/usual.py proxy/words.py \
	$(addprefix proxy/ledger/,fare.py known.py operation.py outcomes.py refusals.py reserve.py \
		settlement.py view.py)
ROUND_THEM := proxy/call.py proxy/crossing.py proxy/deciding.py proxy/fares.py proxy/gathered.py \
	proxy/heads.py proxy/passing.py proxy/quoting.py proxy/reconciler.py proxy/relay.py proxy/ledger/*
COVERING := pricing pure ledger relay reconciler cli hardening admin edge upstream

coverage: .venv/.setup-dev ## branch coverage: whole of the rules about money, and what is left of the rest
	$(VENV) -m coverage erase
	$(VENV) -m coverage run -m pytest $(addprefix tests/,$(COVERING))
	$(VENV) -m coverage combine -q
	$(VENV) -m coverage report --include="$(subst $() $(),$(comma),$(ROUND_THEM))"
	$(VENV) -m coverage report --include="$(subst $() $(),$(comma),$(RULES))" --fail-under=100

demo: .venv/.setup-dev ## Farebox with a made-up upstream, teams and traffic
	$(VENV) -m demo

lint: .venv/.setup-dev ## ruff and mypy
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy

bench: .venv/.setup-dev ## every goal of speed beside the proxies that are here: twelve minutes
	$(VENV) -m bench $(BENCH_ARGS)

bench-peers: .venv/.setup-dev ## get the other proxies, outside of this checkout
	$(VENV) -m bench.install

chaos: .venv/.setup-dev ## the long fault run
	$(VENV) -m tests.chaos

dashboards: .venv/.setup-dev ## write the Grafana dashboards again
	$(VENV) -m dashboards

docs: .venv/.setup ## write docs/reference again
	$(VENV) -m proxy.settings.reference docs/reference/settings.md
	$(VENV) -m proxy.metrics_reference docs/reference/metrics.md
	$(VENV) -m proxy.cli.reference docs/reference/cli.md
	$(VENV) -m proxy.admin.reference docs/reference/api.md
	$(VENV) -m pricing.spellings > docs/reference/prices.md

# Needs uv. The locks hold versions and hashes, never an address.
COMPILE = uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url

lock: ## write the locks again, with uv
	$(COMPILE) --group build pyproject.toml -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# A name on PATH is no proof: version managers leave shims there that do not run.
.venv/bin/python:
	@for name in $(PYTHON_NAMES); do \
		"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "making .venv with $$($$name --version)"; \
		exec "$$name" -m venv .venv; \
	done; \
	echo "Farebox needs Python 3.11 or newer with venv; tried $(PYTHON_NAMES)." >&2; \
	echo "On Debian or Ubuntu: apt-get install python3-venv" >&2; \
	exit 1

# $(1): a lock file. uv is faster where it is at hand; pip needs nothing.
define install
	@echo "installing from $(1), half a minute the first time"
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python $(VENV) --require-hashes -r $(1); \
	else \
		$(VENV) -m pip install -qq --disable-pip-version-check --require-hashes -r $(1); \
	fi
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python $(VENV) --no-deps --no-build-isolation -e .; \
	else \
		$(VENV) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
endef

.venv/.setup: requirements.lock pyproject.toml | .venv/bin/python
	$(call install,requirements.lock)
	@touch $@

# The dev lock holds everything that the other one does, at the same versions.
.venv/.setup-dev: requirements-dev.lock requirements.lock pyproject.toml | .venv/bin/python
	$(call install,requirements-dev.lock)
	@touch .venv/.setup $@
