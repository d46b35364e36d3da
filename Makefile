# `make verify` and `make test` set everything up by themselves: Python 3.11 or newer and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

# Bytecode is kept, whatever the shell says: some hundred processes of the tests would each compile all of it anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: verify test test-all bench lint types docs completions screenshot clean help

verify: $(INSTALLED) ## run all documents' systems on all backends and write reports/latest/
	$(BIN)/gradproof verify

test: lint types docs ## everything a contributor must pass: lint, types, documentation, doctests, tests
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --gradproof-require torch,jax

test-all: lint types docs $(VENV)/models ## the same with the slow, exhaustive tests
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --gradproof-require torch,jax -m "slow or not slow" --hypothesis-profile=wide

lint: $(INSTALLED) ## ruff, lint and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED) ## mypy, strict
	$(BIN)/mypy

docs: $(INSTALLED) ## build the documentation site in site/; a dead link is an error
	$(BIN)/zensical build --strict --clean
	$(BIN)/python docs/links.py site /gradproof/

bench: $(INSTALLED) ## measure speed and memory, side by side in one run
	$(BIN)/python -m benchmarks

completions: $(INSTALLED) ## make the files again by which shells complete the command
	for shell in bash zsh fish; do $(BIN)/shtab --shell $$shell --prog gradproof gradproof.cli.build_parser > completions/gradproof.$$shell; done

screenshot: $(INSTALLED) ## make docs/pictures/ again (needs Chromium)
	$(BIN)/python docs/screenshot.py

# What slow tests and benchmarks take models from.
$(VENV)/models: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group models
	touch $(VENV)/models

clean: ## remove the environment and caches
	rm -rf $(VENV) site .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# Made only when all is installed, and again when what to install changes.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gradproof needs Python 3.11 or newer, and $(PYTHON) is older. Call make PYTHON=python3.12, say."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]' --group dev --group docs
	touch $(INSTALLED)
