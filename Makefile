# Every target sets up what it needs: a virtual environment in .venv with pinned versions.
# uv is used when it is there (faster), plain venv and pip when not.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup run down test check fmt bench crash pictures calls synth deploy destroy release lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything a developer needs

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(f"Errand needs Python 3.11 or newer, and {sys.executable} is {v.major}.{v.minor}. Name another: make PYTHON=python3.13 …" if v < (3, 11) else 0)'
ifdef UV
	@rm -rf $(VENV)
	@$(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --group dev --editable .
else
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev --editable .
endif
	@touch $(READY)

run: $(READY) ## Start the local stack, send the sample bill through it, show it live
	@$(BIN)/errand run

down: $(READY) ## Stop the local stack
	@$(BIN)/errand down

test: $(READY) ## Run every test that needs no AWS account
	$(BIN)/pytest -n 2 --dist loadfile

check: $(READY) ## Lint, types, import rules; what an upgrade of production would lose
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m infra.release

fmt: $(READY) ## Format the code, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## Measure what docs/performance.md promises
	$(BIN)/python -m bench

crash: $(READY) ## Kill the shipped workflows at every write, on both journals
	@failed=0; for workflow in cost-analysis research-report; do for journal in sqlite dynamodb; do \
	  $(BIN)/errand crash-test $$workflow --journal $$journal --kills 50 || failed=1; \
	done; done; for journal in sqlite dynamodb; do \
	  $(BIN)/errand crash-test marketing-post --registry tests/support/marketing.toml --journal $$journal \
	    --prompt "Tell of our unicorns." --answer '{"decision": "approved", "content": "Edited."}' --kills 50 || failed=1; \
	done; exit $$failed

pictures: $(READY) ## Take the pictures in docs/images anew; needs chromium
	ERRAND_PICTURES=docs/images $(BIN)/pytest tests/e2e/test_lab_in_a_browser.py -k becomes

synth: $(READY) ## Synthesise the CloudFormation template for AWS into cdk.out
	$(BIN)/python -m infra.app -c target=aws

deploy: $(READY) ## Deploy STAGE to AWS; CONTEXT="-c notify=ada@example.com …", YES=1 asks nobody
	@$(BIN)/python -m infra.deployment deploy --stage '$(STAGE)' --yes '$(YES)' --force '$(FORCE)' $(CONTEXT)

destroy: $(READY) ## Delete STAGE from AWS, but what production keeps
	@$(BIN)/python -m infra.deployment destroy --stage '$(STAGE)' --yes '$(YES)' $(CONTEXT)

calls: $(READY) ## Record what each role's code calls: policies are made from infra/calls.json
	ERRAND_CALLS_ANEW=1 $(BIN)/pytest tests/integration/chain/test_calls.py

release: $(READY) ## Write production's template down as released: the next is compared with it
	$(BIN)/python -m infra.release --accept

lock: $(READY) ## Pin the newest versions that pyproject.toml allows (no index addresses)
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --group dev pyproject.toml \
	  --output-file constraints.txt --no-emit-index-url --no-header --no-annotate
	@head -n 2 requirements.txt > requirements.txt.tmp
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group agent pyproject.toml \
	  --constraint constraints.txt --no-emit-index-url --no-header --no-annotate >> requirements.txt.tmp
	@mv requirements.txt.tmp requirements.txt

clean: ## Stop the local stack; remove .venv, caches and local state
	-@test ! -x $(BIN)/errand || $(BIN)/errand down
	rm -rf $(VENV) .errand .build cdk.out node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
