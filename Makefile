# `make serve` and `make test` make .venv and install what they need by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
AXE := tests/browser/node_modules/.package-lock.json

# Tests run in as many processes as there are cores; the tests of a file stay in one, with what they share.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile
PYTEST_OPTIONS ?=

.PHONY: setup serve test test-slow test-all screenshots lint format typecheck clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ...")'
	@echo 'Installing into $(VENV): some minutes the first time.'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# The browser tests want Debian's chromium, and axe-core of npm; without them they are skipped.
$(AXE): tests/browser/package-lock.json
	@if command -v npm > /dev/null; then npm ci --prefix tests/browser --no-audit --no-fund --silent; fi

screenshots: $(STAMP)
	$(BIN)/python -m tests.browser.screenshots build/screenshots

serve: $(STAMP)
	$(BIN)/carousel serve

test: $(STAMP) $(AXE)
	$(PYTEST) -m 'not slow' $(PYTEST_OPTIONS)

test-slow: $(STAMP) $(AXE)
	$(PYTEST) -m slow $(PYTEST_OPTIONS)

test-all: $(STAMP) $(AXE)
	$(PYTEST) $(PYTEST_OPTIONS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(STAMP)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
