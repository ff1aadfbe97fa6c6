# On a fresh machine with Python 3.11 or newer: `make serve` runs Quoth, `make test` tests it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: serve setup check quick test clean

serve: setup  ## index the shipped library and answer questions on http://127.0.0.1:8000
	$(BIN)/quoth add corpus/library
	$(BIN)/quoth serve

setup: $(READY)  ## virtual environment, locked dependencies, exported model

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Quoth needs Python 3.11 or newer; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m index.encoding.export
	@touch $@

check: setup  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

quick: setup  ## the tests that need no models, no browser and no other process: one minute
	$(BIN)/python -m pytest -m "not models and not browser and not processes" \
	  --hypothesis-profile quick --numprocesses 2

test: check  ## everything that CI runs
	$(BIN)/python -m pytest --numprocesses 2
	$(BIN)/quoth eval eval/sets/known_facts.jsonl --documents corpus/library --gate eval/gate.toml

clean:  ## forget the environment; the index in .quoth stays
	rm -rf $(VENV)
