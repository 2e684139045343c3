# Everything runs in .venv, which is set up on demand and again when what is installed changes.
# Needs Python 3.11 or newer, make and git. Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install -c constraints.txt
INSTALLED_FROM := setup.cfg pyproject.toml constraints.txt
TEST_DB := postgresql://tbot:tbot@127.0.0.1:54329/tbot
NEEDS_DOCKER = docker info >/dev/null 2>&1 || { echo "make: Docker is missing or does not answer. Install or start it: https://docs.docker.com/engine/install" >&2; exit 1; }

.DEFAULT_GOAL := targets
.DELETE_ON_ERROR:
.PHONY: targets demo runserver tui test check fix docs pictures cassettes bench torture binary build-server build-cli test-binary image test-image \
	test-db-up test-db-down deploy-lightsail lightsail-logs clean

targets:
	@sed -n 's/^\([a-z-]*\)[a-z -]*:.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name does; \
		do printf '%-21s %s\n' "$$name" "$$does"; done

demo: .venv/runtime ## Play the whole product through on simulated services (ARGS=--once: one round)
	@$(BIN)/tbot demo $(ARGS)

runserver: .venv/runtime ## Run the server with the settings of this shell (ARGS="--port 9000")
	@$(BIN)/tbot serve $(ARGS)

tui: .venv/runtime ## Open the terminal UI with the settings of this shell
	@$(BIN)/tbot $(ARGS)

test: .venv/dev ## Run all tests and check their coverage (ARGS="-k forwards")
	$(BIN)/coverage erase
	$(BIN)/pytest -n 4 --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --fail-under=100 --include='ticketbot/decide/*,ticketbot/models/*,ticketbot/pipeline/*,ticketbot/sync/*,ticketbot/background/*'

check: .venv/dev ## Check format, lint, types, layers and all of deploy/
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.check

fix: .venv/dev ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/runtime ## Write the pages and samples that follow from the code
	$(BIN)/python -m docs.generate_settings
	$(BIN)/python -m docs.generate_commands
	$(BIN)/python -m docs.generate_tui

pictures: .venv/dev ## Draw the pictures of the README
	$(BIN)/python -m docs.generate_pictures
	$(BIN)/python -m docs.generate_panel_pictures
	if command -v prometheus >/dev/null; then $(BIN)/python -m docs.generate_dashboard_picture; fi

cassettes: .venv/dev ## Record the cassettes of the tests anew
	$(BIN)/python -m tests.remote.record_cassettes

torture: .venv/dev ## Kill, cut and starve the real program, then check what it promised (MINUTES=60 SEED=7 DATABASE=sqlite)
	$(BIN)/python -m torture --minutes=$(or $(MINUTES),2) --seed=$(or $(SEED),0) --database=$(or $(DATABASE),both) $(ARGS)

bench: .venv/dev ## Measure, each figure against its floor (ARGS="hooks growth", ARGS=--help)
	$(BIN)/python -m benchmarks $(ARGS)

binary build-server build-cli: .venv/binary ## Pack server, command line and TUI into one file: dist/tbot
	@command -v objdump >/dev/null || { echo "make: there is no objdump. Install it: apt-get install binutils" >&2; exit 1; }
	@PYTHONHASHSEED=0 $(BIN)/pyinstaller --noconfirm --log-level ERROR pyinstaller.spec
	@dist/tbot version
	@wc --bytes dist/tbot

test-binary: .venv/dev ## Test dist/tbot: alone, without Python and without an environment
	@test -x dist/tbot || { echo "make: there is no dist/tbot. Build it: make binary" >&2; exit 1; }
	TBOT_TEST_BINARY=dist/tbot $(BIN)/pytest tests/package $(ARGS)

image: .venv/runtime ## Build the container image with Docker, else with buildah: dist/ticketbot-image.tar
	@$(BIN)/python -m deploy.image

test-image: .venv/dev ## Test that image: started, sent a webhook, stopped
	TBOT_TEST_IMAGE=1 $(BIN)/pytest tests/deploy/test_image.py $(ARGS)

test-db-up: ## Start a PostgreSQL 16 in Docker to develop and test against
	@$(NEEDS_DOCKER)
	@docker compose --file deploy/test-db.yml up --detach --wait
	@echo 'For the tests:  export TBOT_TEST_POSTGRES=$(TEST_DB)' >&2
	@echo 'For the server: export TBOT_DATABASE_URL=$(TEST_DB)' >&2

test-db-down: ## Stop and remove that PostgreSQL with all that is in it
	@$(NEEDS_DOCKER)
	@docker compose --file deploy/test-db.yml down --volumes

deploy-lightsail: .venv/runtime ## Build the image and deploy it to AWS Lightsail with the settings of this shell
	@$(BIN)/python -m deploy.lightsail deploy

lightsail-logs: .venv/runtime ## Show what the container at Lightsail has logged
	@$(BIN)/python -m deploy.lightsail logs

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

.venv/binary: .venv/runtime
	@echo 'Installing PyInstaller' >&2
	@$(PIP) -e '.[binary]'
	@touch $@

.venv/dev: .venv/runtime
	@echo 'Installing what tests and checks need' >&2
	@$(PIP) -e '.[dev]'
	@touch $@
