# Two commands matter: `make run` and `make test`. Both set up all they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: run tour test test-dates torture mutants check lock clean browser

run: $(VENV)/.ready $(BIN)/kasapay
	@$(BIN)/python -m bot run $(ARGS)

tour: $(VENV)/.ready $(BIN)/kasapay
	@$(BIN)/python -m bot tour $(ARGS)

# Style, types, room boundaries, then every test; types are checked beside the tests, and there are two
# workers more than cores, since some tests only wait. The first run compiles the tests once for all workers.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.ready-dev $(BIN)/kasapay browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/mypy > $(VENV)/types.log 2>&1 & types=$$!; \
	  [ -d tests/__pycache__ ] || $(BIN)/python -m pytest -q --collect-only > /dev/null; \
	  $(BIN)/python -m pytest -n $$(($$(nproc) + 2)) --dist worksteal $(ARGS); tests=$$?; \
	  wait $$types; types=$$?; cat $(VENV)/types.log; \
	  [ $$tests -eq 0 ] && [ $$types -eq 0 ]

# The same tests on days that break calendars; the clock of the machine stays as it is.
test-dates: export PYTHONDONTWRITEBYTECODE =
test-dates: $(VENV)/.ready-dev
	@sh tests/dates.sh $(BIN)/python $(ARGS)

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy

# The same proof at its large sizes: about an hour, resumable; see docs/reliability.md.
torture: export PYTHONDONTWRITEBYTECODE =
torture: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.torture $(ARGS)

# Small mistakes in the money core, one at a time: does a test notice? ARGS="--count 1000 --seed 7".
mutants: export PYTHONDONTWRITEBYTECODE =
mutants: $(VENV)/.ready-mutants
	@$(BIN)/python -m tests.mutants $(ARGS)

# The browser tests drive Debian's Chromium; as root it is installed, otherwise we say what is missing.
browser:
	@sh tests/ensure_chromium.sh

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Kasapay needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (Debian: apt-get install python3-venv)"; exit 1; }

$(VENV)/.ready: requirements.lock | $(VENV)/bin/python
	@echo "Installing Kasapay's libraries into $(VENV) (once)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock | $(VENV)/bin/python
	@echo "Installing Kasapay's libraries and test tools into $(VENV) (once)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.ready

$(VENV)/.ready-mutants: requirements-mutants.lock $(VENV)/.ready-dev
	@echo "Installing the mutation tester into $(VENV) (once)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-mutants.lock
	@touch $@

# The command as people type it: this checkout's code, from whatever folder, with no package to build.
$(BIN)/kasapay: Makefile | $(VENV)/bin/python
	@printf '%s\n' '#!/bin/sh' \
	  'bin=$$(CDPATH= cd -- "$$(dirname -- "$$0")" && pwd) || exit' \
	  'export PYTHONPATH="$${bin%/*/*}$${PYTHONPATH:+:$$PYTHONPATH}"' \
	  'exec "$$bin/python" -P -m bot "$$@"' > $@
	@chmod +x $@

# Rewrites the locks from pyproject.toml; needs uv.
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock:
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(LOCK) --extra mutants -c requirements-dev.lock pyproject.toml -o requirements-mutants.lock

clean:
	rm -rf $(VENV) .torture .mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis
