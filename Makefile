# One command each; `make help` lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run check test killtest fuzz simulate lint bench screenshots clean install install-dev

help:           ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: install    ## everything in the foreground, until Ctrl-C: pages, SIP, MSRP, worker, database
	@exec $(BIN)/python manage.py runserver --noreload

# What reads the tree and starts nothing: contracts of the architecture and of the documents.
STATIC_TESTS := tests/test_architecture.py tests/test_defects.py tests/test_documents*.py \
	tests/gateway/test_delivery_page.py tests/platform/test_dashboard_file.py tests/platform/test_packaging.py

check: lint     ## lint, format, types, migrations, contracts of code and documents; half a minute, no database
	@$(call without_state,makemigrations --check --dry-run)
	$(BIN)/python -m pytest -q $(STATIC_TESTS)

test: install-dev   ## the whole test suite; ARGS='-k name' to choose
	@exec $(BIN)/python -m pytest $(ARGS)

killtest: install-dev  ## kill -9 under load, and what both ends saw of it; ARGS='--kills 200 --seed 7'
	@exec $(BIN)/python -m tests.kill $(ARGS)

fuzz: install-dev   ## every fuzz target in turn; TARGET=sip_message for one; ARGS='--seconds 60'
	@exec $(BIN)/python -m tests.fuzz $(or $(TARGET),all) $(ARGS)

simulate: install-dev  ## the gateway among hostile ends in a simulated world; ARGS='--examples 20000 --seed 7'
	@exec $(BIN)/python -m tests.simulation $(ARGS)

lint: install-dev   ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install-dev  ## every measurement in bench/; ARGS are passed on
	@for bench in bench/[a-z]*.py; do echo "== $$bench"; $(BIN)/python -m bench.$$(basename $$bench .py) $(ARGS) || exit 1; done

screenshots: install-dev  ## the pictures in docs/img, by chromium
	@PYTHONPATH=. $(BIN)/python docs/screenshots.py

install: $(BIN)/python
	@$(call install,requirements.txt,$(VENV)/.installed)

install-dev: $(BIN)/python
	@$(call install,requirements-dev.txt,$(VENV)/.installed-dev)

clean:          ## remove the virtual environment and caches; the state folder (var/) stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one by PYTHON=")'
	@$(PYTHON) -m venv $(VENV)

# $(call without_state,command): in an empty environment and state folder, so that it meets no database, and starts none.
define without_state
	state="$$(mktemp -d)"; trap 'rm -rf "$$state"' EXIT; \
	env -i PATH="$$PATH" PARLEY_STATE_DIR="$$state" \
		$(BIN)/python -W "ignore:Got an error checking a consistent migration history" manage.py $(1)
endef

# $(call install,requirements file,stamp): the stamp holds what was installed, so that a second start asks no registry.
define install
	wanted="$$(cat requirements.txt $(1))"; \
	if [ "$$wanted" != "$$(cat $(2) 2>/dev/null)" ]; then \
		echo "Installing $(1)"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-virtualenv -r $(1) \
		&& printf '%s\n' "$$wanted" > $(2); \
	fi
endef
