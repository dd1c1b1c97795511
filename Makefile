# Everything runs in .venv, made from the lock file by Python 3.11 or newer; nothing else is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
# A machine that forbids bytecode makes each of a thousand short processes compile all that it imports.
export PYTHONDONTWRITEBYTECODE =
# Two processes halve the time on the two cores that every machine has by now.
PYTEST_FLAGS ?= -n 2 --dist worksteal

.DEFAULT_GOAL := help
BASELINE ?= tests/golden/smoke_baseline.yaml
.PHONY: help run test gate bench lint campaign clean

help:  ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY)  ## run the default scenario (more: make run ARGS="scenario=calm seed=7")
	$(BIN)/stocktwin run overwrite=true workers=2 $(ARGS)

test: $(READY)  ## lint, types, layers and all tests that take minutes
	$(BIN)/python -m pytest -q -m "not campaign and not bench" $(PYTEST_FLAGS)

gate: $(READY)  ## run the benchmark's suite smoke and hold it against the committed baseline
	$(BIN)/stocktwin bench suite=smoke overwrite=true
	$(BIN)/stocktwin gate outputs/bench/smoke --baseline $(BASELINE)

bench: $(READY)  ## measure the ratios of speed, into outputs/bench.json
	$(BIN)/python -m pytest -q -s -m bench tests/benchmarks

campaign: $(READY)  ## the long checks: many seeds, a built wheel, large scenarios
	$(BIN)/python -m pytest -q -m campaign

lint: $(READY)  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:  ## remove the environment and every cache; run folders stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "stocktwin needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	# The build tool first and pinned: one dependency is built from source, and must not fetch a newer one.
	$(BIN)/python -m pip install --quiet $$(grep -E '^(setuptools|wheel)==' requirements.lock)
	# What is never imported is never compiled: the rest is, when it is first used.
	$(BIN)/python -m pip install --quiet --no-compile --no-build-isolation --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $(READY)
