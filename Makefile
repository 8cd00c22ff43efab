# The two commands: `make demo` shows the whole road, `make test` proves it. Needs Python 3.11+ and make.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
LOCK := requirements.lock

.PHONY: .venv demo test quick lint types lock clean help browser

help:            ## this list
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z.]+):.*## */  make \1\t/'

.venv: .venv/made ## only the environment, from the hashed lock

.venv/made: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r $(LOCK)
	@touch $@

demo: .venv/made ## fill the demo market and serve it on http://127.0.0.1:8000 (PORT= changes it)
	@$(BIN)/python main.py demo --port $(PORT)

test: .venv/made ## every test, browser tests included where a Chromium is found
	@$(BIN)/python -m pytest $(ARGS)

quick: .venv/made ## the tests but for the slow ones
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

lint: .venv/made ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/made ## mypy, strict
	@$(BIN)/mypy

browser:         ## a Chromium for the browser tests, from the system's packages where that is allowed
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; }

lock: .venv/made ## resolve the pins anew: names, versions and hashes, no addresses
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/python -m uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file $(LOCK) --upgrade --quiet

clean:           ## remove the environment and caches (never the data)
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
