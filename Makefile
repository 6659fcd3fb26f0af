# Everything there is to do here; `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

export PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help:  ## List what can be made.
	@echo "make TARGET [ARGS=…]"
	@echo
	@awk -F ':.*##  ?' '/^[a-z][a-z-]*:.*##/ { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

FILES ?= examples/simple-cluster.yaml

.PHONY: run
run: .venv/runs  ## Run a Dask cluster on this machine, without any Kubernetes, until Ctrl-C. make run FILES=examples/simple-job.yaml
	@$(BIN)/dask-reconciler local $(FILES) $(ARGS)

.PHONY: daemon
daemon: machine .venv/made  ## Run the daemon: against the current kube context, or a Kubernetes it starts here. ARGS="--dry-run"
	scripts/daemon $(ARGS)

# Much of the time tests wait for programs that start and end: three at once are what keeps two cores busy.
SIDE_BY_SIDE := $(BIN)/pytest --numprocesses=3

.PHONY: test
test: machine .venv/made  ## Test everything: fast tests, a real API server, a real node. Linux, Go and root. ARGS go to pytest.
	$(SIDE_BY_SIDE) $(ARGS)

.PHONY: test-fast
test-fast: machine .venv/made  ## Test what needs no Kubernetes, in a minute or two.
	$(SIDE_BY_SIDE) -m "not apiserver and not node and not dask_releases" $(ARGS)

SEEDS ?= 1000

.PHONY: simulate
simulate: .venv/made  ## Tell random stories of the simulation, and shrink those that fail: SEEDS=1000 of them, or SEED=17 alone.
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(ARGS)

.PHONY: fresh
fresh:  ## Run `make run` and `make test` on a fresh Debian in a folder. Linux, Go and root. ARGS go to pytest.
	scripts/fresh $(ARGS)

.PHONY: lint
lint: .venv/made  ## Check style, format and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: format
format: .venv/made  ## Format the code and mend what can be mended without a thought.
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: crds
crds: .venv/made  ## Write crds/ and the generated pages of docs/ from the code.
	$(BIN)/python -m crdgen.crds
	$(BIN)/python -m crdgen.resources_page
	$(BIN)/python -m reconciler.cli.doc_pages
	$(BIN)/python -m reconciler.cli.module_page
	$(BIN)/python -m kubecluster.reference > docs/kubecluster-arguments.md

.PHONY: image
image:  ## Build the container image.
	scripts/image $(ARGS)

.PHONY: wheels
wheels:  ## Build the wheels that a release uploads. ARGS=--check installs them offline with each Python that is here.
	scripts/wheels $(ARGS)

.PHONY: cluster-up
cluster-up: machine .venv/made  ## Start a real Kubernetes with a node on this machine, for trying things out. Linux, Go and root.
	$(BIN)/python -m tests.realcluster up --node $(ARGS)

.PHONY: cluster-down
cluster-down: .venv/made  ## Stop it, and leave nothing of it.
	$(BIN)/python -m tests.realcluster down $(ARGS)

.PHONY: bench
bench: machine .venv/made  ## Measure what docs/benchmarks.md shows, each figure beside its floor. ARGS="--rows a,d"
	$(BIN)/python -m tests.bench $(ARGS)

.PHONY: bench-adapting
bench-adapting: .venv/made  ## Compare how the number of workers follows the work, beside other rules, in virtual time.
	@$(BIN)/python -m tests.bench.adapting

.PHONY: bench-local
bench-local: .venv/made  ## Measure how soon a cluster on this machine computes, beside Dask's LocalCluster.
	$(BIN)/python -m tests.bench_local $(ARGS)

.PHONY: setup
setup: machine .venv/made  ## Make what the other targets need, and nothing else.

.PHONY: machine
machine:
	@scripts/machine
	@scripts/promtool >/dev/null

.PHONY: clean
clean:  ## Remove what was made: the virtual environment, caches, builds.
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment that was left half made, or has lost its Python, is made anew.
works := $(BIN)/python -c 'import pip' 2>/dev/null
ifneq ($(shell $(works) || echo no),)
.PHONY: .venv/runs
endif

# What it takes to run Dask on this machine, and nothing else.
.venv/runs: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed; $(PYTHON) is {v[0]}.{v[1]}. Name another: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || scripts/install python3-venv
	@echo "Installing Dask and what else it takes into .venv; this takes a minute, or longer where the network is slow …"
	@$(works) || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --editable ".[local]"
	@echo "Installed."
	@touch $@

# The extras too: one environment for all that one does here.
.venv/made: .venv/runs kubecluster/pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[local,test,lint]" --editable ./kubecluster
	touch $@
