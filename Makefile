# Everything runs in .venv, which is set up on demand and again when what is installed changes.
# Needs Python 3.11 or newer, make and git. Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install -c constraints.txt
INSTALLED_FROM := setup.cfg pyproject.toml constraints.txt

.DEFAULT_GOAL := targets
.DELETE_ON_ERROR:
.PHONY: targets demo runserver test check fix docs cassettes bench clean

targets:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name does; \
		do printf '%-16s %s\n' "$$name" "$$does"; done

demo: .venv/runtime ## Play the whole product through on simulated services (ARGS=--once: one round)
	@$(BIN)/tbot demo $(ARGS)

runserver: .venv/runtime ## Run the server with the settings of this shell (ARGS="--port 9000")
	@$(BIN)/tbot serve $(ARGS)

test: .venv/dev ## Run all tests and check their coverage (ARGS="-k forwards")
	$(BIN)/coverage erase
	$(BIN)/pytest -n 2 --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --fail-under=100 --include='ticketbot/decide/*,ticketbot/models/*,ticketbot/jobs/*'

check: .venv/dev ## Check format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/dev ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/runtime ## Write the pages and samples that follow from the code
	$(BIN)/python -m docs.write_settings

cassettes: .venv/dev ## Record the cassettes of the tests anew
	PYTHONPATH=. $(BIN)/python tests/unit/remote/record_cassettes.py

bench: .venv/dev ## Measure, each figure against its floor
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove caches, reports and builds; .venv stays
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

# The marks stand for what is installed; they are older than a changed setup.cfg.
.venv/runtime: $(INSTALLED_FROM)
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON). Install Python 3.11 or newer, or name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version 2>&1) is too old. Install Python 3.11 or newer, or name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) lacks the venv module. Install it: apt-get install python3-venv" >&2; exit 1; }
	@echo 'Setting up .venv' >&2
	@$(PYTHON) -m venv .venv
	@$(PIP) -e .
	@touch $@

.venv/dev: .venv/runtime
	@echo 'Installing what tests and checks need' >&2
	@$(PIP) -e '.[dev]'
	@touch $@
