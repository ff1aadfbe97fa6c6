# On a fresh machine with Python 3.11.5 or newer: `make serve` runs Quoth, `make test` tests it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

TOOLS := $(VENV)/tools
INSTALL := -m pip install --quiet --no-deps --require-hashes --requirement

.PHONY: serve setup check quick test tools lock sbom clean

serve: setup  ## index the shipped library and answer questions on http://127.0.0.1:8000
	$(BIN)/quoth add corpus/library
	$(BIN)/quoth serve

setup: $(READY)  ## virtual environment, locked dependencies, exported model

$(READY): pyproject.toml requirements.lock requirements-cpu.lock requirements-cuda.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' \
	  || { echo "Quoth needs Python 3.11.5 or newer; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	# The CPU build of torch where pip finds one; PyPI's build for Linux is made for CUDA.
	$(BIN)/python $(INSTALL) requirements-cpu.lock 2>/dev/null \
	  || $(BIN)/python $(INSTALL) requirements-cuda.lock
	$(BIN)/python $(INSTALL) requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check >/dev/null
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

tools: $(TOOLS)/.ready  ## the programs that make locks, the SBOM and attacks, beside the environment

$(TOOLS)/.ready: requirements-tools.lock | setup
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python $(INSTALL) requirements-tools.lock
	@touch $@

lock: tools  ## the hash of every file of the versions that the locks name
	.ci/lock $(TOOLS)/bin/uv

sbom: tools  ## what the light runtime is made of, as CycloneDX: build/quoth.cdx.json
	@mkdir -p build
	$(TOOLS)/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application \
	  --spec-version 1.6 --output-format JSON --output-file build/packages.cdx.json \
	  requirements-runtime.lock
	$(BIN)/python -m eval.robustness.sbom build/packages.cdx.json > build/quoth.cdx.json
	$(TOOLS)/bin/python .ci/validate_sbom.py build/quoth.cdx.json

clean:  ## forget the environment; the index in .quoth stays
	rm -rf $(VENV)
