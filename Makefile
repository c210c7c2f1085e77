# Everything runs from two environments that this file makes: .venv (development) and .venv-sam (the AWS SAM command line).
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help setup environments demo test lint fast build validate deployed sam-local lock recordings docs bench fuzz clean

export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= $(shell .ci/find-python 3.13 3.12 3.11 3)
BIN := .venv/bin
# What tests draw (account, region, Hypothesis's examples): new at each commit, the same at each run of a commit.
SEED ?= $(shell printf %d "0x$$(git rev-parse 'HEAD^{tree}' 2>/dev/null | cut -c1-7)")

help: ## Shows this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1|/' | column -t -s '|'

# What the demo needs goes into the same environment, which `make setup` makes whole.
DEMO := $(if $(wildcard .venv/.ready),.venv/.ready,.venv/.demo)

.venv/.demo: requirements/demo.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON), once"
	@"$(PYTHON)" -m venv .venv
	@.ci/install $(BIN)/python requirements/demo.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/.ready: requirements/dev.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON): a few minutes, once"
	@$(PYTHON) -m venv --clear .venv
	@.ci/install $(BIN)/python requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv-sam/.ready: requirements/sam.txt
	@echo "Setting up .venv-sam with the AWS SAM command line: about a minute, once"
	$(PYTHON) -m venv --clear .venv-sam
	.venv-sam/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/sam.txt
	@touch $@

.venv-checkov/.ready: requirements/checkov.txt
	@echo "Setting up .venv-checkov with checkov: half a minute, once"
	$(PYTHON) -m venv --clear .venv-checkov
	.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/checkov.txt
	@touch $@

.venv-deployed/.ready: requirements/deployed.txt
	@echo "Setting up .venv-deployed with an emulator of AWS: half a minute, once"
	@python="$$(.ci/find-python 3.13)" || { echo "without it the tests in tests/deployed are skipped" >&2; exit 0; }; \
	"$$python" -m venv --clear .venv-deployed && \
	.venv-deployed/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/deployed.txt && \
	touch $@

.venv-mlflow/.ready: requirements/mlflow.txt
	@echo "Setting up .venv-mlflow with an MLflow server: a minute, once"
	@python="$$(.ci/find-python 3.13)" || { echo "without it the tests in tests/mlflow are skipped" >&2; exit 0; }; \
	"$$python" -m venv --clear .venv-mlflow && \
	.venv-mlflow/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/mlflow.txt && \
	touch $@

setup: .venv/.ready ## Makes the environment; the command is then at .venv/bin/trialbook

demo: $(DEMO) ## Replays two recordings of real training on this machine, without AWS
	@$(BIN)/trialbook demo

environments:
	@$(MAKE) --silent --no-print-directory --jobs=5 .venv/.ready .venv-sam/.ready .venv-checkov/.ready .venv-deployed/.ready .venv-mlflow/.ready

test: environments ## Runs every check: format, lint, types, template, prose, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@for app in functions/*/app.py; do $(BIN)/mypy "$$app" || exit 1; done # all are called app: one at a time
	@# three for two processors: containers and servers are waited for
	TRIALBOOK_SEED=$(SEED) $(BIN)/python -m pytest -n 3 --dist worksteal --hypothesis-seed=$(SEED)

fast: setup ## Runs the unit tests alone: no AWS, a few seconds
	$(BIN)/python -m pytest --disable-plugin-autoload -p xdist -n 2 --dist worksteal tests/unit

lint: setup ## Formats the code and checks style and types
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	@for app in functions/*/app.py; do $(BIN)/mypy "$$app" || exit 1; done

validate: .venv-sam/.ready .venv-checkov/.ready ## Checks template.yaml and member.yaml: sam, cfn-lint, checkov
	.venv-sam/bin/sam validate --lint --region us-east-1
	.venv-sam/bin/sam validate --lint --region us-east-1 --template member.yaml
	.venv-sam/bin/cfn-lint
	.venv-checkov/bin/checkov --config-file .checkov.yaml --file template.yaml member.yaml

build: .venv-sam/.ready ## Builds the deployment into .aws-sam/build; needs the template's runtime, a python3.13
	PATH="$$(dirname "$$(.ci/find-python 3.13)"):$$PATH" .venv-sam/bin/sam build --cached --parallel

deployed: environments ## Creates the real stack on an emulator of AWS, drives, updates and deletes it
	$(BIN)/python -m pytest -v tests/deployed

sam-local: setup .venv-sam/.ready ## Builds, and runs every function in a container of Lambda's kind; needs Docker
	$(BIN)/python -m pytest -v tests/sam_local

recordings: ## Trains again and writes events/recordings; the same bytes come out
	$(PYTHON) -m venv build/recordings
	build/recordings/bin/python -m pip install --quiet --require-hashes -r events/recordings/requirements.txt
	build/recordings/bin/python events/recordings/make.py

docs: setup ## Writes the generated parts of docs/cli.md and docs/python.md
	$(BIN)/python docs/make.py

fuzz: setup ## Gives each boundary thousands of hostile inputs and counts what becomes of them
	$(BIN)/python -m tests.fuzz

bench: setup ## Measures, and writes docs/benchmarks.md
	$(BIN)/python -m tests.benchmarks

# What mlflow depends on and its server never imports: four fifths of its size.
NOT_SERVED := scikit-learn scipy matplotlib pyarrow skops docker kiwisolver contourpy fonttools pillow joblib threadpoolctl \
	cycler pyparsing narwhals

lock: setup ## Locks the dependencies again, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes --all-extras --group dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes --extra laptop -c requirements/dev.txt pyproject.toml -o requirements/demo.txt
	$(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes requirements/sam.in -o requirements/sam.txt
	$(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes requirements/checkov.in -o requirements/checkov.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.13 --generate-hashes requirements/deployed.in -o requirements/deployed.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.13 --generate-hashes $(addprefix --no-emit-package ,$(NOT_SERVED)) requirements/mlflow.in -o requirements/mlflow.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.13 --generate-hashes layers/trialbook/requirements.in -o layers/trialbook/requirements.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.13 --generate-hashes layers/charts/requirements.in -o layers/charts/requirements.txt

clean: ## Removes environments and builds
	rm -rf .venv .venv-sam .venv-checkov .venv-deployed .venv-mlflow .aws-sam build demo-out replay-out .mypy_cache .pytest_cache .ruff_cache
