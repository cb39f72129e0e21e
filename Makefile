# Every target first makes sure that .venv matches the hashed lock.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.lock-installed
export UV_PYTHON_DOWNLOADS := never

.PHONY: help setup demo test check lint types imports lock lock-check clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## Build .venv from the hashed lock

$(STAMP): requirements-uv.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"fivetier needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}; run make PYTHON=python3.12 ...")'
	@echo "Building $(VENV) with $$($(PYTHON) --version)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Show it all on the bundled sample: a link to sign, then the answer (ARGS=--auto-sign)
	@$(BIN)/fivetier demo $(ARGS)

test: setup ## Run every test
	$(BIN)/python -m pytest

check: lint types imports lock-check test ## What CI runs

lint: setup ## Style and complexity
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Static types, strict
	$(BIN)/mypy

imports: setup ## Import contracts
	$(BIN)/lint-imports

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: setup ## Refresh the hashed locks after a change of pyproject.toml
	$(COMPILE) --all-extras pyproject.toml --output-file requirements-dev.txt

lock-check: setup ## The lock still answers pyproject.toml, and names no package host
	@cp requirements-dev.txt $(VENV)/lock-check.txt
	@$(COMPILE) --all-extras pyproject.toml --output-file $(VENV)/lock-check.txt
	@diff -q requirements-dev.txt $(VENV)/lock-check.txt || { echo "requirements-dev.txt is stale: run make lock"; exit 1; }
	@! grep -nE '(index-url|find-links|https?://)' requirements*.txt

clean: ## Remove what builds and tests leave behind
	rm -rf $(VENV) build cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis reports
