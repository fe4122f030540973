# Each target makes .venv and installs what it needs by itself: `make serve` what serving needs, `make trainer` what
# `carousel-train` needs too, all others everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVING := $(VENV)/.serving
TRAINING := $(VENV)/.training
STAMP := $(VENV)/.installed
# The package index of PyTorch alone, such as that of its builds for CPUs (pytorch.org); empty is pip's own.
TORCH_INDEX_URL ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check install --constraint constraints.txt
AXE := tests/browser/node_modules/.package-lock.json
LINTERS := tests/openapi/node_modules/.package-lock.json
GENERATORS := tests/openapi/generators/node_modules/.package-lock.json tests/openapi/generators/.venv/.installed
CLIENTS := tests/clients/npm/node_modules/.package-lock.json \
	tests/clients/pip/.langchain-huggingface/.installed tests/clients/pip/.lm-eval/.installed

# Tests run in as many processes as there are cores; the tests of a file stay in one, with what they share.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile
PYTEST_OPTIONS ?=

.PHONY: setup serve trainer test test-slow test-all screenshots lint format typecheck clean

setup: $(STAMP)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# Torch alone from there: an index of torch's has not all that torch needs, at the versions pinned here.
$(SERVING): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing what serving needs into $(VENV): some minutes the first time. Step 1 of 2: PyTorch, the largest part.'
	$(PIP) $(if $(TORCH_INDEX_URL),--no-deps --index-url $(TORCH_INDEX_URL)) torch
	@echo 'Step 2 of 2: the service.'
	$(PIP) --editable .
	touch $@

$(TRAINING): $(SERVING)
	@echo 'Installing what training needs into $(VENV).'
	$(PIP) --editable '.[train]'
	touch $@

$(STAMP): $(SERVING)
	@echo 'Installing what tests, benchmarks and linters need into $(VENV): some minutes the first time.'
	$(PIP) --editable '.[dev]'
	touch $@

# The browser tests want Debian's chromium, and axe-core of npm; without them they are skipped.
$(AXE): tests/browser/package-lock.json
	@if command -v npm > /dev/null; then npm ci --prefix tests/browser --no-audit --no-fund --silent; fi

# The linters of the OpenAPI document, 83 MB of npm; without them its slow tests are skipped.
$(LINTERS): tests/openapi/package-lock.json
	@if command -v npm > /dev/null; then npm ci --prefix tests/openapi --ignore-scripts --no-audit --no-fund --silent; fi

# Generators of clients from the OpenAPI document: 105 MB of npm, and 84 MB of Python in an environment of its own, as
# openapi-python-client needs an older typer than the service; without them their slow tests are skipped.
tests/openapi/generators/node_modules/.package-lock.json: tests/openapi/generators/package-lock.json
	@if command -v npm > /dev/null; then npm ci --prefix $(dir $<) --ignore-scripts --no-audit --no-fund --silent; fi

tests/openapi/generators/.venv/.installed: tests/openapi/generators/requirements.txt | $(BIN)/python
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<
	@touch $@

# Clients that tests run: 10 MB of npm; of Python, 20 MB for langchain-huggingface and 60 MB for lm-eval, which are what
# the environment of the tests lacks, or has in a version that these do not allow.
tests/clients/npm/node_modules/.package-lock.json: tests/clients/npm/package-lock.json
	@if command -v npm > /dev/null; then npm ci --prefix $(dir $<) --ignore-scripts --no-audit --no-fund --silent; fi

tests/clients/pip/.%/.installed: tests/clients/pip/%.txt | $(STAMP)
	@rm -rf $(@D)
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --target $(@D) --requirement $<
	@touch $@

screenshots: $(STAMP)
	$(BIN)/python -m tests.browser.screenshots build/screenshots

serve: $(SERVING)
	$(BIN)/carousel serve

trainer: $(TRAINING)
	@$(BIN)/carousel-train --help

test: $(STAMP) $(AXE)
	$(PYTEST) -m 'not slow' $(PYTEST_OPTIONS)

test-slow: $(STAMP) $(AXE) $(LINTERS) $(GENERATORS) $(CLIENTS)
	$(PYTEST) -m slow $(PYTEST_OPTIONS)

test-all: $(STAMP) $(AXE) $(LINTERS) $(GENERATORS) $(CLIENTS)
	$(PYTEST) $(PYTEST_OPTIONS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive app models trainer benchmarks

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(STAMP)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
