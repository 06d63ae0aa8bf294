# The only verbs. `make run` is all a newcomer needs; `make check` and `make test` are what a change has to pass.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# The sandbox keeps its book in SQLite, whose dialect sqlfluff does not parse in full.
SQL := $(shell find nostro -name '*.sql')

.PHONY: run setup check test sim chaos bench lock docs catalogue

run: setup
	$(BIN)/nostro up $(UP)

setup: $(VENV)/.ready

# Everything from the lock, by hash; then this tree itself, which brings nothing more.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nostro needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

check: setup $(VENV)/.sql-checked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict verifier/nostro_verify.py
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/architecture

# Only what changed since it was last found right.
$(VENV)/.sql-checked: $(SQL) pyproject.toml | setup
	$(BIN)/sqlfluff lint --processes 0 $(filter %.sql,$?)
	@touch $@

test: setup
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# Simulates the service in virtual time, 1,000 seeds; prints JSON (docs/explanation/simulation.md).
sim: setup
	@$(BIN)/python -m nostro sim --seeds 1000 $(SIM)

# Kills real processes under load, 10,000 payments; prints JSON (tests/chaos/README.md).
chaos: setup
	@$(BIN)/python -m tests.chaos $(CHAOS)

# Measures payments, the ledger alone, pgbench, latency, CPU and memory on this machine; prints JSON (bench/README.md).
bench: setup
	@$(BIN)/python -m bench $(BENCH)

# Writes the generated pages of docs/reference anew.
docs: setup
	$(BIN)/python -m docs.generate

# Writes what the schema should be, for `nostro verify --full`: after a new migration.
catalogue: setup
	$(BIN)/python -m tests.verification.write_catalogue

# Resolves anew, within the bounds of pyproject.toml.
lock: setup
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --universal --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements.lock $(LOCK)
