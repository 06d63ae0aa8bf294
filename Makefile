# The only verbs. `make check` is what a change has to pass.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup check test bench

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/architecture

test: setup
	$(BIN)/python -m pytest

# Measures payments, pgbench, latency, CPU and memory on this machine; prints JSON (bench/README.md).
bench: setup
	@$(BIN)/python -m bench $(BENCH)
