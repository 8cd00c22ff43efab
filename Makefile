# The two commands: `make demo` shows the whole road, `make test` proves it. Needs Python 3.11+ and make.
PYTHON ?= python3
PORT ?= 8000
# Tests run in so many processes, one more than two cores, as many wait for a server; 0 is one, for a debugger.
PROCESSES ?= 3
BIN := .venv/bin
# What the product runs on, and all of that once more with what develops and tests it: one environment for both.
LOCK := requirements.lock
DEV_LOCK := requirements-dev.lock

# Python compiles what it imports; pip would compile all of it, one file after the other, and double the wait.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
  --only-binary=:all: -r
COMPILE = $(BIN)/python -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --upgrade --quiet
# By files: what a file's tests share is made once. In the order that tests/conftest.py gives them.
SIDE_BY_SIDE = -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
APT = command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq >/dev/null

.PHONY: .venv demo test quick lint types lock clean help browser office

help:            ## this list
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z.]+):.*## */  make \1\t/'

.venv: .venv/made-dev ## only the environment, from the hashed locks

.venv/made: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python can make no environment; its package venv is missing (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) $(LOCK)
	@touch $@

.venv/made-dev: .venv/made $(DEV_LOCK)
	@$(INSTALL) $(DEV_LOCK)
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true  # so that no test meets a warning of somebody's source
	@touch $@

demo: .venv/made ## fill the demo market and serve it on http://127.0.0.1:8000 (PORT= changes it)
	@$(BIN)/python main.py demo --port $(PORT)

test: .venv/made-dev ## every test, browser tests included where a Chromium is found (PROCESSES= changes the 3)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

quick: .venv/made-dev ## the tests but for the slow ones
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow" $(ARGS)

lint: .venv/made-dev ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/made-dev ## mypy, strict
	@$(BIN)/mypy

browser:         ## a Chromium for the browser tests, from the system's packages where that is allowed
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { $(APT) chromium; }

office:          ## a LibreOffice and Poppler's tools for the tests that open our documents, in the same way
	@{ command -v soffice && command -v pdftotext; } >/dev/null \
	|| { $(APT) --no-install-recommends libreoffice-writer-nogui libreoffice-calc-nogui poppler-utils; }

lock: .venv/made-dev ## resolve the pins anew: names, versions and hashes, no addresses
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(COMPILE) --output-file $(LOCK)
	@$(COMPILE) --group dev --constraint $(LOCK) --output-file $(DEV_LOCK)

clean:           ## remove the environment and caches (never the data)
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
